package event_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/secret"
	"github.com/connect-ferry/connect-ferry/schemas"
)

var at = time.Date(2026, 11, 24, 18, 0, 0, 123_000_000, time.UTC)

// happenings has one event of every kind, two of them with several lines.
func happenings() []event.Event {
	return []event.Event{
		event.StepStarted{Connector: "orders", Step: "prove", At: at},
		event.StepEnded{Connector: "orders", Step: "prove", At: at, Took: 104 * time.Millisecond, Detail: "hard, 2 tasks ended"},
		event.StepEnded{Connector: "orders", Step: "copy", At: at, Took: 2345 * time.Millisecond, Err: errors.New("europe said:\n\tno <disk> & \"more\"::")},
		event.Note{Connector: "orders", Level: event.Info, Message: "waiting", At: at},
		event.Note{Level: event.Warn, Message: "first\r\nsecond planted-secret", At: at},
	}
}

func TestSinks(t *testing.T) {
	for name, test := range map[string]struct {
		recorder func(*bytes.Buffer, *secret.Mask) event.Recorder
		want     string
	}{
		"text": {
			func(out *bytes.Buffer, mask *secret.Mask) event.Recorder { return event.NewText(mask.Writer(out)) },
			`18:00:00.123 orders: prove 104ms: hard, 2 tasks ended
18:00:00.123 orders: copy 2.35s: europe said: no <disk> & "more"::
18:00:00.123 orders: waiting
18:00:00.123 warn: first second ***
`,
		},
		"json": {
			func(out *bytes.Buffer, mask *secret.Mask) event.Recorder { return event.NewJSONLines(mask.Writer(out)) },
			`{"message_type":"step_started","at":"2026-11-24T18:00:00.123Z","connector":"orders","step":"prove"}
{"message_type":"step_ended","at":"2026-11-24T18:00:00.123Z","connector":"orders","step":"prove","took_ms":104,"detail":"hard, 2 tasks ended"}
{"message_type":"step_ended","at":"2026-11-24T18:00:00.123Z","connector":"orders","step":"copy","took_ms":2345,"error":"europe said:\n\tno <disk> & \"more\"::"}
{"message_type":"note","at":"2026-11-24T18:00:00.123Z","connector":"orders","level":"INFO","message":"waiting"}
{"message_type":"note","at":"2026-11-24T18:00:00.123Z","level":"WARN","message":"first\r\nsecond ***"}
`,
		},
		"kestra": {
			func(out *bytes.Buffer, mask *secret.Mask) event.Recorder { return event.NewKestra(mask.Writer(out)) },
			`::{"logs":[{"level":"INFO","message":"orders: prove 104ms: hard, 2 tasks ended"}]}::
::{"logs":[{"level":"WARN","message":"orders: copy 2.35s: europe said:\n\tno <disk> & \"more\"::"}]}::
::{"logs":[{"level":"INFO","message":"orders: waiting"}]}::
::{"logs":[{"level":"WARN","message":"first\r\nsecond ***"}]}::
`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			mask := &secret.Mask{}
			mask.Add(secret.New("planted-secret"))
			recorder := test.recorder(&out, mask)
			for _, happened := range happenings() {
				recorder.Emit(happened)
			}
			if got := out.String(); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

// certificate is a result with every field set.
func certificate() event.Result {
	downtime := int64(12_045)
	hash := strings.Repeat("0f", 32)
	return event.Result{
		Schema: event.SchemaID, Command: "move", Version: "0.1.0", Origin: "global", Target: "europe", Cluster: "",
		StartedAt: at, EndedAt: at.Add(time.Second), ExitCode: 1, Outcome: event.Failed, Message: "1 moved, 1 failed",
		Connectors: []event.ConnectorResult{{
			Connector: "orders", TargetConnector: "orders2", Outcome: event.Moved, State: "moved", Changed: true, Message: "moved",
			OriginState: "STOPPED", TargetState: "RUNNING", WasState: "RUNNING",
			Proof: &event.Proof{
				Kind: event.Hard, At: at, PausedSeen: true, Reads: 2, SettledMS: 4, Group: "g", Note: "n",
				Tasks: []event.TaskEvidence{{Task: 0, WorkerID: "w:8083", Evidence: "UNASSIGNED in the status topic", At: at}},
			},
			Copy: "rest", Entries: 3, DowntimeMS: &downtime,
			OffsetsHash: &event.Hashes{Origin: hash, Target: hash}, ConfigHash: &event.Hashes{Origin: hash, Target: hash},
			Checks: []event.Check{{Check: "plugin", OK: true, Reason: "there"}}, Steps: []event.Step{{Step: "copy", StartedAt: at, TookMS: 9}},
			OffsetsFile: "o.json", Certificate: &event.CertificateFiles{HTML: "c.html", JSON: "c.json"},
		}, {
			Connector: "payments", Outcome: event.Failed, Message: "copy:\nno disk", FailedAt: "copy", Instructions: "look",
			Checks: []event.Check{{Check: "name", Reason: "taken\nby another"}}, Steps: []event.Step{{Step: "copy", StartedAt: at, Error: "no"}},
		}},
	}
}

// TestResultsPassTheirSchema checks the schema against every field, outcome, kind of
// proof and state.
func TestResultsPassTheirSchema(t *testing.T) {
	check := func(what string, result event.Result) {
		t.Helper()
		document, err := json.Marshal(result)
		if err == nil {
			err = schemas.Check(schemas.Result, document)
		}
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	check("all fields", certificate())
	check("no fields", event.Result{Schema: event.SchemaID, Command: "move", Version: "0.1.0", StartedAt: at, EndedAt: at, ExitCode: 2, Outcome: event.Invalid, Message: "m", Connectors: []event.ConnectorResult{}})
	for _, outcome := range []event.Outcome{
		event.Failed, event.Refused, event.NotProven, event.RolledBack, event.RunningTwice, event.Interrupted, event.Held, event.Moved, event.Unchanged,
		event.PutBack, event.Ready, event.Created, event.Quiesced, event.Read, event.Written, event.Started, event.Observed,
	} {
		result := certificate()
		result.Connectors[0].Outcome = outcome
		check(string(outcome), result)
	}
	for _, outcome := range []event.Outcome{event.Done, event.Failed, event.Refused, event.NotProven, event.RolledBack, event.RunningTwice, event.Interrupted, event.Held, event.Invalid} {
		result := certificate()
		result.Outcome = outcome
		check(string(outcome), result)
	}
	for _, kind := range []event.ProofKind{event.Hard, event.Timed, event.NoProof} {
		result := certificate()
		result.Connectors[0].Proof.Kind = kind
		check(string(kind), result)
	}
}

func TestKestraResult(t *testing.T) {
	var out bytes.Buffer
	markers := event.NewKestra(&out)
	markers.Failure("payments: copy: no\ndisk")
	markers.Result(certificate())
	want := `::{"logs":[{"level":"ERROR","message":"payments: copy: no\ndisk"}]}::
::{"metrics":[{"name":"ferry.moved","type":"counter","value":1,"tags":{"connector":"orders","origin":"global","outcome":"moved","proof":"hard","target":"europe"}},{"name":"ferry.downtime","type":"timer","value":12.045,"tags":{"connector":"orders","origin":"global","outcome":"moved","proof":"hard","target":"europe"}},{"name":"ferry.failed","type":"counter","value":1,"tags":{"connector":"payments","origin":"global","outcome":"failed","proof":"none","target":"europe"}}]}::
::{"outputs":{"connectors":[{"connector":"orders","target_connector":"orders2","outcome":"moved","state":"moved","changed":true,"message":"moved","proof":"hard","copy":"rest","downtime_ms":12045,"entries":3,"origin_state":"STOPPED","target_state":"RUNNING","certificate":{"html":"c.html","json":"c.json"}},{"connector":"payments","outcome":"failed","changed":false,"message":"copy:\nno disk","entries":0}],"exit_code":1,"message":"1 moved, 1 failed","outcome":"failed"}}::
`
	if got := out.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	marker := regexp.MustCompile(`^::(\{.*})::$`) // as Kestra looks for it
	for line := range strings.Lines(out.String()) {
		found := marker.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if found == nil || !json.Valid([]byte(found[1])) {
			t.Errorf("no marker: %s", line)
		}
	}
}

func TestSummary(t *testing.T) {
	var out bytes.Buffer
	event.Summary(&out, certificate())
	want := `ok  orders: moved
!!  payments: copy: no disk
    no name: taken by another
    look
move: 1 moved, 1 failed
`
	if got := out.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
