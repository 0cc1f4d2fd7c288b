package kestratest

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
	"github.com/connect-ferry/connect-ferry/schemas"
)

// question is a validate-connector that waits for its owner.
type question struct {
	*Run
	connector, execution string
}

// moveAndAsk moves a new connector, and asks its owner. Reminders come after what is given.
func (s *stage) moveAndAsk(t *testing.T, connector string, more map[string]any) question {
	t.Helper()
	s.source(t, connector, nil)
	x := s.run(t, "move-connector", map[string]any{"origin": "global", "target": "europe", "connector": connector, "notify": false, "validate": false})
	wantState(t, x, "SUCCESS")
	inputs := map[string]any{
		"origin": "global", "target": "europe", "connector": connector, "owner": "Team " + connector, "message": "moved, as the test says",
		"notify_url": s.webhook.url + "/hook",
	}
	move, _ := x.Task("move")
	var moved struct {
		Connectors []struct{ Certificate, CertificateJSON string }
	}
	must(t, json.Unmarshal(move.Outputs, &moved))
	inputs["certificate"], inputs["certificate_json"] = moved.Connectors[0].Certificate, moved.Connectors[0].CertificateJSON
	for key, value := range more {
		inputs[key] = value
	}
	run, err := s.Begin("validate-connector", inputs)
	must(t, err)
	q := question{Run: run, connector: connector}
	q.execution, err = run.Paused(t.Context(), "validate-connector", waitTime)
	must(t, err)
	return q
}

// answer fills in the form, and returns what has come of it.
func (s *stage) answer(t *testing.T, q question, form map[string]any) {
	t.Helper()
	form["who"], form["why"] = "Olga", "because of "+q.connector
	must(t, s.Resume(t.Context(), q.execution, form))
}

// asked waits until the same execution has asked so many times. Between two questions Kestra shows
// it as paused too, for a second, in which there is no form.
func (s *stage) asked(t *testing.T, q question, times int) {
	t.Helper()
	must(t, wait.Until(t.Context(), q.connector+" to be asked about again", waitTime, func(context.Context) (bool, string, error) {
		asked := 0
		for _, line := range s.said.all() {
			if strings.Contains(line, q.execution) && strings.Contains(line, `"task":"answer"`) && strings.Contains(line, `"state":"PAUSED"`) {
				asked++
			}
		}
		return asked >= times, fmt.Sprint(asked, " times"), nil
	}))
}

type validated struct{ Outcome, Decision, Who, Why, Message, Certificate string }

func outputsOf[T any](t *testing.T, x Execution) (outputs T) {
	t.Helper()
	must(t, json.Unmarshal(x.Outputs, &outputs))
	return outputs
}

type acceptedOutputs struct {
	Outcome, Message, Certificate string
	Handover, Files               map[string]string
}

// acceptInTwoSteps: the owner accepts, gets what to commit, and later has the origin's copy removed.
func acceptInTwoSteps(s *stage, t *testing.T) {
	q := s.moveAndAsk(t, "bills", nil)
	told := strings.Join(s.webhook.bodies.all(), "\n")
	wantText(t, "webhook", told, "bills from global to europe waits for its owner. Resume execution "+q.execution, "moved, as the test says", "certificate kestra:///")
	s.answer(t, q, map[string]any{"decision": "ACCEPT"})
	x := s.wait(t, q.Run)
	wantState(t, x, "SUCCESS")
	if got := outputsOf[validated](t, x); got.Outcome != "accepted" || got.Decision != "ACCEPT" || got.Who != "Olga" || got.Why != "because of bills" {
		t.Errorf("outputs %s", x.Outputs)
	}
	for key, want := range map[string]string{"origin": "global", "target": "europe", "connector": "bills", "owner": "Team bills", "outcome": "accepted"} {
		if x.Labels[key] != want {
			t.Errorf("label %s is %q, expected %q", key, x.Labels[key], want)
		}
	}
	// Accepted is not removed: it waits for the word, and can still go back.
	accepting, err := q.Asked(t.Context(), "accept-connector", "bills", waitTime)
	must(t, err)
	if state := on(t, s.global, "bills"); state != connect.Stopped {
		t.Errorf("bills is %q on global, expected STOPPED", state)
	}
	run := s.follow(t, accepting)
	must(t, s.Resume(t.Context(), accepting, map[string]any{"decision": "REMOVE", "who": "Pia"}))
	x = s.wait(t, run)
	wantState(t, x, "SUCCESS")
	s.isAccepted(t, x, "bills", "Olga")
}

