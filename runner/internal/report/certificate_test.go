package report_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/certificate"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson/rawjsontest"
	"github.com/connect-ferry/connect-ferry/runner/internal/report"
	"github.com/connect-ferry/connect-ferry/runner/internal/secret"
	"github.com/connect-ferry/connect-ferry/runner/internal/secrettest"
	"github.com/connect-ferry/connect-ferry/schemas"
)

var update = flag.Bool("update", false, "rewrite the golden certificates")

var begun = time.Date(2026, 11, 24, 18, 0, 0, 0, time.UTC)

func after(ms int) time.Time { return begun.Add(time.Duration(ms) * time.Millisecond) }

func documentOf(t *testing.T, entries int, position func(int) string) *offset.Document {
	t.Helper()
	all := make([]offset.Entry, entries)
	for i := range all {
		all[i] = offset.Entry{
			Partition: rawjsontest.Value(t, fmt.Sprintf(`{"cluster":"eu","partition":%d,"topic":"orders"}`, entries-1-i)),
			Offset:    rawjsontest.Value(t, fmt.Sprintf(`{"offset":%s}`, position(entries-1-i))),
		}
	}
	document, err := offset.New(all...)
	if err != nil {
		t.Fatal(err)
	}
	return &document
}

// moved is the evidence of an ordinary move, with so many entries.
func moved(t *testing.T, entries int) *certificate.Evidence {
	t.Helper()
	final := documentOf(t, entries, func(i int) string { return fmt.Sprintf("90071992547409%d", 93+i) }) // more digits than a float64 has
	now := documentOf(t, entries, func(i int) string { return fmt.Sprintf("90071992547419%d", 93+i) })
	none := int64(0)
	e := &certificate.Evidence{
		Command: "move", Connector: "orders", TargetConnector: "orders", StartedAt: begun, EndedAt: after(4800),
		Origin: certificate.Cluster{Name: "global", Version: "3.9.1", KafkaClusterID: "Some6dfg2kTQ"},
		Target: certificate.Cluster{Name: "europe", Version: "4.3.1", KafkaClusterID: "Some6dfg2kTQ"},
		Result: event.ConnectorResult{
			Outcome: event.Moved, State: "moved", Changed: true, Message: "moved to europe, hard proof, down for 412 ms",
			WasState: connect.Running, OriginState: connect.Stopped, TargetState: connect.Running,
			Checks: []event.Check{
				{Check: "plugin", OK: true, Reason: "the target has the connector's class in the same version"},
				{Check: "converters", OK: true, Warning: true, Reason: "the config leaves key.converter to the workers"},
			},
			Neighbours: []event.Neighbours{{Cluster: "global", Restarted: 2, LongestMS: 310}, {Cluster: "europe"}},
		},
	}
	e.KeepOrigin(rawjsontest.Object(t, `{"name":"orders","topic.prefix":"global","tasks.max":"2","database.password":"planted-origin","api.key":"planted-same"}`))
	e.KeepTarget(rawjsontest.Object(t, `{"name":"orders","topic.prefix":"eu","tasks.max":"2","database.password":"planted-target","api.key":"planted-same"}`))
	for _, s := range []struct {
		name     string
		at, took int
		said     string
	}{
		{"check", 2, 180, "not_begun"}, {"prepare", 190, 930, "stopped copy on europe, 2 offset entries rehearsed"},
		{"quiesce", 1130, 216, "was RUNNING with 2 tasks"}, {"prove", 1346, 41, "hard, 2 tasks ended, 2 equal reads"},
		{"copy", 1390, 33, "2 entries equal, 2 written"}, {"interlock", 1424, 28, ""}, {"start", 1452, 194, "2 tasks RUNNING"}, {"watch", 1650, 2120, ""},
	} {
		e.AddStep(certificate.Step{Step: s.name, Toward: "europe", StartedAt: after(s.at), TookMS: int64(s.took), Detail: s.said})
	}
	e.AddCutover(certificate.Cutover{
		From: "global", To: "europe", Copy: "rest", StillSince: after(1234), Pausing: 104 * time.Millisecond, RunsSince: after(1646), RunsOn: "europe",
		SentAgain: &none, Final: final, Copied: final, Later: now, LaterAt: after(3700),
		Proof: &event.Proof{
			Kind: event.Hard, At: after(1387), PausedSeen: true, Reads: 2, SettledMS: 4,
			Tasks: []event.TaskEvidence{
				{Task: 0, WorkerID: "10.0.0.1:8083", Evidence: "UNASSIGNED in the status topic", At: after(1340)},
				{Task: 1, WorkerID: "10.0.0.2:8083", Evidence: "UNASSIGNED in the status topic", At: after(1344)},
			},
		},
	})
	return e
}

