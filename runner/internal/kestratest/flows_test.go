package kestratest

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

func TestFlowsParse(t *testing.T) {
	for _, version := range versions(t) {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute) // a first build downloads Kestra
			defer cancel()
			flows, err := Flows(version)
			must(t, err)
			root, err := Root()
			must(t, err)
			flows = append(slices.Concat(flows, exampleFlows(t, version)), filepath.Join(root, "examples", "without-plugin"), filepath.Join(root, "examples", "nats"),
				filepath.Join(root, "examples", "notify"), filepath.Dir(dashboardFile(t)), renamedMetric(t))
			files, refusals, err := Validate(ctx, version, plugins(t), flows)
			must(t, err)
			if want := filesIn(t, flows); files != want {
				t.Errorf("%d flow files for Kestra %s, expected %d", files, version, want)
			}
			foreign, renamed := 0, 0
			for _, refusal := range refusals {
				// Kestra's own plugins are in no registry that CI reaches, so what names them is refused, and for that alone.
				if strings.Contains(refusal.Reason, "io.kestra.plugin.nats.core.") || strings.Contains(refusal.Reason, "io.kestra.plugin.email.") {
					foreign++
					continue
				}
				if refusal.File == "renamed.yaml" && strings.Contains(refusal.Reason, "ferry.mooved, which no task has") {
					renamed++
					continue
				}
				t.Errorf("Kestra %s refuses %s: %s", version, refusal.File, refusal.Reason)
			}
			if renamed != 1 {
				t.Errorf("Kestra %s takes a dashboard of a metric that no task has", version)
			}
			if foreign != 3 {
				t.Errorf("Kestra %s refuses %d flows for Kestra's own plugins, expected two of examples/nats and the one of examples/notify: %v", version, foreign, refusals)
			}
		})
	}
}

// filesIn counts the YAML files of some folders, not of their subfolders.
func filesIn(t *testing.T, folders []string) int {
	t.Helper()
	count := 0
	for _, folder := range folders {
		files, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
		must(t, err)
		if len(files) == 0 {
			t.Errorf("%s has no YAML file", folder)
		}
		count += len(files)
	}
	return count
}

// TestOtherFlowsParse checks the flows of the benchmark, which are for 2.0.
func TestOtherFlowsParse(t *testing.T) {
	if !slices.Contains(versions(t), "2.0.0") {
		t.Skip("KESTRA names another version")
	}
	root, err := Root()
	must(t, err)
	files, refusals, err := Validate(t.Context(), "2.0.0", plugins(t), []string{filepath.Join(root, "runner", "bench", "flows")})
	must(t, err)
	if files != 1 || len(refusals) > 0 {
		t.Errorf("%d files, expected 1; refused: %v", files, refusals)
	}
}

