package report

import (
	"fmt"
	"slices"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/plan"
)

// document is what both reports say, in plain words. Its texts are [plain] and not escaped yet.
type document struct {
	Hash, ShortHash string
	Made, MadeAt    string // for people and for programs
	Origin          place
	Targets         []place
	Next            []step
	Figures         []figure
	Picture         picture
	Refused         []row // the first of them
	RefusedMore     []row // the rest, if they are many
	RefusedCount    int
	Waves           []wave
	Blackouts       []window
	Stay            []stay
	Options         []option
	Words           []word
}

// place is a cluster.
type place struct {
	Name, Version, Kafka        string
	Connectors, Tasks           int // that go there; of the origin all it has
	Refused                     int // of these
	ConnectorsText, RefusedText string
}

// step is one thing to do next. Command is "" if no command does it.
type step struct{ Command, Text string }

// figure is a line of the summary.
type figure struct{ Name, Value string }

// wave holds the moves of one wave, the refused ones too.
type wave struct {
	Name, Counts string
	Open         bool // shown without a click
	Rows         []row
}

// window is a time in which connectors must not be moved.
type window struct{ From, To, Reason, Rules, Connectors string }

// stay is a connector that is not moved.
type stay struct{ Connector, Rule, Owner string }

// option is what was asked for or accepted for all moves.
type option struct{ Flag, Value, Meaning string }

// word is a word that a report uses, and what it means.
type word struct{ Word, Meaning string }

const (
	openRefused = 200 // refused moves that are shown without a click
	openMoves   = 60  // a plan of so many moves shows its waves without a click
)

func describe(p plan.Plan) document {
	d := document{
		Hash: plain(p.Hash), ShortHash: plain(p.Hash[:min(len(p.Hash), 12)]), Made: moment(p.CreatedAt), MadeAt: p.CreatedAt.UTC().Format(time.RFC3339),
		Blackouts: windows(p.Moves), Options: options(p.Options), Words: glossary,
	}
	rows := newRows(p.Moves)
	d.Origin, d.Targets = places(p)
	d.Picture = draw(d.Origin, d.Targets, len(p.Stay))
	d.Next, d.Figures = next(rows), figures(p, rows)
	for _, r := range rows {
		if r.Refused {
			d.Refused = append(d.Refused, r)
		}
	}
	d.RefusedCount = len(d.Refused)
	if d.RefusedCount > openRefused {
		d.Refused, d.RefusedMore = d.Refused[:openRefused], d.Refused[openRefused:]
	}
	d.Waves = waves(p, rows)
	for _, s := range p.Stay {
		d.Stay = append(d.Stay, stay{Connector: plain(s.Connector), Rule: plain(s.Rule), Owner: owner(s.Owner)})
	}
	return d
}

// Title names the plan in one line.
func (d document) Title() string {
	return fmt.Sprintf("Plan %s: from %s to %s", or(d.ShortHash, "without a hash"), d.Origin.Name, d.Destinations())
}

// RefusedText says how many moves are refused.
func (d document) RefusedText() string { return refusedText(d.RefusedCount) }

func refusedText(n int) string {
	if n == 1 {
		return "1 move is refused"
	}
	return number(n) + " moves are refused"
}

// RefusedMoreText says how many more there are.
func (d document) RefusedMoreText() string { return count(len(d.RefusedMore), "more refused move") }

// StayText says how many connectors stay.
func (d document) StayText() string { return count(len(d.Stay), "connector") }

// Destinations names the targets.
func (d document) Destinations() string {
	var names []string
	for _, target := range d.Targets {
		names = append(names, target.Name)
	}
	return listed(names)
}

// places returns the origin, and the targets with what goes to each.
func places(p plan.Plan) (origin place, targets []place) {
	named := func(of plan.Cluster) place {
		return place{Name: plain(of.Name), Version: or(plain(of.Version), "unknown"), Kafka: or(plain(of.KafkaClusterID), "unknown")}
	}
	origin = named(p.Origin)
	origin.Name = or(origin.Name, "the origin")
	origin.Connectors = len(p.Moves) + len(p.Stay)
	index := map[string]int{}
	for _, target := range p.Targets {
		index[target.Name] = len(targets)
		targets = append(targets, named(target))
	}
	for _, move := range p.Moves {
		at, known := index[move.Target]
		if !known {
			at = len(targets)
			index[move.Target] = at
			targets = append(targets, named(plan.Cluster{Name: move.Target}))
		}
		targets[at].Connectors++
		targets[at].Tasks += move.Tasks
		origin.Tasks += move.Tasks
		if !move.Go {
			targets[at].Refused++
			origin.Refused++
		}
	}
	for i := range targets {
		targets[i].say()
	}
	origin.say()
	return origin, targets
}

