package kestratest

import (
	"context"
	"encoding/json"
	"path/filepath"
)

// Charts are the rows of a dashboard's charts, by the chart's id. A KPI has one row with a value.
type Charts map[string][]map[string]json.RawMessage

// Dashboard computes the charts of a dashboard file over what the engine has stored, as a
// server does when somebody looks at it.
func (e *Engine) Dashboard(ctx context.Context, file string) (Charts, error) {
	absolute, err := filepath.Abs(file) // the engine works in another folder
	if err != nil {
		return nil, err
	}
	run := e.newRun()
	if err := e.send(map[string]any{"dashboard": absolute, "ref": run.ref}); err != nil {
		return nil, err
	}
	if _, err := run.Wait(ctx); err != nil {
		return nil, err
	}
	return run.charts, nil
}