func TestFlowsOfTheOtherVersionAreRefused(t *testing.T) {
	if len(versions(t)) != len(Versions) {
		t.Skip("KESTRA names one version, this compares two")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	flows, err := Flows("1.3.31")
	must(t, err)
	_, refusals, err := Validate(ctx, "2.0.0", plugins(t), append(flows[1:], exampleFlows(t, "1.3.31")[1:]...))
	must(t, err)
	if len(refusals) != 4+2 {
		t.Errorf("Kestra 2.0.0 refuses %v of flows/1.x and examples/flows/1.x, expected all six: then one file can serve both versions", refusals)
	}
}

func TestFlows(t *testing.T) {
	for _, version := range versions(t) {
		t.Run(version, func(t *testing.T) { // one after another: an engine takes a small machine for itself
			s := newStage(t, version)
			s.showsNothing(t)
			s.together(t, "together", map[string]func(*stage, *testing.T){
				"move and take back":       moveAndTakeBack,
				"one of two fails":         oneOfTwoFails,
				"bad input":                badInput,
				"with a password":          withPassword,
				"single steps":             singleSteps,
				"killed":                   killed,
				"timed out":                timedOut,
				"webhook":                  webhookFails,
				"Teams":                    teamsIsTold,
				"channels":                 channels,
				"link":                     linkToExecution,
				"already moved":            alreadyMoved,
				"other settings":           otherSettings,
				"settings by a flow":       settingsByFlow,
				"put back after a failure": putBackAfterFailure,
				"in Docker":                inDocker,
				"down":                     down,
				"plan and approve":         planAndApprove,
				"rehearse and hold":        rehearseAndHold,
				"rehearsal fails":          rehearsalFails,
				"reject":                   reject,
				"refused plan":             refusedPlan,
				"roll a wave back":         rollWaveBack,
				"go on after a failure":    goOnAfterFailure,
				"stop at a failure":        stopAtFailure,
				"changed meanwhile":        changedMeanwhile,
				"consolidate":              consolidateAndTakeBack,
				"refused consolidation":    refusedConsolidation,
				"consolidation fails":      consolidationFails,
				"regrouped wave":           rollRegroupedWaveBack,
				"rehearse from the form":   rehearseFromTheForm,
				"table of a failure":       tableOfAFailure,
				"expert by API":            expertByAPI,
				"pickers":                  pickers,
				"offsets backup":           backUpAndRestore,
				"clone":                    cloneConnector,
				"database upgrade":         upgradeDatabase,
				"upgrade that cannot be":   refusedUpgrade,
				"drift":                    reportDrift,
				"by a webhook":             moveOnWebhook,
				"article by ferry":         articleByFerry,
				"asked by an agent":        askedByAgent,
				"killed and finished":      killedAndFinished,
				"killed and put back":      killedAndPutBack,
				"recover each":             recoverEach,
				"recover some":             recoverSome,
				"accept in two steps":      acceptInTwoSteps,
				"roll back later":          rollBackLater,
				"silent owner":             silentOwner,
				"asked again":              askedAgain,
				"accept refused":           acceptRefused,
				"asks itself":              asksItself,
				"texts from outside":       textsFromOutside,
				"accepted too late":        acceptedTooLate,
				"from afar":                fromAfar,
				"moved on":                 movedOn,
				"renamed":                  renamed,
				"renamed and back":         renamedAndBack,
				"two answers":              twoAnswers,
				"answered too late":        answeredTooLate,
			})
			// While nothing is accepted: Kestra 1.3 lists a file of the namespace a moment before it can be read, and a watch that falls into
			// that moment cannot look.
			s.together(t, "watching", map[string]func(*stage, *testing.T){
				"watch":                 watchOnce,
				"watch the unreachable": watchUnreachable,
				"beside a run":          besideARun,
				"moved on and watched":  movedOnAndWatched,
			})
			s.together(t, "accepting", map[string]func(*stage, *testing.T){"created again": createdAgain})
			t.Run("dashboard", s.showsWhatRan) // alone, since it counts
			s.keepsSecrets(t)
		})
	}
}

// together runs cases side by side, and returns when all have ended.
func (s *stage) together(t *testing.T, group string, cases map[string]func(*stage, *testing.T)) {
	t.Helper()
	t.Run(group, func(t *testing.T) {
		for name, test := range cases {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(s, t)
			})
		}
	})
}

func moveAndTakeBack(s *stage, t *testing.T) {
	s.source(t, "orders", nil)
	s.source(t, "payments", nil)
	x := s.run(t, "migrate-connectors", map[string]any{
		"origin": "global", "target": "europe", "connectors": []string{"payments", "orders"}, "concurrency": 1,
		"notify_url": s.webhook.url + "/hook",
	})
	wantState(t, x, "SUCCESS")
	var outputs struct {
		Summary string `json:"summary"`
		Results []struct {
			Connector string `json:"connector"`
			State     string `json:"state"`
			Result    struct {
				Outcome  string `json:"outcome"`
				Proof    string `json:"proof"`
				Downtime string `json:"downtime_ms"`
				Entries  int    `json:"entries"`
			} `json:"result"`
		} `json:"results"`
	}
	must(t, json.Unmarshal(x.Outputs, &outputs))
	wantText(t, "summary", outputs.Summary, "2 of 2 moved from global to europe\norders: moved to europe, timed proof, 2 offset entries, down for ", "\npayments: moved")
	wantText(t, "log", x.Text(), "INFO  migrate-connectors/report 2 of 2 moved")
	if labels := x.Known["move-connector"]; x.Labels["target"] != "europe" || len(labels) != 2 || labels[0]["origin"] != "global" || labels[0]["connector"] == "" {
		t.Errorf("labels %v, and of each move %v", x.Labels, labels)
	}
	if len(x.States["move-connector"]) != 2 || len(outputs.Results) != 2 {
		t.Fatalf("sub-executions %v, results %s, expected two of move-connector", x.States, x.Outputs)
	}
	for _, one := range outputs.Results {
		if one.State != "SUCCESS" || one.Result.Outcome != "moved" || one.Result.Proof != "timed" || one.Result.Entries != 2 || one.Result.Downtime == "" {
			t.Errorf("result %+v", one)
		}
		if state := on(t, s.global, one.Connector); state != connect.Stopped {
			t.Errorf("%s is %q on global, expected STOPPED", one.Connector, state)
		}
		runsAgain(t, s.europe, one.Connector)
	}
	var told struct {
		Text string `json:"text"`
	}
	for _, body := range s.webhook.bodies.all() {
		if strings.Contains(body, "2 of 2 moved") {
			must(t, json.Unmarshal([]byte(body), &told))
		}
	}
	wantText(t, "webhook's text", told.Text, "2 of 2 moved from global to europe")

	x = s.run(t, "rollback-connector", map[string]any{"origin": "global", "target": "europe", "connector": "orders",
		"copy": "REST", "accept": []string{"SAME_LOG"}})
	wantState(t, x, "SUCCESS")
	wantText(t, "outputs", string(x.Outputs), `"outcome":"rolled_back"`)
	runsAgain(t, s.global, "orders")
	s.exactlyOnce(t, "orders")
	s.exactlyOnce(t, "payments")
}

