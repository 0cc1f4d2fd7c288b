package report_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/plan"
	"github.com/connect-ferry/connect-ferry/runner/internal/report"
	"github.com/connect-ferry/connect-ferry/runner/internal/rules"
)

var samples = flag.String("samples", "", "write both reports of a sample to this folder, to look at them")

// hostile are names and values that somebody may have given to a connector.
var hostile = []string{
	"<script>alert(1)</script>",
	"a|b",
	`"quotes'`,
	"first\nsecond",
	strings.Repeat("n", 249),
	"](http://x)",
	"`; tick ``",
	`back\slash\`,
	"a\\|b",
	" blanks ",
	"</title></text></svg><img src=x onerror=alert(1)>",
	"*bold* _it_ ~~no~~ <!-- www.example.org &amp; @everyone",
	"\x00\x1b[2J\u202eevil\u2028\ufffe\xff",
	"{{.Hash}} ${x} $a$",
	"javascript:alert(1)",
}

func TestSample(t *testing.T) {
	page, text := render(t, sample())
	if *samples != "" {
		for name, content := range map[string][]byte{"report-sample.html": page, "report-sample.md": text} {
			if err := os.WriteFile(filepath.Join(*samples, name), content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	said := words(t, page)
	for _, want := range []string{
		"Plan aaaaaaaaaaaa", "global", "Made 27 Nov 2026, 12:00 UTC", "Hash of the plan: " + strings.Repeat("a", 64),
		"ferry apply --plan FILE --wave N", "2 moves are refused. Correct the rules or the clusters",
		"Moves 21", "✓ Go 19, 1 of them moved already", "✗ No-go, refused 2", "Stay 4", "Waves 4, 1 canary", "Connectors on the origin 25",
		"Expected downtime, longest about 2.4 s", "Expected downtime, median about 300 ms", "Records sent again up to 1,234, not known yet for 1 connector",
		"europe lacks the plugin io.debezium.connector.postgresql.PostgresConnector", "validation failed: connection.url is missing",
		"Wave 1, canary : 3 connectors, 3 tasks", "Christmas freeze", "24 Dec 2026, 00:00 UTC", "Team Orders, #orders",
		"topic.prefix global eu", "database.password *** *** , differs where it is masked or cut", "slot.name old not set", "⚠ Warning: defaults differ",
		"--at-least-once accepted", "--overwrite not accepted", "does not run", "moved already", "orders-eu", "4.3.1",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	for _, want := range []string{
		"# Plan `aaaaaaaaaaaa`", "1. 2 moves are refused.", "2. `ferry apply --plan FILE --wave N` makes", "| Moves | 21 |", "✗ 2 moves are refused.",
		"| `payments-0` | europe | 2 | Team Payments | europe lacks the plugin io.debezium.connector.postgresql.PostgresConnector |",
		"| `payments-0` | europe | 2 | Team Payments | validation failed: connection.url is missing |",
		"| `orders-0` as `orders-eu-0` | europe | 1 | RUNNING | 300 ms | hard | rest | 1 | – | Team Orders, &#35;orders |",
		"| `orders-0` | `topic.prefix` | `global` | `eu` |", "| `orders-0` | `slot.name` | `old` | not set |", "| `orders-0` | `database.password` | `***` | `***`, differs where it is masked or cut |", "### Wave 1, canary", "## Blackout windows", "| `legacy-0` |",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the Markdown does not say %q:\n%s", want, text)
		}
	}
}

// TestStandsAlone: the page loads nothing and runs nothing.
func TestStandsAlone(t *testing.T) {
	page, _ := render(t, sample())
	for _, never := range []string{"http://", "https://", "<script", "src=", "url(", "@import", "<link", "javascript:", "<iframe", "onload="} {
		if bytes.Contains(bytes.ToLower(page), []byte(never)) {
			t.Errorf("the page has %s", never)
		}
	}
	for _, always := range []string{
		`<html lang="en">`, `name="viewport"`, "@media print", "prefers-color-scheme:dark", `scope="col"`, `scope="row"`, "overflow-wrap:anywhere", `role="img"`, "<desc",
	} {
		if !bytes.Contains(page, []byte(always)) {
			t.Errorf("the page lacks %s", always)
		}
	}
}

// TestHostile: no name or value becomes markup, or leaves its cell, wherever it stands.
func TestHostile(t *testing.T) {
	benign, benignText := render(t, everywhere("plain"))
	for _, name := range hostile {
		t.Run(name[:min(len(name), 12)], func(t *testing.T) {
			page, text := render(t, everywhere(name))
			if got, want := elements(t, page), elements(t, benign); !slices.Equal(got, want) {
				t.Errorf("the page has other elements than with a plain name")
			}
			if !slices.Equal(shape(string(text)), shape(string(benignText))) {
				t.Errorf("the Markdown has other lines or cells than with a plain name:\n%s", text)
			}
			outside := regexp.MustCompile("`[^`\n]*`").ReplaceAllString(string(text), "")
			if strings.ContainsAny(outside, "<>`\\[]~") || strings.Contains(outside, "http://") || strings.Contains(outside, "www.") {
				t.Errorf("the Markdown has signs that mean something:\n%s", outside)
			}
			for _, document := range [][]byte{page, text} {
				if bytes.ContainsAny(document, "\x00\x1b\r\u202e\u2028\ufffe") || !bytes.Equal(document, bytes.ToValidUTF8(document, nil)) {
					t.Error("a character that cannot be seen got through")
				}
			}
		})
	}
}

