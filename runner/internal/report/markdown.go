package report

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"

	"github.com/connect-ferry/connect-ferry/runner/internal/plan"
)

// mostRows bounds the moves that are shown in detail, and every other table.
const mostRows = 500

// shortValue is how much of a setting's value a table shows.
const shortValue = 120

// Markdown returns the report as GitHub-flavoured Markdown with at most 500 moves in detail, for
// places that show no HTML, such as Kestra's preview. No name or value in it can end a table's
// cell or become HTML.
func Markdown(p plan.Plan) []byte {
	m := &markdown{document: describe(p), left: mostRows}
	m.head()
	m.clusters()
	m.refused()
	m.waves()
	m.warnings()
	m.changes()
	m.blackouts()
	m.stay()
	m.options()
	m.line("---", "", "Hash of the plan: "+code(or(m.Hash, "none"))+". The same hash means the same plan. Secrets are masked.")
	return m.out.Bytes()
}

type markdown struct {
	document
	out   bytes.Buffer
	left  int   // moves that may still be shown
	shown []row // what was shown, refused ones too
}

func (m *markdown) head() {
	m.line("# Plan "+code(or(m.ShortHash, "without a hash")), "")
	m.line(fmt.Sprintf("It moves connectors from **%s** to **%s**. Made %s.", text(m.Origin.Name), text(m.Destinations()), m.Made), "")
	m.line("## Summary", "")
	m.table("What", "How many")
	for _, f := range m.Figures {
		m.row(f.Name, text(f.Value))
	}
	m.line("", "## What to do next", "")
	for i, s := range m.Next {
		if s.Command != "" {
			s.Text = code(s.Command) + " " + s.Text
		}
		m.line(fmt.Sprintf("%d. %s", i+1, s.Text))
	}
	m.line("")
}

func (m *markdown) clusters() {
	m.line("## Who goes where", "")
	m.table("Cluster", "Version", "Kafka cluster", "Connectors", "Tasks", "Refused")
	o := m.Origin
	m.row(text(o.Name)+", the origin", text(o.Version), text(o.Kafka), number(o.Connectors)+" in all", number(o.Tasks)+" to move", number(o.Refused))
	m.some(len(m.Targets), mostRows, func(i int) {
		t := m.Targets[i]
		m.row(text(t.Name), text(t.Version), text(t.Kafka), number(t.Connectors), number(t.Tasks), number(t.Refused))
	})
}

func (m *markdown) refused() {
	m.line("## Refused moves", "")
	if m.RefusedCount == 0 {
		m.line("✓ No move is refused.", "")
		return
	}
	m.line("✗ "+m.RefusedText()+". Every reason has its row.", "")
	m.table("Connector", "To", "Wave", "Owner", "Reason")
	all := append(append([]row{}, m.Refused...), m.RefusedMore...)
	take := min(len(all), m.left)
	m.some(len(all), take, func(i int) {
		r := all[i]
		for _, reason := range r.Reasons {
			m.row(code(r.Connector), text(r.To), number(r.Wave), text(r.Owner), text(reason))
		}
	})
	m.left -= take
	m.shown = append(m.shown, all[:take]...)
}

func (m *markdown) waves() {
	m.line("## Moves, wave by wave", "")
	if len(m.Waves) == 0 {
		m.line("No connector moves.", "")
	}
	for i, w := range m.Waves {
		if m.left == 0 {
			m.more(m.moves(i))
			return
		}
		m.line("### "+w.Name, "", w.Counts, "")
		if going := m.going(w); len(going) > 0 {
			m.table("Connector", "To", "Tasks", "State", "Down for", "Proof", "Copy", "Entries", "Sent again", "Owner")
			take := min(len(going), m.left)
			m.some(len(going), take, func(i int) { m.move(going[i]) })
			m.left -= take
			m.shown = append(m.shown, going[:take]...)
		}
	}
}

// going returns the moves of a wave that are not refused.
func (m *markdown) going(w wave) []row {
	var going []row
	for _, r := range w.Rows {
		if !r.Refused {
			going = append(going, r)
		}
	}
	return going
}

// moves counts the moves, from a wave on, that are not refused.
func (m *markdown) moves(from int) int {
	moves := 0
	for _, w := range m.Waves[from:] {
		moves += len(m.going(w))
	}
	return moves
}

func (m *markdown) move(r row) {
	name := code(r.Connector)
	if r.As != "" {
		name += " as " + code(r.As)
	}
	if r.Regrouped != "" {
		name += ", " + text(r.Regrouped)
	}
	state := text(r.State)
	if r.Stands != "" {
		state += ", " + text(r.Stands)
	}
	m.row(name, text(r.To), number(r.Tasks), state, r.Down, text(r.Proof), text(r.Copy), r.Entries, r.SentAgain, text(r.Owner))
}