func oneOfTwoFails(s *stage, t *testing.T) {
	s.source(t, "stock", nil)
	x := s.run(t, "migrate-connectors", map[string]any{"origin": "global", "target": "europe", "connectors": []string{"nobody", "stock"},
		"copy": "REST", "accept": []string{"OTHER_KAFKA", "AT_LEAST_ONCE"}})
	wantState(t, x, "FAILED")
	wantText(t, "log", x.Text(), `ERROR move-connector/move nobody: connector "nobody" does not exist on global`, "ERROR migrate-connectors/verdict not moved: nobody (")
	wantText(t, "outputs", string(x.Outputs), "1 of 2 moved from global to europe", "stock: moved to europe", "nobody: not moved, ")
	runsAgain(t, s.europe, "stock")
	s.exactlyOnce(t, "stock")
}

func badInput(s *stage, t *testing.T) {
	s.source(t, "untouched", nil)
	for _, bad := range []struct {
		name, flow string
		inputs     map[string]any
		line       string
	}{
		{"no connector", "migrate-connectors", map[string]any{"origin": "global", "target": "europe", "connectors": []string{}},
			"ERROR migrate-connectors/need_connectors no connector is named, choose at least one of global"},
		{"one cluster", "migrate-connectors", map[string]any{"origin": "global", "target": "global", "connectors": []string{"untouched"}},
			"ERROR migrate-connectors/need_two_clusters origin and target are both global, choose two clusters"},
		{"unknown cluster", "move-connector", map[string]any{"origin": "global", "target": "mars", "connector": "untouched"},
			`ERROR move-connector/move cluster "mars" is not in clusters of the request, which has `},
		{"unreachable cluster", "move-connector", map[string]any{"origin": "global", "target": "gone", "connector": "untouched"},
			`ERROR move-connector/move untouched: connector "untouched" on gone: GET http://127.0.0.1:9/`},
		{"settings that are no texts", "move-connector",
			map[string]any{"origin": "global", "target": "europe", "connector": "untouched", "set": `{"login": {"password": "p4ssw0rd-of-nobody"}}`},
			"ERROR move-connector/move `set` is not an object of texts, expected names and values such as "},
		{"nothing to take back", "rollback-connector", map[string]any{"origin": "global", "target": "europe", "connector": "nobody"},
			`ERROR rollback-connector/rollback nobody: connector "nobody" does not exist on global`},
	} {
		x := s.run(t, bad.flow, bad.inputs)
		wantState(t, x, "FAILED")
		wantText(t, bad.name, x.Text(), bad.line)
		if count := strings.Count(x.Text(), bad.line); count > 1 {
			t.Errorf("%s: the line stands %d times in the log:\n%s", bad.name, count, x.Text())
		}
	}
	if state := on(t, s.global, "untouched"); state != connect.Running {
		t.Errorf("untouched is %q on global, expected RUNNING", state)
	}
	if state := on(t, s.europe, "untouched"); state != "" {
		t.Errorf("untouched is %q on europe, expected not there", state)
	}
}

