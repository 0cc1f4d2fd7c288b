package report

import (
	"fmt"

	"github.com/connect-ferry/connect-ferry/runner/internal/certificate"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// certifiedCutover is the offsets and the proof of a cutover.
type certifiedCutover struct {
	From, To    string
	Copied      bool   // whether the other side was given offsets
	Later       string // when its offsets were last read, "" if never
	Rows        []certifiedOffset
	RowsMore    string
	Evidence    []figure
	Tasks       []certifiedTask
	TasksMore   string
	FinalHash   string
	CopiedHash  string
	Translated  bool
	EqualHashes bool
}

// certifiedOffset is a partition and its offsets.
type certifiedOffset struct{ Partition, Final, Copied, Later string }

// certifiedTask is why a task is known to have ended.
type certifiedTask struct{ Task, Worker, Evidence, At string }

func describeCutover(c certificate.CutoverPart) certifiedCutover {
	said := certifiedCutover{
		From: plain(c.From), To: plain(c.To), Copied: c.Copy != "", RowsMore: more(len(c.Offsets), "partition"), Translated: c.Copy == "checkpoints",
	}
	if !c.LaterAt.IsZero() {
		said.Later = clock(c.LaterAt)
	}
	if c.SHA256 != nil {
		said.FinalHash, said.CopiedHash = plain(c.SHA256.Origin), plain(c.SHA256.Target)
		said.EqualHashes = c.SHA256.Origin == c.SHA256.Target
	}
	for _, row := range first(c.Offsets) {
		said.Rows = append(said.Rows, certifiedOffset{
			Partition: clip(row.Partition.String(), cellLength), Final: shownOffset(row.Final), Copied: shownOffset(row.Copied), Later: shownOffset(row.Later),
		})
	}
	p := c.Proof
	if p == nil {
		return said
	}
	said.TasksMore = more(len(p.Tasks), "task")
	for _, task := range first(p.Tasks) {
		shown := certifiedTask{Task: number(task.Task), Worker: or(plain(task.WorkerID), nothing), Evidence: clip(task.Evidence, cellLength), At: nothing}
		if !task.At.IsZero() {
			shown.At = clock(task.At)
		}
		said.Tasks = append(said.Tasks, shown)
	}
	said.Evidence = evidence(p)
	return said
}

// shownOffset is an offset for a table. Without one, nothing is said of it.
func shownOffset(of rawjson.Value) string {
	switch {
	case of.IsZero():
		return nothing
	case of.IsNull():
		return "removed"
	default:
		return clip(of.String(), cellLength)
	}
}

// evidence is what a proof says besides its tasks.
func evidence(p *event.Proof) []figure {
	kind := map[event.ProofKind]string{
		event.Hard:    "hard: Kafka shows that each task has ended, by its own last record in the status topic",
		event.Timed:   "timed: REST showed the tasks paused, then gone, and then equal offsets over a time; a bound, not a certainty",
		event.NoProof: "none: it went on without one, as was accepted",
	}[p.Kind]
	said := []figure{{"Proof", or(kind, plain(string(p.Kind)))}}
	if !p.At.IsZero() {
		said = append(said, figure{"Proven at", clock(p.At)})
	}
	if p.PausedSeen {
		said = append(said, figure{"Paused", "every task was seen PAUSED before the stop, so between two polls"})
	}
	if p.Reads > 0 {
		said = append(said, figure{"Offsets read", fmt.Sprintf("%s, the same each time, over %s", times(p.Reads), span(p.SettledMS))})
	}
	if p.Group != "" {
		said = append(said, figure{"Consumer group", plain(p.Group) + " was seen empty"})
	}
	if len(p.FurtherGroups) > 0 {
		said = append(said, figure{"Further groups", listed(plainAll(p.FurtherGroups)) + " seen empty too"})
	}
	if len(p.Fenced) > 0 {
		said = append(said, figure{"Fenced", count(len(p.Fenced), "transactional id") + " taken over: " + listed(plainAll(p.Fenced))})
	}
	if p.Note != "" {
		said = append(said, figure{"Note", clip(p.Note, saidLength)})
	}
	return said
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return number(n) + " times"
}

func plainAll(texts []string) []string {
	var clean []string
	for _, text := range texts {
		clean = append(clean, plain(text))
	}
	return clean
}

// certifiedConfig compares the configs of both sides.
type certifiedConfig struct {
	Text        string
	Changes     []change
	ChangesMore string
	Secrets     []figure
	SecretsMore string
	Origin      string // hashes
	Target      string
}

func describeConfig(c *certificate.Config) *certifiedConfig {
	if c == nil {
		return nil
	}
	said := &certifiedConfig{
		Origin: plain(c.SHA256.Origin), Target: plain(c.SHA256.Target),
		ChangesMore: more(len(c.Differences), "setting"), SecretsMore: more(len(c.Secrets), "secret"),
	}
	switch {
	case c.SHA256.Origin == "" || c.SHA256.Target == "":
		said.Text = count(c.Settings, "setting") + ". Only one side has the connector, so there is nothing to compare."
	case len(c.Differences) == 0:
		said.Text = "All " + count(c.Settings, "setting") + " are the same on both sides."
	default:
		said.Text = fmt.Sprintf("%d of %s differ.", len(c.Differences), count(c.Settings, "setting"))
	}
	for _, d := range first(c.Differences) {
		said.Changes = append(said.Changes, change{Setting: clip(d.Setting, cellLength), Origin: clip(d.Origin, cellLength), Target: clip(d.Target, cellLength)})
	}
	for _, s := range first(c.Secrets) {
		value := "not compared"
		if s.Equal != nil {
			value = map[bool]string{true: "the same on both sides", false: "differs"}[*s.Equal]
		}
		said.Secrets = append(said.Secrets, figure{clip(s.Setting, cellLength), value})
	}
	return said
}