func TestNamesAreShownWhole(t *testing.T) {
	long := strings.Repeat("n", 249)
	page, text := render(t, everywhere(long))
	if !strings.Contains(words(t, page), long) || !bytes.Contains(text, []byte("`"+long+"`")) {
		t.Error("a long name is not shown whole")
	}
	page, text = render(t, everywhere(`"quotes' <b> | ¦`))
	if !strings.Contains(words(t, page), `"quotes' <b> | ¦`) {
		t.Error("the page does not show a name as it is")
	}
	if !bytes.Contains(text, []byte(`"quotes' &#60;b&#62; &#124; ¦`)) {
		t.Error("the Markdown does not show a name as it is")
	}
}

func TestEmptyPlan(t *testing.T) {
	for name, empty := range map[string]plan.Plan{"no moves": {Hash: "abc", Origin: plan.Cluster{Name: "global"}}, "nothing at all": {}} {
		t.Run(name, func(t *testing.T) {
			page, text := render(t, empty)
			for _, want := range []string{"Nothing is left to do: the plan moves no connector.", "No move is refused.", "No connector moves.", "none expected"} {
				if !strings.Contains(words(t, page), want) || !strings.Contains(string(text), want) {
					t.Errorf("a report does not say %q", want)
				}
			}
			for _, never := range []string{"NaN", "Inf", "<no value>", "ferry apply"} {
				if bytes.Contains(page, []byte(never)) || bytes.Contains(text, []byte(never)) {
					t.Errorf("a report says %q", never)
				}
			}
		})
	}
}