func withPassword(s *stage, t *testing.T) {
	s.source(t, "payroll", nil)
	x := s.run(t, "move-connector", map[string]any{"origin": "global", "target": "guarded", "connector": "payroll"})
	wantState(t, x, "SUCCESS")
	runsAgain(t, s.europe, "payroll")
	s.exactlyOnce(t, "payroll")

	// The form does not log in, so it offers no connector of this origin; one may be named all the same.
	source(t, s.europe, "intranet", nil)
	x = s.run(t, "migrate-connectors", map[string]any{"origin": "guarded", "target": "global", "connectors": []string{"intranet"}})
	wantState(t, x, "SUCCESS")
	runsAgain(t, s.global, "intranet")
	s.exactlyOnce(t, "intranet")
}

func singleSteps(s *stage, t *testing.T) {
	s.source(t, "ledger", nil)
	x := s.run(t, "steps", map[string]any{"connector": "ledger"})
	wantState(t, x, "SUCCESS")
	var outputs struct{ Offsets, State string }
	must(t, json.Unmarshal(x.Outputs, &outputs))
	wantText(t, "offsets document", outputs.Offsets, `"offsets":[`, `"sequence"`)
	if outputs.State != "moved" {
		t.Errorf("state %q, expected moved", outputs.State)
	}
	if get, _ := x.Task("get"); strings.Contains(string(get.Outputs), `"sequence"`) {
		t.Errorf("offsets are in the outputs: %s", get.Outputs)
	}
	config, err := s.europe.Client().Config(t.Context(), "ledger")
	must(t, err)
	if config.Text("batch.size") != "20" {
		t.Errorf("config of the copy: %s, expected batch.size 20", config)
	}
	runsAgain(t, s.europe, "ledger")
	s.exactlyOnce(t, "ledger")
}

// down moves a connector that can neither start on the target nor start again where it was:
// the executions are red, and people are told first of all that it is down.
func down(s *stage, t *testing.T) {
	s.source(t, "pulse", nil)
	s.global.FailStarts("pulse", "java.sql.SQLException: login refused")
	s.europe.FailStarts("pulse", "java.sql.SQLException: login refused")
	x := s.run(t, "migrate-connectors", map[string]any{
		"origin": "global", "target": "europe", "connectors": []string{"pulse"}, "notify_url": s.webhook.url + "/hook",
	})
	wantState(t, x, "FAILED")
	wantText(t, "outputs", string(x.Outputs), "DOWN: pulse. 0 of 1 moved from global to europe", "pulse: DOWN, ", "tasks 0, 1 FAILED: java.sql.SQLException: login refused")
	x = s.run(t, "rollback-connector", map[string]any{"origin": "global", "target": "europe", "connector": "pulse", "notify_url": s.webhook.url + "/hook"})
	wantState(t, x, "FAILED")
	wantText(t, "outputs", string(x.Outputs), `"outcome":"down"`)
	told := strings.Join(s.webhook.bodies.all(), "\n")
	wantText(t, "webhook's texts", told, `"text":"DOWN: pulse. 0 of 1 moved`, `"text":"DOWN: pulse was not rolled back`)

	s.global.FailStarts("pulse", "")
	s.europe.FailStarts("pulse", "")
	x = s.run(t, "rollback-connector", map[string]any{"origin": "global", "target": "europe", "connector": "pulse"})
	wantState(t, x, "SUCCESS")
	runsAgain(t, s.global, "pulse")
	s.exactlyOnce(t, "pulse")
}

// slow makes a poll take so long that a move waits for the connector to pause.
var slow = map[string]string{"poll.block.ms": "6000", "rate": "0", "batch.size": "5"}

func killed(s *stage, t *testing.T) {
	s.source(t, "archive", slow)
	run, err := s.Begin("migrate-connectors", map[string]any{"origin": "global", "target": "guarded", "connectors": []string{"archive"}})
	must(t, err)
	s.awaitPaused(t, "archive")
	s.isPrivate(t)
	must(t, run.Kill(t.Context()))
	ctx, cancel := context.WithTimeout(t.Context(), runLimit)
	defer cancel()
	x, err := run.Wait(ctx)
	must(t, err)
	wantState(t, x, "KILLED")
	// Kestra says KILLED at once; the task goes on to put the connector back, and to say so.
	s.awaitSaid(t, "archive: put_back")
	s.isBack(t, "archive")
}