func (p *place) say() {
	p.ConnectorsText, p.RefusedText = count(p.Connectors, "connector"), number(p.Refused)+" refused"
}

// next says what to do with the plan.
func next(rows []row) []step {
	refused, going := 0, 0
	for _, r := range rows {
		switch {
		case r.Refused:
			refused++
		case !r.Done:
			going++
		}
	}
	var steps []step
	if refused > 0 {
		steps = append(steps, step{Text: refusedText(refused) + ". Correct the rules or the clusters, plan anew, and review the new plan."})
	}
	switch {
	case going > 0 && refused > 0:
		steps = append(steps, step{Command: "ferry apply --plan FILE --wave N", Text: "makes the moves of a wave in which none is refused. The plan as a whole is refused."})
	case going > 0:
		steps = append(steps,
			step{Command: "ferry apply --plan FILE --rehearse", Text: "tries every move, all but the cut, and undoes it."},
			step{Command: "ferry apply --plan FILE", Text: "makes the moves, wave after wave."})
	case refused == 0 && len(rows) > 0:
		steps = append(steps, step{Text: "Nothing is left to do: every connector was moved already."})
	case refused == 0:
		steps = append(steps, step{Text: "Nothing is left to do: the plan moves no connector."})
	}
	return steps
}

// waves groups the moves.
func waves(p plan.Plan, rows []row) []wave {
	canary := map[int]bool{}
	for _, w := range p.Waves {
		canary[w.Wave] = w.Canary
	}
	grouped := map[int][]row{}
	var order []int
	for _, r := range rows {
		if grouped[r.Wave] == nil {
			order = append(order, r.Wave)
		}
		grouped[r.Wave] = append(grouped[r.Wave], r)
	}
	slices.Sort(order)
	var found []wave
	for _, n := range order {
		name := fmt.Sprintf("Wave %d", n)
		if canary[n] {
			name += ", canary"
		}
		found = append(found, wave{Name: name, Counts: counts(grouped[n]), Open: len(rows) <= openMoves, Rows: grouped[n]})
	}
	return found
}

// counts says what a wave holds.
func counts(rows []row) string {
	tasks, refused, warned := 0, 0, 0
	var longest int64
	for _, r := range rows {
		tasks += r.Tasks
		longest = max(longest, r.downtime)
		if r.Refused {
			refused++
		}
		if len(r.Warnings) > 0 {
			warned++
		}
	}
	said := count(len(rows), "connector") + ", " + count(tasks, "task")
	if refused > 0 {
		said += ", " + number(refused) + " refused"
	}
	if warned > 0 {
		said += ", " + number(warned) + " with warnings"
	}
	if longest > 0 {
		said += ", each down for at most about " + span(longest)
	}
	return said
}

// windows returns the blackout windows, each once, in the order of time.
func windows(moves []plan.Move) []window {
	type key struct {
		from, to time.Time
		reason   string
	}
	type held struct {
		connectors int
		rules      []string
	}
	found := map[key]*held{}
	var order []key
	for _, move := range moves {
		for _, b := range move.Blackout {
			k := key{b.From.UTC(), b.To.UTC(), b.Reason}
			if found[k] == nil {
				found[k] = &held{}
				order = append(order, k)
			}
			found[k].connectors++
			if rule := plain(move.Rule); !slices.Contains(found[k].rules, rule) {
				found[k].rules = append(found[k].rules, rule)
			}
		}
	}
	slices.SortStableFunc(order, func(a, b key) int { return a.from.Compare(b.from) })
	var all []window
	for _, k := range order {
		all = append(all, window{
			From: moment(k.from), To: moment(k.to), Reason: or(plain(k.reason), "no reason given"),
			Rules: listed(found[k].rules), Connectors: number(found[k].connectors),
		})
	}
	return all
}
