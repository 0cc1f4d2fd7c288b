package kestratest

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
)

// rehearseFromTheForm rehearses two connectors, of which one is not there: the other one is
// rehearsed, both are in the table, and nothing is left behind.
func rehearseFromTheForm(s *stage, t *testing.T) {
	s.source(t, "sketch", nil)
	x := s.run(t, "migrate-connectors", map[string]any{
		"origin": "global", "target": "europe", "connectors": []string{"sketch", "absentee"}, "rehearse": true, "owner": "billing",
	})
	wantState(t, x, "FAILED")
	wantText(t, "outputs", string(x.Outputs), "1 of 2 rehearsed from global to europe", `absentee: not rehearsed, `, "connector absentee does not exist on the origin")
	wantText(t, "log", x.Text(), "ERROR migrate-connectors/verdict not rehearsed: absentee (")
	table := s.table(t, x)
	wantText(t, "table", table, "| sketch | rehearsed | global | europe |", " ms predicted | ", "| absentee | invalid | global | europe | none |")
	if x.Labels["outcome"] != "partly_rehearsed" || x.Labels["owner"] != "billing" {
		t.Errorf("labels %v, expected the outcome partly_rehearsed, and the owner billing", x.Labels)
	}
	for _, labels := range x.Known["move-connector"] {
		if want := map[string]string{"sketch": "rehearsed", "absentee": "invalid"}[labels["connector"]]; labels["outcome"] != want || labels["owner"] != "billing" {
			t.Errorf("labels %v of a rehearsal, expected the outcome %s, and the owner billing", labels, want)
		}
	}
	if state := on(t, s.global, "sketch"); state != connect.Running {
		t.Errorf("sketch is %q on global, expected RUNNING", state)
	}
	if state := on(t, s.europe, "sketch"); state != "" {
		t.Errorf("sketch is %q on europe, expected not there", state)
	}
}

// tableOfAFailure checks what a table and the labels say of a connector that did not start,
// whose error would break the table.
func tableOfAFailure(s *stage, t *testing.T) {
	s.source(t, "splinter", nil)
	s.europe.FailStarts("splinter", "java.sql.SQLException: a | b\n<b>not here</b>")
	x := s.run(t, "migrate-connectors", map[string]any{
		"origin": "global", "target": "europe", "connectors": []string{"splinter"}, "notify_url": s.webhook.url + "/hook",
	})
	wantState(t, x, "FAILED")
	table := s.table(t, x)
	rows := strings.Split(strings.TrimSpace(table), "\n")
	wantText(t, "table", table, "# 0 of 1 moved from global to europe", "| splinter | ", "a &#124; b", ".html |")
	if len(rows) != 5 || strings.Count(rows[4], "|") != strings.Count(rows[2], "|") || strings.Contains(table, "<b>") {
		t.Errorf("expected a heading and a table of one row:\n%s", table)
	}
	if x.Labels["outcome"] != "not_moved" {
		t.Errorf("labels %v, expected the outcome not_moved", x.Labels)
	}
	moves := x.Known["move-connector"]
	if len(moves) != 1 || moves[0]["outcome"] == "" || moves[0]["outcome"] == "moved" {
		t.Errorf("labels %v of the move, expected why it failed as its outcome", moves)
	}
	for _, flow := range []string{"move-wave", "notify"} {
		all := x.Known[flow] // on 2.0 an iteration of a loop is one of its flow too
		if len(all) == 0 || slices.ContainsFunc(all, func(labels map[string]string) bool {
			return labels["origin"] != "global" || labels["target"] != "europe"
		}) {
			t.Errorf("labels %v of %s, expected those of the execution that began it", all, flow)
		}
	}
	runsAgain(t, s.global, "splinter")

	x = s.run(t, "rollback-connector", map[string]any{"origin": "global", "target": "europe", "connector": "nobody-at-all", "owner": "billing"})
	wantState(t, x, "FAILED")
	if x.Labels["outcome"] != "refused" || x.Labels["owner"] != "billing" {
		t.Errorf("labels %v, expected the outcome refused, and the owner billing", x.Labels)
	}
}

// table reads the table that migrate-connectors leaves.
func (s *stage) table(t *testing.T, x Execution) string {
	t.Helper()
	var outputs struct{ Report string }
	must(t, json.Unmarshal(x.Outputs, &outputs))
	if !strings.HasSuffix(outputs.Report, ".md") {
		t.Fatalf("report %q, expected a file in Markdown; outputs: %s; log:\n%s", outputs.Report, x.Outputs, x.Text())
	}
	content, err := s.ReadFile(outputs.Report)
	must(t, err)
	return string(content)
}