// isPrivate checks, while a runner runs, that the password is in its request file
// alone: not in its arguments, its environment, or a file that others can read.
func (s *stage) isPrivate(t *testing.T) {
	t.Helper()
	folders, err := s.leftFiles()
	must(t, err)
	requests := 0
	for _, folder := range folders {
		content, err := os.ReadFile(filepath.Join(folder, "request.json"))
		if err != nil || !strings.Contains(string(content), "p4ssw0rd") {
			continue // of another test, which has no password or has just ended
		}
		requests++
		for path, want := range map[string]os.FileMode{folder: 0o700, filepath.Join(folder, "request.json"): 0o600} {
			info, err := os.Stat(path)
			must(t, err)
			if got := info.Mode().Perm(); got != want {
				t.Errorf("%s has the mode %o, expected %o", filepath.Base(path), got, want)
			}
		}
	}
	if requests == 0 {
		t.Errorf("no request file with the password, though a move is under way; folders: %v", folders)
	}
	runners := 0
	processes, err := filepath.Glob("/proc/[0-9]*")
	must(t, err)
	for _, process := range processes {
		arguments, _ := os.ReadFile(filepath.Join(process, "cmdline")) // it may have ended
		if !strings.Contains(string(arguments), "/.connect-ferry-") {
			continue
		}
		runners++
		environment, _ := os.ReadFile(filepath.Join(process, "environ"))
		if strings.Contains(string(arguments)+string(environment), "p4ssw0rd") {
			t.Errorf("%s: the password is in its arguments or environment", process)
		}
	}
	if runners == 0 {
		t.Error("no runner process found, though a move is under way")
	}
}

func timedOut(s *stage, t *testing.T) {
	s.source(t, "history", slow)
	x := s.run(t, "slow-move", map[string]any{"connector": "history"})
	wantState(t, x, "FAILED")
	// Stopped while it waits for the connector to pause or, among other moves, for its
	// turn; or, on a loaded machine, before it has begun.
	if !slices.ContainsFunc([]string{"put_back", "is on global as before", "interrupted"}, func(said string) bool { return strings.Contains(x.Text(), said) }) {
		t.Errorf("the log does not say that history was put back, or that its move was not begun:\n%s", x.Text())
	}
	s.isBack(t, "history")
}

// awaitPaused waits until the move has asked the connector to pause.
func (s *stage) awaitPaused(t *testing.T, connector string) {
	t.Helper()
	must(t, wait.Until(t.Context(), connector+" to be paused", waitTime, func(ctx context.Context) (bool, string, error) {
		status, err := s.global.Client().Status(ctx, connector)
		return err == nil && status.Connector.State != connect.Running, string(status.Connector.State), err
	}))
}

// awaitSaid waits for a line of a log.
func (s *stage) awaitSaid(t *testing.T, part string) {
	t.Helper()
	must(t, wait.Until(t.Context(), "the log to say "+part, waitTime, func(context.Context) (bool, string, error) {
		return slices.ContainsFunc(s.said.all(), func(line string) bool { return strings.Contains(line, part) }), "not yet", nil
	}))
}

// isBack checks that the connector runs on the origin alone, without a gap.
func (s *stage) isBack(t *testing.T, connector string) {
	t.Helper()
	runsAgain(t, s.global, connector)
	if state := on(t, s.europe, connector); state != "" && state != connect.Stopped {
		t.Errorf("%s is %s on europe, expected STOPPED or not there", connector, state)
	}
	if overlaps := s.kafka.Overlaps(connector); len(overlaps) > 0 {
		t.Errorf("%s ran twice at a time: %v", connector, overlaps)
	}
}

func webhookFails(s *stage, t *testing.T) {
	s.source(t, "audit", nil)
	x := s.run(t, "move-connector", map[string]any{
		"origin": "global", "target": "europe", "connector": "audit", "validate": false, "notify_url": s.webhook.url + "/broken",
	})
	wantState(t, x, "SUCCESS")
	if states := x.States["notify"]; len(states) != 1 || states[0] != "WARNING" {
		t.Errorf("notify ended %v, expected one WARNING", states)
	}
	wantText(t, "log", x.Text(), "INFO  notify/log audit from global to europe: moved to europe")
}

func teamsIsTold(s *stage, t *testing.T) {
	const message = "say \"when\"\nand {{ where }}"
	x := s.run(t, "notify", map[string]any{"message": message, "level": "WARN", "notify_url": s.webhook.url + "/webhook.office.com"})
	wantState(t, x, "SUCCESS")
	wantText(t, "log", x.Text(), "WARN  notify/log "+message)
	for _, body := range s.webhook.bodies.all() {
		var card struct {
			Attachments []struct {
				ContentType string `json:"contentType"`
				Content     struct {
					Type string `json:"type"`
					Body []struct{ Text string }
				} `json:"content"`
			} `json:"attachments"`
		}
		must(t, json.Unmarshal([]byte(body), &card))
		if len(card.Attachments) == 1 {
			one := card.Attachments[0]
			if one.ContentType != "application/vnd.microsoft.card.adaptive" || one.Content.Type != "AdaptiveCard" || one.Content.Body[0].Text != message {
				t.Errorf("card %s", body)
			}
			return
		}
	}
	t.Errorf("no card among %v", s.webhook.bodies.all())
}