func (m *markdown) warnings() {
	type warning struct{ connector, said string }
	var all []warning
	for _, r := range m.shown {
		for _, said := range r.Warnings {
			all = append(all, warning{r.Connector, said})
		}
	}
	if len(all) == 0 {
		return
	}
	m.line("## Warnings", "")
	m.table("Connector", "Warning")
	m.some(len(all), mostRows, func(i int) { m.row(code(all[i].connector), text(all[i].said)) })
}

func (m *markdown) changes() {
	type setting struct {
		connector string
		change
	}
	var all []setting
	elsewhere := 0
	for _, r := range m.shown {
		if r.ChangesElsewhere != "" {
			elsewhere++
		}
		for _, c := range r.Changes {
			all = append(all, setting{r.Connector, c})
		}
	}
	if len(all) == 0 && elsewhere == 0 {
		return
	}
	m.line("## Settings that change", "")
	m.table("Connector", "Setting", "On the origin", "On the target")
	value := func(of string) string {
		if of == "" {
			return "not set"
		}
		return code(clip(of, shortValue))
	}
	m.some(len(all), mostRows, func(i int) {
		shown := change{Origin: value(all[i].Origin), Target: value(all[i].Target)}
		if hidden := shown.Hidden(); hidden != "" {
			shown.Target += ", " + hidden
		}
		m.row(code(all[i].connector), code(all[i].Setting), shown.Origin, shown.Target)
	})
	if elsewhere > 0 {
		m.line("The settings of "+count(elsewhere, "more move")+" change too, see the plan.", "")
	}
}

func (m *markdown) blackouts() {
	if len(m.Blackouts) == 0 {
		return
	}
	m.line("## Blackout windows", "")
	m.table("From", "To", "Reason", "Rules", "Connectors")
	m.some(len(m.Blackouts), mostRows, func(i int) {
		b := m.Blackouts[i]
		m.row(b.From, b.To, text(b.Reason), text(b.Rules), b.Connectors)
	})
}

func (m *markdown) stay() {
	m.line("## What stays", "")
	if len(m.Stay) == 0 {
		m.line("Nothing.", "")
		return
	}
	m.line(m.StayText()+".", "")
	m.table("Connector", "Rule", "Owner")
	m.some(len(m.Stay), mostRows, func(i int) { m.row(code(m.Stay[i].Connector), text(m.Stay[i].Rule), text(m.Stay[i].Owner)) })
}

func (m *markdown) options() {
	m.line("## Options", "")
	m.table("Option", "Value", "Meaning")
	for _, o := range m.Options {
		m.row(code(o.Flag), text(o.Value), o.Meaning)
	}
	m.line("")
}

// some writes the first rows of a table, and how many there are besides.
func (m *markdown) some(all, most int, write func(int)) {
	for i := range min(all, most) {
		write(i)
	}
	m.line("")
	m.more(all - most)
}

func (m *markdown) more(n int) {
	if n > 0 {
		m.line("and "+number(n)+" more, see the plan", "")
	}
}

func (m *markdown) table(columns ...string) {
	m.row(columns...)
	m.line(strings.Repeat("|---", len(columns)) + "|")
}

// row writes cells, which are escaped already.
func (m *markdown) row(cells ...string) { m.line("| " + strings.Join(cells, " | ") + " |") }

func (m *markdown) line(lines ...string) {
	for _, line := range lines {
		m.out.WriteString(line + "\n")
	}
}

// escapes are for what means something in Markdown, or to a page that shows it. References to
// characters never do, in no dialect.
var escapes = func() *strings.Replacer {
	var pairs []string
	for _, special := range "\\`*_~[]<>&|#$@!^{}" {
		pairs = append(pairs, string(special), fmt.Sprintf("&#%d;", special))
	}
	return strings.NewReplacer(append(pairs, "://", "&#58;//", "www.", "www&#46;")...)
}()

// text escapes words of the plan.
func text(of string) string { return escapes.Replace(plain(of)) }

// code shows a name or a value in the type of code, in which no sign means anything. Where it
// has one that could end that, it is escaped as text.
func code(of string) string {
	clean := plain(of)
	if clean == "" || strings.TrimFunc(clean, unicode.IsSpace) != clean || strings.ContainsAny(clean, "`|<>&\\") {
		return text(clean)
	}
	return "`" + clean + "`"
}