// TestEveryReason: of each refused move, both reports give every reason.
func TestEveryReason(t *testing.T) {
	p := many(450, func(i int, m *plan.Move) {
		m.Go, m.Reasons = false, []string{fmt.Sprintf("reason A of %d", i), fmt.Sprintf("reason B of %d", i), fmt.Sprintf("reason C of %d", i)}
	})
	page, text := render(t, p)
	for i := range p.Moves {
		for _, reason := range p.Moves[i].Reasons {
			if !bytes.Contains(page, []byte("<li>"+reason+"</li>")) || !bytes.Contains(text, []byte("| "+reason+" |")) {
				t.Fatalf("a report lacks %q", reason)
			}
		}
	}
	for _, want := range []string{"450 moves are refused", "250 more refused moves"} {
		if !strings.Contains(words(t, page), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if bytes.Contains(page, []byte("ferry apply")) {
		t.Error("the page says to apply a plan of which nothing can be moved")
	}
}

// TestEveryLinkLeadsSomewhere: each link on the page is to a place that is there once.
func TestEveryLinkLeadsSomewhere(t *testing.T) {
	page, _ := render(t, sample())
	for _, link := range regexp.MustCompile(`href="#([^"]*)"`).FindAllSubmatch(page, -1) {
		if bytes.Count(page, []byte(` id="`+string(link[1])+`"`)) != 1 {
			t.Errorf("#%s is not there once", link[1])
		}
	}
}

func TestFiveThousandMoves(t *testing.T) {
	for name, change := range map[string]func(int, *plan.Move){
		"as usual": func(int, *plan.Move) {},
		"all refused": func(_ int, m *plan.Move) {
			m.Go, m.Reasons = false, []string{strings.Repeat("r", 120), strings.Repeat("s", 120)}
		},
		"long names and many settings": func(i int, m *plan.Move) {
			m.Connector = strings.Repeat("n", 240) + fmt.Sprint(i)
			m.TargetConnector = m.Connector
			m.ConfigDifference = slices.Repeat([]event.SettingDifference{{Setting: "s", Origin: strings.Repeat("o", 900), Target: "t"}}, 20)
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := many(5000, change)
			page, text := render(t, p)
			if len(page) > 6_000_000 {
				t.Errorf("the page has %d bytes", len(page))
			}
			if len(text) > 1<<20 {
				t.Errorf("the Markdown has %d bytes", len(text))
			}
			if !bytes.Contains(text, []byte("and 4,500 more, see the plan")) {
				t.Error("the Markdown does not say how many moves it leaves out")
			}
			shown := map[string]bool{}
			for _, found := range regexp.MustCompile("<code>([^<]*)</code>").FindAllSubmatch(page, -1) {
				shown[string(found[1])] = true
			}
			for _, m := range p.Moves {
				if !shown[m.Connector] {
					t.Fatalf("the page lacks %s", m.Connector)
				}
			}
		})
	}
}

// TestLeftOutIsSaid: settings that are too many for the page are counted all the same.
func TestLeftOutIsSaid(t *testing.T) {
	page, text := render(t, many(5000, func(i int, m *plan.Move) {
		m.Go = i < 4990
		m.ConfigDifference = slices.Repeat([]event.SettingDifference{{Setting: "s", Origin: strings.Repeat("o", 900), Target: "t"}}, 3)
	}))
	said := words(t, page)
	if cut, counted := strings.Count(said, "3 settings change"), strings.Count(said, "3 settings change, see the plan"); cut != 5000 || counted == 0 || counted == 5000 {
		t.Errorf("%d moves with settings, %d of them without details", cut, counted)
	}
	if !strings.Contains(said, "ooo… (cut, see the plan)") || !bytes.Contains(text, []byte("ooo… (cut, see the plan)")) {
		t.Error("a long value is not cut")
	}
	if !bytes.Contains(text, []byte("The settings of 10 more moves change too, see the plan.")) { // the refused ones
		t.Error("the Markdown does not say that it leaves settings out")
	}
}

// TestPicture: bands are as wide as the counts say, and nothing lies outside.
func TestPicture(t *testing.T) {
	page, _ := render(t, sample())
	said := words(t, page)
	for _, want := range []string{
		"global has 25 connectors.", "europe: 10 connectors, 2 refused.", "asia: 8 connectors.", "america-with-a-very-long-name: 3 connectors.", "stays: 4 connectors.",
		"america-with-a-very…",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("the picture does not say %q", want)
		}
	}
	path := regexp.MustCompile(`d="M12 ([\d.]+)C113 [\d.]+ 113 [\d.]+ 214 [\d.]+L214 [\d.]+C113 [\d.]+ 113 [\d.]+ 12 ([\d.]+)Z"`)
	var wide []float64
	for _, found := range path.FindAllSubmatch(page, -1) {
		var from, to float64
		if _, err := fmt.Sscan(string(found[1])+" "+string(found[2]), &from, &to); err != nil {
			t.Fatal(err)
		}
		wide = append(wide, to-from)
	}
	const each = 280. / 25
	for i, connectors := range []float64{8, 2, 8, 3, 4} { // 2 are refused
		if len(wide) != 5 || wide[i] < connectors*each-.11 || wide[i] > connectors*each+.11 {
			t.Fatalf("bands are %v wide", wide)
		}
	}
}