func alreadyMoved(s *stage, t *testing.T) {
	s.source(t, "clicks", nil)
	inputs := map[string]any{"origin": "global", "target": "europe", "connector": "clicks"}
	wantState(t, s.run(t, "move-connector", inputs), "SUCCESS")
	x := s.run(t, "move-connector", inputs)
	wantState(t, x, "SUCCESS")
	wantText(t, "outputs", string(x.Outputs), `"outcome":"unchanged"`)
	config, err := s.global.Client().Config(t.Context(), "clicks")
	must(t, err)
	s.wantCopy(t, "clicks", config)
}

// otherSettings gives what is to be other on the target as the form and the API do, as text.
func otherSettings(s *stage, t *testing.T) {
	s.source(t, "labels", map[string]string{"comment": "of the origin"})
	// What looks like an expression is the connector's own, and a password is nobody else's.
	const text, login = `say "{{ 1 + 1 }}" to ${file:/a:b}`, "p4ssw0rd-of-the-copy"
	set, err := json.Marshal(map[string]any{"batch.size": 20, "text": text, "login": login})
	must(t, err)
	x := s.run(t, "move-connector", map[string]any{
		"origin": "global", "target": "europe", "connector": "labels", "set": string(set), "unset": `["comment"]`,
	})
	wantState(t, x, "SUCCESS")
	want, err := s.global.Client().Config(t.Context(), "labels")
	must(t, err)
	want = want.With("batch.size", rawjson.String("20")).With("text", rawjson.String(text)).With("login", rawjson.String(login)).Without("comment")
	s.wantCopy(t, "labels", want)
}

func settingsByFlow(s *stage, t *testing.T) {
	s.source(t, "stamps", map[string]string{"comment": "of the origin"})
	wantState(t, s.run(t, "move-changed", map[string]any{"connector": "stamps"}), "SUCCESS")
	want, err := s.global.Client().Config(t.Context(), "stamps")
	must(t, err)
	s.wantCopy(t, "stamps", want.With("batch.size", rawjson.String("20")).Without("comment"))
}

// wantCopy checks that the copy on europe has this config, runs by it, and goes on where the origin ended.
func (s *stage) wantCopy(t *testing.T, connector string, want rawjson.Object) {
	t.Helper()
	config, err := s.europe.Client().Config(t.Context(), connector)
	must(t, err)
	if !rawjson.Equal(config.Value(), want.Value()) {
		t.Errorf("config of the copy of %s: %s, expected %s", connector, config, want)
	}
	runsAgain(t, s.europe, connector)
	s.exactlyOnce(t, connector)
}

func putBackAfterFailure(s *stage, t *testing.T) {
	s.source(t, "brittle", nil)
	s.europe.FailStarts("brittle", "java.lang.IllegalStateException: not here")
	x := s.run(t, "move-connector", map[string]any{"origin": "global", "target": "europe", "connector": "brittle"})
	wantState(t, x, "FAILED")
	if _, ran := x.Task("put_back"); !ran {
		t.Errorf("put_back did not run; tasks: %v", x.Tasks)
	}
	wantText(t, "log", x.Text(), "ERROR notify/log brittle from global to europe was not moved: ")
	runsAgain(t, s.global, "brittle")
	s.exactlyOnce(t, "brittle")
}

// keepsSecrets checks that no password is in what the engine said or logged, and
// that no request file is left.
func (s *stage) keepsSecrets(t *testing.T) {
	t.Helper()
	log, err := os.ReadFile(s.Log())
	must(t, err)
	for _, line := range append(s.said.all(), string(log)) {
		if strings.Contains(line, "p4ssw0rd") {
			t.Errorf("the password is in: %s", line)
		}
	}
	must(t, wait.Until(t.Context(), "the tasks' folders to be emptied", waitTime, func(context.Context) (bool, string, error) {
		left, err := s.leftFiles()
		return len(left) == 0, strings.Join(left, " "), err
	}))
}
