package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/kestratest"
)

// brittle is the connector whose copy cannot start at first: its workers lack the folder that
// it writes to.
const brittle = "as-quality-archive"

// patience is how long the demo waits until a flow asks.
const patience = 5 * time.Minute

// migrate runs migrate-cluster, and answers what it asks. It returns the run, which has begun to ask
// the owners of what it moved.
func (d *demo) migrate(ctx context.Context) (*kestratest.Run, error) {
	rules, err := rules()
	if err != nil {
		return nil, err
	}
	d.say("flow migrate-cluster: %s by examples/demo/rules.yaml, rehearsed first", central)
	run, err := d.engine.Begin("migrate-cluster", map[string]any{"origin": central, "rules": rules, "rehearse": true})
	if err != nil {
		return nil, err
	}
	asked, err := run.Paused(ctx, "migrate-cluster", patience)
	if err != nil {
		return nil, err
	}
	if err := d.answer(ctx, asked, "APPROVE", "Ann", "I have read the report"); err != nil {
		return nil, err
	}
	if asked, err = run.Paused(ctx, "apply-wave", patience); err != nil {
		return nil, err
	}
	if err := os.Mkdir(filepath.Join(d.lab.Dir(), "archive-asia"), 0o750); err != nil {
		return nil, fmt.Errorf("archive of asia: %w", err)
	}
	if err := d.answer(ctx, asked, "GO_ON", "Bob", "the archive is mounted in asia now"); err != nil {
		return nil, err
	}
	execution, err := run.Wait(ctx)
	if err != nil {
		return nil, err
	}
	if execution.State != "SUCCESS" {
		return nil, fmt.Errorf("migrate-cluster ended in %s:\n%s", execution.State, execution.Text())
	}
	var outputs struct{ Report, Markdown string }
	if err := json.Unmarshal(execution.Outputs, &outputs); err != nil {
		return nil, fmt.Errorf("outputs of migrate-cluster: %w", err)
	}
	return run, d.keepReport(outputs.Report, outputs.Markdown)
}

func rules() (string, error) {
	root, err := kestratest.Root()
	if err != nil {
		return "", err
	}
	content, err := os.ReadFile(filepath.Join(root, "examples", "demo", "rules.yaml"))
	return string(content), err
}

// answer fills in the form of a flow that asks.
func (d *demo) answer(ctx context.Context, execution, decision, who, why string) error {
	d.say("%s answers %s%s", who, decision, strings.TrimSuffix(": "+why, ": "))
	form := map[string]string{"decision": decision, "who": who}
	if why != "" {
		form["why"] = why
	}
	return d.engine.Resume(ctx, execution, form)
}

// told are the tasks whose logs say what a flow does.
var told = []string{"show", "approved", "answered", "report", "report_outcome"}

// hear takes what happens within Kestra.
func (d *demo) hear(event kestratest.Event) {
	d.certificates.take(event)
	d.show(event)
}

// show tells what is logged within Kestra: what the flows say, and of the runner's steps the
// begin of each wave and each start. What each owner is asked is left out.
func (d *demo) show(event kestratest.Event) {
	step := strings.Contains(event.Message, ": start ") || strings.HasPrefix(event.Message, "wave ")
	if event.Event != "log" || event.Flow == "notify" || event.Flow == "validate-connector" && event.Task == "show" || event.Task == "rehearsal" || !slices.Contains(told, event.Task) && (!step || event.Level == "ERROR") {
		return
	}
	var lines []string
	for line := range strings.Lines(event.Message) {
		if line = strings.TrimSpace(line); len(line) > wide {
			line = line[:wide] + " ..."
		}
		lines = append(lines, line)
	}
	d.say("kestra  %s", strings.Join(lines, "\n                "))
}

// wide is how much of a line is shown.
const wide = 136
