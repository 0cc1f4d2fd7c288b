package hazard

import (
	_ "embed"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"text/template"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
)

var (
	markdownTo = flag.String("markdown", "", "write the table to this file too, as the document docs/hazards.md")
	update     = flag.Bool("update", false, "rewrite the golden file of the document")
)

//go:embed document.md.tmpl
var documentText string

var documentTemplate = template.Must(template.New("document").Funcs(template.FuncMap{"cell": cell}).Parse(documentText))

// group is a chapter of the document: the rows whose number begins with its letter.
type group struct {
	Letter, Title, About string
	Lines                []labelled
	Stories              []string // of the lines that have one
}

var groups = []group{
	{Letter: "H", Title: "H: Kafka Connect itself", About: "H1 to H23 are the ways in which Kafka Connect, a plugin or a person makes a move go wrong."},
	{Letter: "K", Title: "K: processes that die", About: "ferry, workers and brokers are killed with SIGKILL in the middle of a move."},
	{Letter: "D", Title: "D: deleted connectors", About: "Somebody deletes the connector on one side in the middle. What ferry then advises is carried out."},
	{Letter: "N", Title: "N: the network in between", About: "Requests and answers are lost, late or refused, networks are cut, and two runs work on one connector."},
	{Letter: "S", Title: "S: sinks", About: "A sink's offsets are those of its consumer group, on the same Kafka or on another one."},
	{Letter: "O", Title: "O: old workers", About: "Workers that lack parts of the REST API, moved from and to under traffic."},
	{Letter: "V", Title: "V: later versions", About: "What later versions of Kafka are stricter about, moved from workers before an upgrade to workers after it."},
	{Letter: "R", Title: "R: random schedules", About: "Random sequences of moves and rollbacks among kills and faults: " +
		"`make hazards HAZARDS=\"-schedules 20 -seed 1\"`.\nA seed brings about the same faults each time; what they hit depends on timing."},
}

// labelled is a line with what its first column shows.
type labelled struct {
	line
	Label string
}

// Other names the versions if they are not the usual one.
func (l labelled) Other() string {
	if l.Versions == lab.KafkaVersion {
		return ""
	}
	return strings.TrimPrefix(l.Versions, lab.KafkaVersion+", ")
}

// document renders a matrix as Markdown.
func document(m matrix, command string) (string, error) {
	chapters := make([]group, len(groups))
	anchored := map[string]bool{}
	for i, chapter := range groups {
		for _, l := range m.lines {
			if !strings.HasPrefix(l.ID, chapter.Letter) {
				continue
			}
			label := l.ID
			if anchor := strings.ToLower(l.ID); !anchored[anchor] {
				anchored[anchor] = true
				label = fmt.Sprintf(`<a id=%q></a>%s`, anchor, l.ID)
			}
			chapter.Lines = append(chapter.Lines, labelled{l, label})
			if l.story != "" {
				chapter.Stories = append(chapter.Stories, l.Hazard+": "+l.story)
			}
		}
		chapters[i] = chapter
	}
	var text strings.Builder
	err := documentTemplate.Execute(&text, struct {
		Command, Summary, Version string
		Groups                    []group
	}{command, m.summary(), lab.KafkaVersion, chapters})
	return text.String(), err
}

// cell keeps a text from ending its cell of a Markdown table or from being taken for HTML.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "<", "&lt;", "*", `\*`).Replace(text)
}

func TestDocument(t *testing.T) {
	text, err := document(matrix{
		lines: []line{
			{ID: "H1", Hazard: "keys | in an order", How: "GET <null>", Versions: lab.KafkaVersion, Outcome: "moved", Proof: "hard", Down: "190 ms", Lost: "0", Duplicated: "0"},
			{ID: "H1", Hazard: "keys", How: "the same", Versions: "2.8.2 > 4.3.1", Outcome: "BAD: moved", Down: "194 ms", Lost: "0", Duplicated: "182", bad: true},
			{ID: "H13", Hazard: "Debezium", How: "PostgreSQL", Versions: lab.KafkaVersion + ", Debezium 3", Outcome: "moved", Proof: "hard", Down: "970 ms", Lost: "0", Duplicated: "0"},
			{ID: "K", Hazard: "killed", How: "SIGKILL", Outcome: "not brought about: no engine", skipped: true},
			{ID: "R", Hazard: "random schedule, seed 1", How: "see below", Versions: lab.KafkaVersion, Outcome: "ends in peace", Lost: "0", Duplicated: "0", story: "move: 0"},
		},
		workers: 2, took: 75 * time.Second,
	}, "make hazards")
	if err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "document.md")
	if *update {
		if err := os.WriteFile(golden, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if text != string(want) {
		t.Errorf("the document is not that of %s (-update rewrites it):\n%s", golden, text)
	}
}
