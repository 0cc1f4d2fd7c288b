package report

import (
	"fmt"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
	"github.com/connect-ferry/connect-ferry/runner/internal/plan"
	"github.com/connect-ferry/connect-ferry/runner/internal/regroup"
	"github.com/connect-ferry/connect-ferry/runner/internal/rules"
)

// row is one move.
type row struct {
	Number                        int    // within the document, for links
	Connector, To                 string // its name, and the cluster it goes to
	Regrouped                     string // which become it, or which it becomes; "" if it stays one
	As                            string // its name there, "" if it is the same
	About                         string // class, kind, plugin, rule
	Wave, Tasks                   int
	TasksText                     string
	State, Stands                 string // Stands is "" if no earlier run began the move
	Down, Proof, Copy             string
	Entries, SentAgain, Owner     string
	Blackouts                     string // how many windows it has, "" for none
	Refused, Done                 bool
	Reasons, Warnings             []string
	Changes                       []change
	ChangesText, ChangesElsewhere string // how many settings change; where they are, if not in Changes

	downtime int64 // 0 if none is expected
}

// change is a setting that has another value on the target.
type change struct{ Setting, Origin, Target string }

// Hidden is a remark if the two values look the same, "" if they do not.
func (c change) Hidden() string {
	if c.Origin != c.Target {
		return ""
	}
	return "differs where it is masked or cut"
}

const (
	reasonLength  = 4000    // characters of a reason or a warning
	valueLength   = 400     // characters of a setting's value
	changesBudget = 1 << 20 // characters for all settings of a report
	changeMarkup  = 150     // what a page needs around each

	nothing = "–" // in place of what a move does not have
)

func newRows(moves []plan.Move) []row {
	rows := make([]row, len(moves))
	budget := changesBudget
	for i, move := range moves {
		rows[i] = newRow(i+1, move)
		rows[i].addChanges(move.ConfigDifference, &budget)
	}
	return rows
}

func newRow(n int, move plan.Move) row {
	r := row{
		Number: n, Connector: plain(move.Connector), To: plain(move.Target), About: about(move),
		Wave: move.Wave, Tasks: move.Tasks, TasksText: count(move.Tasks, "task"), State: or(plain(string(move.State)), "unknown"), Stands: stands(move.Stands),
		Down: nothing, Proof: or(plain(string(move.Proof)), nothing), Copy: nothing, Entries: nothing, SentAgain: nothing, Owner: owner(move.Owner),
		Refused: !move.Go, Done: move.Go && pair.State(move.Stands).Finished(),
	}
	r.Regrouped = regrouped(move.Regroup)
	if move.TargetConnector != move.Connector {
		r.As = plain(move.TargetConnector)
	}
	if len(move.Blackout) > 0 {
		r.Blackouts = count(len(move.Blackout), "blackout window")
	}
	for _, reason := range move.Reasons {
		r.Reasons = append(r.Reasons, clip(reason, reasonLength))
	}
	if r.Refused && len(r.Reasons) == 0 {
		r.Reasons = []string{"the plan names no reason"}
	}
	for _, warning := range move.Warnings() {
		r.Warnings = append(r.Warnings, clip(warning, reasonLength))
	}
	if r.Refused || r.Done {
		return r
	}
	r.Copy, r.Entries = or(plain(move.Copy), nothing), number(move.Entries)
	switch {
	case move.ExpectedDowntimeMS != nil:
		r.downtime = *move.ExpectedDowntimeMS
		r.Down = span(r.downtime)
	case move.State != connect.Running:
		r.Down = "does not run"
	}
	switch {
	case move.SentAgain != nil && *move.SentAgain == 0:
		r.SentAgain = "none"
	case move.SentAgain != nil:
		r.SentAgain = "up to " + number(*move.SentAgain)
	case move.Copy == "checkpoints":
		r.SentAgain = "not known yet"
	}
	return r
}

// regrouped says which connectors become this one, or which it becomes, "" if it stays one.
func regrouped(of *plan.Regroup) string {
	if of == nil {
		return ""
	}
	var names []string
	for _, part := range of.Parts {
		name := plain(part.Connector)
		if len(part.Items) > 0 {
			name += " (" + clip(strings.Join(part.Items, ", "), valueLength) + ")"
		}
		names = append(names, name)
	}
	if of.Form == regroup.Split {
		return "split into " + listed(names)
	}
	return "made of " + listed(names)
}

// addChanges adds the differences of the configs as long as the budget of characters lasts.
func (r *row) addChanges(differences []event.SettingDifference, budget *int) {
	if len(differences) == 0 {
		return
	}
	r.ChangesText = count(len(differences), "setting") + " change"
	if len(differences) == 1 {
		r.ChangesText = "1 setting changes"
	}
	if *budget <= 0 {
		r.ChangesElsewhere = r.ChangesText + ", see the plan"
		return
	}
	for _, d := range differences {
		said := change{Setting: clip(d.Setting, valueLength), Origin: clip(d.Origin, valueLength), Target: clip(d.Target, valueLength)}
		*budget -= changeMarkup + len(said.Setting) + len(said.Origin) + len(said.Target)
		r.Changes = append(r.Changes, said)
	}
}

// about says what kind of connector it is, and which rule moves it.
func about(move plan.Move) string {
	said := or(plain(move.Class), "unknown class")
	if move.Type != "" {
		said += ", " + plain(move.Type)
	}
	switch {
	case move.OriginPlugin == "" && move.TargetPlugin == "":
	case move.OriginPlugin == move.TargetPlugin:
		said += ", plugin " + plain(move.OriginPlugin)
	default:
		said += fmt.Sprintf(", plugin %s, on the target %s", or(plain(move.OriginPlugin), "unknown"), or(plain(move.TargetPlugin), "unknown"))
	}
	if move.Rule != "" {
		said += ", rule " + plain(move.Rule)
	}
	return said
}

// stands says how far an earlier run got.
func stands(state string) string {
	switch pair.State(state) {
	case pair.NotBegun:
		return ""
	case pair.Prepared:
		return "begun: a stopped copy is on the target"
	case pair.HalfCopied:
		return "begun: stopped on both sides, the offsets differ"
	case pair.Copied:
		return "begun: stopped on both sides, the offsets are copied"
	case pair.Moved:
		return "moved already"
	case pair.Accepted:
		return "moved already, and gone from the origin"
	case pair.RunningTwice:
		return "runs on both sides"
	case pair.Absent:
		return "on neither side"
	case pair.Unclear:
		return "unclear how far it got"
	case "":
		return "how far it got could not be read"
	default:
		return plain(state)
	}
}

func owner(of *rules.Owner) string {
	if of == nil {
		return nothing
	}
	if of.Channel == "" {
		return plain(of.Name)
	}
	return plain(of.Name) + ", " + plain(of.Channel)
}