// isAccepted looks at what accept-connector leaves.
func (s *stage) isAccepted(t *testing.T, x Execution, connector, by string) {
	t.Helper()
	got := outputsOf[acceptedOutputs](t, x)
	if got.Outcome != "accepted" || x.Labels["outcome"] != "accepted" {
		t.Errorf("outputs %s, labels %v", x.Outputs, x.Labels)
	}
	wantText(t, "handover", s.file(t, got.Handover[connector+"/README.md"]), connector)
	kept := s.file(t, got.Files["global."+connector+".json"])
	must(t, schemas.Check(schemas.Accepted, []byte(kept)))
	wantText(t, "what is kept", kept, `"accepted_by": "`+by+`"`, `"removed_at"`, "ferry create-stopped")
	wantText(t, "offsets", s.file(t, got.Files["global."+connector+".offsets.json"]), `"sequence"`)
	wantText(t, "certificate", s.file(t, got.Certificate), connector+" was moved from global to europe", by, "accepted on europe by "+by)
	if state := on(t, s.global, connector); state != "" {
		t.Errorf("%s is %q on global, expected not there", connector, state)
	}
	runsAgain(t, s.europe, connector)
	s.exactlyOnce(t, connector)
}

// rollBackLater answers after some traffic.
func rollBackLater(s *stage, t *testing.T) {
	q := s.moveAndAsk(t, "shipments", nil)
	s.goesOn(t, s.europe, "shipments")
	s.answer(t, q, map[string]any{"decision": "ROLL_BACK"})
	x := s.wait(t, q.Run)
	wantState(t, x, "SUCCESS")
	if got := outputsOf[validated](t, x); got.Outcome != "rolled_back" || got.Decision != "ROLL_BACK" || x.Labels["outcome"] != "rolled_back" || x.Labels["owner"] != "Team shipments" {
		t.Errorf("outputs %s, labels %v", x.Outputs, x.Labels)
	}
	wantText(t, "webhook", strings.Join(s.webhook.bodies.all(), "\n"), "shipments: ROLL_BACK by Olga: because of shipments. back on global with its progress")
	runsAgain(t, s.global, "shipments")
	s.exactlyOnce(t, "shipments")
}

// goesOn waits until a connector has sent more, and committed it.
func (s *stage) goesOn(t *testing.T, cluster *connecttest.Cluster, connector string) {
	t.Helper()
	before := s.kafka.Count(connector).Records
	must(t, wait.Until(t.Context(), connector+" to send more", waitTime, func(context.Context) (bool, string, error) {
		now := s.kafka.Count(connector).Records
		return now > before, fmt.Sprint(now, " records"), nil
	}))
	cluster.Commit()
}

// silentOwner answers only after all reminders and the escalation, on the execution that was told first.
func silentOwner(s *stage, t *testing.T) {
	q := s.moveAndAsk(t, "returns", map[string]any{"remind_after": "PT4S", "reminders": 2})
	for _, text := range []string{"Reminder 1 of 2: returns from global", "Reminder 2 of 2: returns from global", "ESCALATION: nobody of Team returns has answered after 2 reminders. Nothing is accepted"} {
		s.awaitPosted(t, text)
	}
	_, err := q.Ended(t.Context(), "remind-owner", "returns", waitTime)
	must(t, err)
	if strings.Contains(strings.Join(s.webhook.bodies.all(), "\n"), "Reminder 3 of 2") {
		t.Error("reminders go on after the escalation")
	}
	if again, err := q.Paused(t.Context(), "validate-connector", waitTime); err != nil || again != q.execution {
		t.Errorf("the question is %s (%v), expected still %s", again, err, q.execution)
	}
	if state := on(t, s.global, "returns"); state != connect.Stopped {
		t.Errorf("returns is %q on global, expected STOPPED", state)
	}
	s.answer(t, q, map[string]any{"decision": "ACCEPT", "remove": true})
	x := s.wait(t, q.Run)
	wantState(t, x, "SUCCESS")
	got := outputsOf[validated](t, x)
	if got.Outcome != "accepted" || !strings.HasPrefix(got.Certificate, "kestra:///") {
		t.Errorf("outputs %s", x.Outputs)
	}
	wantText(t, "certificate", s.file(t, got.Certificate), "accepted on europe by Olga")
	if state := on(t, s.global, "returns"); state != "" {
		t.Errorf("returns is %q on global, expected not there", state)
	}
}

// askedAgain: what was answered fails, twice, and is asked again on the same execution.
func askedAgain(s *stage, t *testing.T) {
	q := s.moveAndAsk(t, "meters", nil)
	s.global.FailStarts("meters", "java.sql.SQLException: login refused")
	s.answer(t, q, map[string]any{"decision": "ROLL_BACK"})
	s.awaitPosted(t, "ROLL_BACK by Olga could not be done: ")
	s.asked(t, q, 2)
	s.global.FailStarts("meters", "")
	s.answer(t, q, map[string]any{"decision": "ACCEPT", "remove": true})
	s.awaitPosted(t, "ACCEPT by Olga could not be done: ")
	s.asked(t, q, 3)
	s.answer(t, q, map[string]any{"decision": "ROLL_BACK"})
	x := s.wait(t, q.Run)
	wantState(t, x, "SUCCESS")
	if got := outputsOf[validated](t, x); got.Outcome != "rolled_back" {
		t.Errorf("outputs %s", x.Outputs)
	}
	runsAgain(t, s.global, "meters")
	s.exactlyOnce(t, "meters")
}