func TestManyTargetsAreDrawnAsOne(t *testing.T) {
	p := many(100, func(i int, m *plan.Move) { m.Target = fmt.Sprintf("target-%02d", i%40) })
	page, text := render(t, p)
	if said := words(t, page); !strings.Contains(said, "29 more targets: 67 connectors.") || strings.Count(string(page), "<g class=") != 12 {
		t.Error("the picture does not bundle the targets")
	}
	if !bytes.Contains(text, []byte("| target-39 |")) {
		t.Error("the table lacks a target")
	}
}

// render makes both reports and checks that the page is well-formed and that each row of a
// Markdown table has as many cells as its head.
func render(t *testing.T, p plan.Plan) (page, text []byte) {
	t.Helper()
	page, err := report.HTML(p)
	if err != nil {
		t.Fatal(err)
	}
	elements(t, page)
	text = report.Markdown(p)
	columns := 0
	for line := range strings.Lines(string(text)) {
		cells := strings.Count(line, "|")
		switch {
		case cells == 0:
			columns = 0
		case columns == 0:
			columns = cells
		case cells != columns:
			t.Fatalf("%d cells instead of %d: %s", cells-1, columns-1, line)
		}
	}
	return page, text
}

// elements returns the tags of a page, which is well-formed XML too, with their attributes but
// for the measures of the picture.
func elements(t *testing.T, page []byte) []string {
	t.Helper()
	var found []string
	decoder := xml.NewDecoder(bytes.NewReader(page))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatalf("the page is not well-formed: %v", err)
		}
		if start, ok := token.(xml.StartElement); ok {
			tag := start.Name.Local
			for _, attribute := range start.Attr {
				tag += " " + attribute.Name.Local
				if attribute.Name.Local == "href" {
					tag += "=" + attribute.Value
				}
			}
			found = append(found, tag)
		}
	}
}

// words returns what a page says, without its markup.
func words(t *testing.T, page []byte) string {
	t.Helper()
	var said strings.Builder
	decoder := xml.NewDecoder(bytes.NewReader(page))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return strings.Join(strings.Fields(said.String()), " ")
		}
		if err != nil {
			t.Fatal(err)
		}
		if text, ok := token.(xml.CharData); ok {
			said.Write(text)
			said.WriteByte(' ')
		}
	}
}

// shape is each line by its first sign and its number of cells.
func shape(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, fmt.Sprintf("%.1s %d", line, strings.Count(line, "|")))
	}
	return lines
}

// everywhere is a plan with a text in every place that has one.
func everywhere(text string) plan.Plan {
	move := func(going bool) plan.Move {
		again := int64(1)
		return plan.Move{
			Connector: text, Target: text, TargetConnector: text + "2", Rule: text, Type: text, Class: text, State: connect.State(text), Stands: text,
			Tasks: 1, Wave: 1, Go: going, Reasons: []string{text}, Checks: []event.Check{{Check: text, OK: true, Warning: true, Reason: text}},
			ConfigDifference: []event.SettingDifference{{Setting: text, Origin: text, Target: text}}, OriginPlugin: text, TargetPlugin: text + "3",
			Proof: event.ProofKind(text), Copy: text, SentAgain: &again, Owner: &rules.Owner{Name: text, Channel: text},
			Blackout: []rules.Blackout{{Reason: text}},
		}
	}
	cluster := plan.Cluster{Name: text, Version: text, KafkaClusterID: text}
	return plan.Plan{
		Hash: text, Origin: cluster, Targets: []plan.Cluster{cluster}, Options: plan.Options{Proof: text, Copy: text},
		Waves: []plan.Wave{{Wave: 1, Connectors: []string{text}}}, Moves: []plan.Move{move(true), move(false)},
		Stay: []plan.Stay{{Connector: text, Rule: text, Owner: &rules.Owner{Name: text, Channel: text}}},
	}
}