var about = certificate.About{
	Version: "0.1.0", Plan: strings.Repeat("0f", 32), ApprovedBy: "Anna Approver",
	By: event.Holder{User: "ferry", Host: "worker-1", Process: 4711, For: "Kestra execution 5uQ1"},
}

// certified makes both files of a certificate, and holds the document against its schema.
func certified(t *testing.T, e *certificate.Evidence, mask *secret.Mask) (page, document []byte) {
	t.Helper()
	page, document = makeBoth(t, e, mask)
	if err := schemas.Check(schemas.Certificate, document); err != nil {
		t.Fatal(err)
	}
	elements(t, page) // fails on what is not well-formed
	return page, document
}

func makeBoth(t *testing.T, e *certificate.Evidence, mask *secret.Mask) (page, document []byte) {
	t.Helper()
	masked, document, err := certificate.New(e, "K4XQ2R7PZJ3", "4XQ2", about).Masked(mask)
	if err == nil {
		page, err = report.Certificate(masked)
	}
	if err != nil {
		t.Fatal(err)
	}
	return page, document
}

// rolledBack is the evidence of a move whose copy failed after its start.
func rolledBack(t *testing.T) *certificate.Evidence {
	e := moved(t, 2)
	e.Result.Outcome, e.Result.State, e.Result.Message = event.RolledBack, "prepared", "watch on europe: task 1 FAILED: no disk; rolled back to global with its progress"
	e.Result.Instructions = "look at the plugin on europe"
	e.Result.OriginState, e.Result.TargetState = connect.Running, connect.Stopped
	e.AddStep(certificate.Step{Step: "quiesce", Toward: "global", StartedAt: after(3800), TookMS: 150})
	e.AddStep(certificate.Step{Step: "start", Toward: "global", StartedAt: after(4000), TookMS: 300, Error: "worker said:\nno <disk>"})
	position := documentOf(t, 2, func(i int) string { return fmt.Sprint(i) })
	e.AddCutover(certificate.Cutover{From: "europe", To: "global", Copy: "rest", StillSince: after(3900), RunsSince: after(4300), RunsOn: "global", Final: position, Copied: position,
		Proof: &event.Proof{Kind: event.Timed, At: after(3990), Reads: 3, SettledMS: 2000, PausedSeen: true, Tasks: []event.TaskEvidence{{Task: 0, Evidence: "paused, then gone"}}}})
	return e
}

// TestGolden: -update rewrites what is expected.
func TestGolden(t *testing.T) {
	for name, e := range map[string]*certificate.Evidence{"moved": moved(t, 2), "rolled-back": rolledBack(t)} {
		page, document := certified(t, e, nil)
		for extension, got := range map[string][]byte{".html": page, ".json": document} {
			golden := filepath.Join("testdata", "certificate-"+name+extension)
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s is another one, %v; make golden rewrites it, if the change is meant", golden, err)
			}
		}
	}
}