// acceptRefused: an acceptance is refused, done, done twice, and refused when a deployment tool has created the copy again.
func acceptRefused(s *stage, t *testing.T) {
	s.source(t, "ledgers", nil)
	wantState(t, s.run(t, "move-connector", map[string]any{"origin": "global", "target": "europe", "connector": "ledgers", "validate": false}), "SUCCESS")
	inputs := map[string]any{"origin": "global", "target": "europe", "connector": "ledgers", "accepted_by": "Olga", "remove": true, "notify_url": s.webhook.url + "/hook"}
	config, err := s.global.Client().Config(t.Context(), "ledgers")
	must(t, err)
	s.europe.FailTask("ledgers", 1, "java.net.SocketException: connection reset")
	must(t, wait.Until(t.Context(), "task 1 to fail", waitTime, func(ctx context.Context) (bool, string, error) {
		status, err := s.europe.Client().Status(ctx, "ledgers")
		return err == nil && len(status.Tasks) == 2 && status.Tasks[1].State == connect.Failed, fmt.Sprint(status.Tasks), err
	}))
	x := s.run(t, "accept-connector", inputs)
	wantState(t, x, "FAILED")
	refused := outputsOf[acceptedOutputs](t, x)
	if refused.Outcome != "down" || x.Labels["outcome"] != "down" || refused.Handover["ledgers/README.md"] == "" || len(refused.Files) != 0 {
		t.Errorf("outputs %s, labels %v", x.Outputs, x.Labels)
	}
	s.awaitPosted(t, "DOWN: ledgers from global to europe was not accepted, its copy on global was not removed: on europe: task 1 FAILED: java.net.SocketException")

	must(t, s.europe.Client().RestartTask(t.Context(), "ledgers", 1))
	runsAgain(t, s.europe, "ledgers")
	s.acceptTwiceAtOnce(t, inputs)
	x = s.run(t, "accept-connector", inputs)
	wantState(t, x, "SUCCESS")
	if got := outputsOf[acceptedOutputs](t, x); got.Outcome != "unchanged" {
		t.Errorf("outputs %s, expected unchanged", x.Outputs)
	}
	if state := on(t, s.global, "ledgers"); state != "" {
		t.Errorf("ledgers is %q on global, expected not there", state)
	}
	x = s.run(t, "rollback-connector", map[string]any{"origin": "global", "target": "europe", "connector": "ledgers"})
	wantState(t, x, "FAILED")
	wantText(t, "log", x.Text(), "do what bring_back says in global.ledgers.json")

	must(t, s.global.Client().Create(t.Context(), "ledgers", config, connect.Running))
	must(t, wait.Until(t.Context(), "ledgers to run again on global", waitTime, func(ctx context.Context) (bool, string, error) {
		status, err := s.global.Client().Status(ctx, "ledgers")
		return err == nil && len(status.Tasks) == 2, "not yet", nil
	}))
	x = s.run(t, "accept-connector", inputs)
	wantState(t, x, "FAILED")
	if got := outputsOf[acceptedOutputs](t, x); got.Outcome != "running_twice" {
		t.Errorf("outputs %s", x.Outputs)
	}
	s.awaitPosted(t, "RUNS TWICE: ledgers from global to europe was not handed over: connector runs on both")
	must(t, s.global.Client().Stop(t.Context(), "ledgers"))
}

// acceptTwiceAtOnce has two accept at the same moment, without leases. Both find the copy gone in the end, and what brings it
// back is whole.
func (s *stage) acceptTwiceAtOnce(t *testing.T, inputs map[string]any) {
	t.Helper()
	var runs []*Run
	for range 2 {
		run, err := s.Begin("accept-connector", inputs)
		must(t, err)
		runs = append(runs, run)
	}
	for _, run := range runs {
		x := s.wait(t, run)
		wantState(t, x, "SUCCESS")
		if got := outputsOf[acceptedOutputs](t, x); got.Outcome != "accepted" && got.Outcome != "unchanged" {
			t.Errorf("outputs %s", x.Outputs)
		}
	}
}

// asksItself: a move asks the owner by itself, unless it is told not to, and not about what was moved before.
func asksItself(s *stage, t *testing.T) {
	s.source(t, "prices", nil)
	move := map[string]any{"origin": "global", "target": "europe", "connector": "prices", "owner": "Team prices"}
	run, err := s.Begin("move-connector", move)
	must(t, err)
	asked, err := run.Asked(t.Context(), "validate-connector", "prices", waitTime)
	must(t, err)
	x := s.wait(t, run)
	wantState(t, x, "SUCCESS")
	movedBy := x.ID
	x = s.run(t, "move-connector", move)
	wantState(t, x, "SUCCESS")
	if len(x.States["validate-connector"]) != 0 {
		t.Errorf("asked about what was moved before: %v", x.States)
	}
	run = s.follow(t, asked)
	must(t, s.Resume(t.Context(), asked, map[string]any{"decision": "ROLL_BACK", "who": "Olga"}))
	x = s.wait(t, run)
	wantState(t, x, "SUCCESS")
	wantText(t, "log", x.Text(), "moved by execution "+movedBy+" of move-connector", "certificate kestra:///")
	runsAgain(t, s.global, "prices")
	s.exactlyOnce(t, "prices")
}