// many is a plan of so many moves, each changed.
func many(moves int, change func(int, *plan.Move)) plan.Plan {
	p := plan.Plan{Hash: strings.Repeat("b", 64), Origin: plan.Cluster{Name: "global"}, Targets: []plan.Cluster{}}
	for i := range moves {
		downtime := int64(300 + i)
		m := plan.Move{
			Connector: fmt.Sprintf("a-connector-of-usual-length-%d", i), Target: []string{"europe", "asia", "america"}[i%3], Rule: "a-rule", Type: "source",
			Class: "io.debezium.connector.postgresql.PostgresConnector", State: connect.Running, Stands: "not_begun", Tasks: 1, Wave: 1 + i/50, Go: true,
			OriginPlugin: "3.2.0", TargetPlugin: "3.2.0", Proof: event.Hard, Copy: "rest", Entries: 1, ExpectedDowntimeMS: &downtime,
			Owner: &rules.Owner{Name: "Team Orders", Channel: "#orders"},
			ConfigDifference: []event.SettingDifference{
				{Setting: "topic.prefix", Origin: "global", Target: "eu"}, {Setting: "database.hostname", Origin: "db.global.example.org", Target: "db.eu.example.org"},
			},
		}
		m.TargetConnector = m.Connector
		change(i, &m)
		p.Moves = append(p.Moves, m)
	}
	return p
}