func TestCertificateSays(t *testing.T) {
	page, document := certified(t, moved(t, 2), nil)
	said := words(t, page)
	for _, want := range []string{
		"orders was moved from global to europe", "Stood still 412 ms, from 18:00:01.234 to 18:00:01.646; before that its tasks took 104 ms to finish",
		"Proof hard, 2 tasks ended, 2 equal reads over 4 ms", "Offsets 2 entries, copied over REST, equal on both sides", "Records sent again none",
		"Approved by Anna Approver", "Accepted by nobody yet", "Carried out by ferry@worker-1 (process 4711) for Kestra execution 5uQ1",
		`{"cluster":"eu","partition":0,"topic":"orders"} {"offset":9007199254740993} {"offset":9007199254740993} {"offset":9007199254741993}`,
		"every task was seen PAUSED before the stop", "Task 1 10.0.0.2:8083 UNASSIGNED in the status topic 18:00:01.344",
		"2 of 4 settings differ.", "topic.prefix global eu", "database.password *** *** , differs where it is masked or cut",
		"api.key the same on both sides", "database.password differs", "Checks that passed: 2 of 2.", "converters: the config leaves key.converter to the workers",
		"On global, 2 tasks of other connectors restarted meanwhile, for at most 310 ms.", "K4XQ2R7PZJ3", "4XQ2", "Some6dfg2kTQ", about.Plan, "0.1.0",
		"The connector stood still 412 ms.",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("the page does not say %q:\n%s", want, said)
		}
	}
	for _, want := range []string{`"accepted_by": ""`, `"approved_by": "Anna Approver"`, "9007199254741993"} {
		if !bytes.Contains(document, []byte(want)) {
			t.Errorf("the document does not say %s", want)
		}
	}
	page, _ = certified(t, rolledBack(t), nil)
	for _, want := range []string{"✗ orders is back on global, from europe", "What to do: look at the plugin on europe", "worker said:", "Offsets, from europe to global", "412 ms, from 18:00:01.234 to 18:00:01.646; and 400 ms, from 18:00:03.900 to 18:00:04.300", "stood still 412 ms", "stood still 400 ms"} {
		if !strings.Contains(words(t, page), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

// accepted is the evidence of an acceptance.
func accepted() *certificate.Evidence {
	return &certificate.Evidence{
		Command: "accept", Connector: "orders", TargetConnector: "orders", StartedAt: after(90_000_000), EndedAt: after(90_000_400),
		Origin: certificate.Cluster{Name: "global"}, Target: certificate.Cluster{Name: "europe"},
		Result: event.ConnectorResult{
			Outcome: event.Accepted, State: "accepted", Changed: true, Message: "accepted on europe by Bert, its copy on global is removed",
			Instructions: "to bring it back, run what bring_back says in global.orders.json", TargetState: connect.Running,
		},
	}
}

// TestAcceptance: the certificate of the move gets the acceptance and stays what it was
// otherwise; without it, the acceptance has one of its own.
func TestAcceptance(t *testing.T) {
	_, document := certified(t, moved(t, 2), nil)
	of, err := certificate.Parse(document)
	if err != nil {
		t.Fatal(err)
	}
	by := about
	by.AcceptedBy, by.Of = "Bert", of
	result, again, err := certificate.New(accepted(), "another", "", by).Masked(nil)
	if err != nil || result.ID != of.ID || result.AcceptedBy != "Bert" || result.Command != "move" {
		t.Fatalf("%v: %s", err, again)
	}
	if err := schemas.Check(schemas.Certificate, again); err != nil {
		t.Fatal(err)
	}
	result.AcceptedBy, result.Acceptance = "", nil
	if _, without, _ := result.Masked(nil); !bytes.Equal(without, document) {
		t.Errorf("more than the acceptance has changed:\n%s", without)
	}
	by.Of = nil
	for what, wants := range map[*certificate.Document][]string{
		of: {
			"orders was moved from global to europe", "Stood still 412 ms", `{"offset":9007199254740993}`,
			"Acceptance 25 Nov 2026, 19:00 UTC: accepted on europe by Bert",
		},
		nil: {"orders was accepted on europe, its copy on global is removed"},
	} {
		by.Of = what
		page, err := report.Certificate(certificate.New(accepted(), "another", "", by))
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range append(wants, "Accepted by Bert", "run what bring_back says in global.orders.json") {
			if said := words(t, page); !strings.Contains(said, want) {
				t.Errorf("the page does not say %q:\n%s", want, said)
			}
		}
	}
}

// TestCertificateStandsAlone: the page loads nothing and runs nothing.
func TestCertificateStandsAlone(t *testing.T) {
	page, _ := certified(t, moved(t, 2), nil)
	for _, never := range []string{"http://", "https://", "<script", "src=", "url(", "@import", "<link", "javascript:", "<iframe", "onload="} {
		if bytes.Contains(bytes.ToLower(page), []byte(never)) {
			t.Errorf("the page has %s", never)
		}
	}
	for _, always := range []string{`<html lang="en">`, `name="viewport"`, "@media print", "prefers-color-scheme:dark", `scope="col"`, `scope="row"`, "overflow-wrap:anywhere", `role="img"`, "<desc"} {
		if !bytes.Contains(page, []byte(always)) {
			t.Errorf("the page lacks %s", always)
		}
	}
}

// TestCertificateHidesSecrets plants secrets in each place that a certificate is made of, and
// looks for them, and for their hashes.
func TestCertificateHidesSecrets(t *testing.T) {
	plants, mask := secrettest.Plants{}, &secret.Mask{}
	learned := plants.New("learned")
	mask.Add(secret.New(learned))
	e := moved(t, 2)
	e.KeepOrigin(rawjsontest.Object(t, fmt.Sprintf(`{"name":"orders","db.password":%q,"note":%q,"url":"jdbc:x://h?password=%s"}`, plants.New("origin"), learned, plants.New("url"))))
	e.KeepTarget(rawjsontest.Object(t, fmt.Sprintf(`{"name":"orders","db.password":%q,"note":"n"}`, plants.New("target"))))
	hostile := `{"a":"` + learned + `"}`
	value, err := offset.New(offset.Entry{Partition: rawjsontest.Value(t, hostile), Offset: rawjsontest.Value(t, hostile)})
	if err != nil {
		t.Fatal(err)
	}
	e.AddCutover(certificate.Cutover{From: "global", To: "europe", Final: &value, Copied: &value, Later: &value})
	e.AddStep(certificate.Step{Step: "start", Detail: learned, Error: "said " + learned})
	e.Result.Message, e.Result.Instructions = "login with "+learned, learned
	e.Result.Checks = append(e.Result.Checks, event.Check{Check: "x", Reason: learned})
	page, document := certified(t, e, mask)
	for where, content := range map[string][]byte{"page": page, "document": document} {
		plants.Text(t, where, content)
		if !bytes.Contains(content, []byte("***")) {
			t.Errorf("the %s hides nothing", where)
		}
	}
}

// TestCertificateHostile: no name or value becomes markup.
func TestCertificateHostile(t *testing.T) {
	named := func(name string) []byte {
		e := moved(t, 1)
		e.Connector, e.TargetConnector, e.Origin.Name, e.Target.Version, e.Result.Message, e.Result.Instructions = name, name+"2", name, name, name, name
		config := rawjson.Object{}.With(name, rawjson.String(name))
		e.KeepOrigin(config)
		e.KeepTarget(config.With(name, rawjson.String(name+"2")))
		e.AddStep(certificate.Step{Step: name, Toward: name, Detail: name})
		entry := offset.Entry{Partition: rawjson.Object{}.With(name, rawjson.String(name)).Value(), Offset: rawjson.Object{}.With(name, rawjson.String(name)).Value()}
		document, err := offset.New(entry)
		if err != nil {
			t.Fatal(err)
		}
		e.AddCutover(certificate.Cutover{
			From: name, To: name, Final: &document,
			Proof: &event.Proof{Kind: event.Timed, Group: name, FurtherGroups: []string{name}, Fenced: []string{name}, Note: name, Tasks: []event.TaskEvidence{{WorkerID: name, Evidence: name}}},
		})
		page, _ := certified(t, e, nil)
		return page
	}
	benign := elements(t, named("plain"))
	for _, name := range hostile {
		page := named(strings.ToValidUTF8(name, "?"))
		if !slices.Equal(elements(t, page), benign) {
			t.Errorf("%q: the page has other elements than with a plain name", name)
		}
		if bytes.ContainsAny(page, "\x00\x1b\r\u202e\u2028\ufffe") {
			t.Errorf("%q: a character that cannot be seen got through", name)
		}
	}
}

// TestManyOffsets: the page stays small and says how many more there are, the document has all.
func TestManyOffsets(t *testing.T) {
	const entries = 20_000
	mask := &secret.Mask{}
	mask.Add(secret.New("planted-origin"))
	page, document := makeBoth(t, moved(t, entries), mask) // by its schema it is too large to be checked soon
	if len(page) > 100_000 || !strings.Contains(words(t, page), "19,950 partitions more, see the JSON.") {
		t.Errorf("the page has %d bytes", len(page))
	}
	if found := bytes.Count(document, []byte(`"partition": {`)); found != entries {
		t.Errorf("the document has %d partitions", found)
	}
	// In the order of their numbers, whatever the order in which a cluster tells them.
	numbers := regexp.MustCompile(`"partition": (\d+)`).FindAllSubmatch(document, 12)
	if string(numbers[2][1]) != "2" || string(numbers[10][1]) != "10" {
		t.Errorf("partitions in the order %q", numbers)
	}
}