// expertByAPI gives a flow what its form shows to experts, as a caller of the API does, without
// anything that belongs to the form. Neither cluster names its Kafka, so HARD has to be refused.
func expertByAPI(s *stage, t *testing.T) {
	s.source(t, "proven", nil)
	for flow, inputs := range map[string]map[string]any{
		"move-connector":     {"origin": "global", "target": "europe", "connector": "proven", "proof": "HARD", "notify": false},
		"migrate-connectors": {"origin": "global", "target": "europe", "connectors": []string{"proven"}, "proof": "HARD"},
	} {
		x := s.run(t, flow, inputs)
		wantState(t, x, "FAILED")
		wantText(t, "log", x.Text(), "proven: ", "hard")
	}
	x := s.run(t, "move-connector", map[string]any{"origin": "global", "target": "europe", "connector": "proven", "proof": "HARD", "rehearse": true})
	wantState(t, x, "FAILED")
	wantText(t, "outputs", string(x.Outputs), `"outcome":"refused"`, "hard proof")
	wantText(t, "log", x.Text(), "ERROR notify/log proven from global to europe was not rehearsed: ")
	if state := on(t, s.global, "proven"); state != connect.Running {
		t.Errorf("proven is %q on global, expected RUNNING", state)
	}
}

// pickers looks at what the forms offer.
func pickers(s *stage, t *testing.T) {
	s.source(t, "picked", nil)
	between := map[string]any{"origin": "global", "target": "europe"}
	with := func(more map[string]any) map[string]any {
		all := map[string]any{}
		for _, some := range []map[string]any{between, more} {
			for key, value := range some {
				all[key] = value
			}
		}
		return all
	}
	for _, flow := range []string{"migrate-connectors", "move-connector", "rollback-connector"} {
		form := s.form(t, flow, nil)
		for _, cluster := range []string{"europe", "global", "gone", "guarded"} { // beside those of other tests
			if !slices.Contains(form["origin"].Values, cluster) || !slices.Contains(form["target"].Values, cluster) {
				t.Errorf("%s offers the clusters %v and %v, and not %s", flow, form["origin"].Values, form["target"].Values, cluster)
			}
		}
		if form["proof"].Enabled || form["copy"].Enabled || form["accept"].Enabled {
			t.Errorf("%s shows what is for experts before a connector is chosen: %v", flow, form)
		}
	}
	form := s.form(t, "migrate-connectors", between)
	if !slices.Contains(form["connectors"].Values, "picked") {
		t.Errorf("migrate-connectors offers %v, expected picked among them", form["connectors"])
	}
	if form = s.form(t, "move-connector", with(map[string]any{"list": true})); !slices.Contains(form["connector"].Values, "picked") {
		t.Errorf("move-connector offers %v, expected picked among them", form["connector"])
	}
	if form = s.form(t, "rollback-connector", with(map[string]any{"list": true})); slices.Contains(form["connector"].Values, "picked") {
		t.Errorf("rollback-connector offers %v, and picked was not moved", form["connector"])
	}
	wantState(t, s.run(t, "move-connector", with(map[string]any{"connector": "picked", "notify": false})), "SUCCESS")
	form = s.form(t, "rollback-connector", with(map[string]any{"list": true, "connector": "picked"}))
	if !slices.Contains(form["connector"].Values, "picked") || !form["proof"].Enabled || form["connector"].Error != "" {
		t.Errorf("rollback-connector offers %v, expected picked among them, and what is for experts", form)
	}

	// A cluster that cannot be reached, asks for a login or is unknown offers nothing, and is no
	// obstacle to a name that is typed: of the first the list has to be turned off.
	for _, flow := range []string{"move-connector", "rollback-connector"} {
		for origin, list := range map[string]bool{"gone": false, "guarded": true, "mars": true} {
			form := s.form(t, flow, map[string]any{"origin": origin, "target": "europe", "connector": "typed", "list": list})
			if one := form["connector"]; len(one.Values) > 0 || one.Error != "" || !one.Enabled {
				t.Errorf("%s offers %v of %s, expected nothing, and no error", flow, one, origin)
			}
		}
	}
	form = s.form(t, "migrate-connectors", map[string]any{"origin": "gone", "target": "europe", "connectors": []string{"typed"}, "list": false})
	if one := form["connectors"]; one.Error != "" || !one.Enabled {
		t.Errorf("migrate-connectors says %v, expected no error", one)
	}
	if form = s.form(t, "migrate-connectors", map[string]any{"origin": "gone", "target": "europe"}); form["connectors"].Error == "" {
		t.Error("migrate-connectors says nothing of a cluster that cannot be reached")
	}
}