// sample is a plan as it may be: 25 connectors, three targets.
func sample() plan.Plan {
	owners := []*rules.Owner{{Name: "Team Orders", Channel: "#orders"}, {Name: "Team Payments"}, nil}
	freeze := rules.Blackout{From: time.Date(2026, 12, 24, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 12, 27, 0, 0, 0, 0, time.UTC), Reason: "Christmas freeze"}
	p := plan.Plan{
		Schema: plan.SchemaID, Hash: strings.Repeat("a", 64), CreatedAt: time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC),
		Origin: plan.Cluster{Name: "global", Version: "3.9.1", KafkaClusterID: "MkU3OEVBNTcwNTJENDM2Qk"},
		Targets: []plan.Cluster{
			{Name: "europe", Version: "4.3.1", KafkaClusterID: "MkU3OEVBNTcwNTJENDM2Qk"}, {Name: "asia", Version: "4.3.1", KafkaClusterID: "aXNpYS1rYWZrYS1jbHVzdGVy"},
			{Name: "america-with-a-very-long-name", Version: "4.2.0", KafkaClusterID: "YW1lcmljYS1rYWZrYS1jbHVz"},
		},
		Options: plan.Options{Proof: "auto", Copy: "auto", AtLeastOnce: true},
	}
	add := func(m plan.Move) {
		m.State, m.Stands, m.Proof, m.Go = or(m.State, connect.Running), or(m.Stands, "not_begun"), or(m.Proof, event.Hard), len(m.Reasons) == 0
		m.TargetConnector, m.Tasks = or(m.TargetConnector, m.Connector), max(m.Tasks, 1)
		p.Moves = append(p.Moves, m)
	}
	downtime, longer, again := int64(300), int64(2410), int64(1234)
	for i := range 8 {
		add(plan.Move{
			Connector: fmt.Sprintf("orders-%d", i), TargetConnector: fmt.Sprintf("orders-eu-%d", i), Target: "europe", Rule: "orders", Type: "source",
			Class: "io.debezium.connector.postgresql.PostgresConnector", Wave: min(i+1, 3), Copy: "rest", Entries: 1, ExpectedDowntimeMS: &downtime,
			OriginPlugin: "3.2.0", TargetPlugin: "3.3.1", Owner: owners[0], Blackout: []rules.Blackout{freeze},
			ConfigDifference: []event.SettingDifference{
				{Setting: "database.password", Origin: "***", Target: "***"}, {Setting: "slot.name", Origin: "old"}, {Setting: "topic.prefix", Origin: "global", Target: "eu"},
			},
			Checks: []event.Check{{Check: "definitions", OK: true, Warning: true, Reason: `defaults differ for what the config leaves out: snapshot.mode ("initial" on global, "no_data" on europe); set them with --set to keep them`}},
		})
	}
	for i := range 2 {
		add(plan.Move{
			Connector: fmt.Sprintf("payments-%d", i), Target: "europe", Rule: "payments", Type: "source", Class: "io.debezium.connector.postgresql.PostgresConnector",
			Wave: 2, Tasks: 2, Owner: owners[1], OriginPlugin: "3.2.0",
			Reasons: []string{"europe lacks the plugin io.debezium.connector.postgresql.PostgresConnector", "validation failed: connection.url is missing"},
		})
	}
	for i := range 8 {
		m := plan.Move{
			Connector: fmt.Sprintf("warehouse-sink-%d", i), Target: "asia", Rule: "warehouse", Type: "sink", Class: "io.confluent.connect.jdbc.JdbcSinkConnector",
			Wave: 1 + min(i, 3), Tasks: 1 + i%4, Copy: "checkpoints", Entries: 12, ExpectedDowntimeMS: &downtime, SentAgain: new(int64),
			OriginPlugin: "10.8.0", TargetPlugin: "10.8.0", Blackout: []rules.Blackout{freeze},
		}
		if i == 0 {
			m.Tasks = 1
		}
		switch i {
		case 5:
			m.SentAgain = &again
		case 6:
			m.SentAgain, m.Proof, m.ExpectedDowntimeMS = nil, event.Timed, &longer
		case 7:
			m.State, m.ExpectedDowntimeMS = connect.Paused, nil
		}
		add(m)
	}
	for i := range 3 {
		m := plan.Move{
			Connector: fmt.Sprintf("a-connector-with-a-name.that-is_rather.long-for-a-table-%d", i), Target: "america-with-a-very-long-name", Rule: "rest-of-it", Type: "source",
			Class: "org.apache.kafka.connect.mirror.MirrorSourceConnector", Wave: 1 + i, Copy: "raw", Entries: 4711, ExpectedDowntimeMS: &downtime, OriginPlugin: "3.9.1", TargetPlugin: "3.9.1",
		}
		if i == 2 {
			m.Stands, m.ExpectedDowntimeMS = "moved", nil
		}
		add(m)
	}
	for wave := 1; wave <= 4; wave++ {
		w := plan.Wave{Wave: wave, Canary: wave == 1}
		for _, m := range p.Moves {
			if m.Wave == wave {
				w.Connectors, w.Tasks = append(w.Connectors, m.Connector), w.Tasks+m.Tasks
			}
		}
		p.Waves = append(p.Waves, w)
	}
	for i := range 4 {
		p.Stay = append(p.Stay, plan.Stay{Connector: fmt.Sprintf("legacy-%d", i), Rule: "stays", Owner: owners[i%3]})
	}
	return p
}

func or[T ~string](text, otherwise T) T {
	if text == "" {
		return otherwise
	}
	return text
}

func BenchmarkFiveThousandMoves(b *testing.B) {
	p := many(5000, func(int, *plan.Move) {})
	for b.Loop() {
		page, err := report.HTML(p)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(len(page)+len(report.Markdown(p))), "bytes")
	}
}
