// Package watch looks at two clusters between which connectors are moved, and finds what is
// alarming in a campaign half done: a connector that runs on both or on neither, a copy that
// fell behind, members of a consumer group that nobody expects, offsets that will expire.
//
// What it sees may be a move at work or a worker that lags behind, so a finding is reported only
// if a second look, [Watcher.Confirm] later, has one for that connector too. It only reads, but
// for a [Stopper]: that stops the one of two running copies that is shown to be wrong.
package watch

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/drift"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// Watcher looks at two clusters, once or again and again.
type Watcher struct {
	// Compare is what is looked at. Its Judge is the watcher's own.
	Compare drift.Comparer
	// Stop stops the origin's copy of a connector that runs twice, if it finds again that this
	// is the wrong one, see [Stopper.StopOrigin]; nil to report only.
	Stop func(ctx context.Context, request pair.Request) event.ConnectorResult
	// Removed is when an acceptance removed the origin's copy, zero if none did as far as is
	// known; may be nil.
	Removed func(request pair.Request) (time.Time, error)
	// MovedOn is the cluster to which a connector was moved on from the target, "" if it was not as
	// far as is known; may be nil.
	MovedOn func(ctx context.Context, request pair.Request, seen pair.Observation) string
	Events  event.Recorder
	// Confirm is between the two looks at what is alarming.
	Confirm time.Duration
	// Every is between two looks, and For how long to look; without For there is one.
	Every, For time.Duration

	known map[string]event.Finding // by connector and code, of the last look that succeeded
}

// New returns a watcher that looks once and reports.
func New(compare drift.Comparer, events event.Recorder) *Watcher {
	return &Watcher{Compare: compare, Events: events, Confirm: cluster.StaleTime}
}

// Report is what the last look found, and what the watch stopped.
type Report struct {
	Connectors []event.ConnectorResult // those with a finding, or that a look failed for
	Looked     int                     // connectors that were looked at
}

// Summary counts the findings: "12 looked at, alarming: 1 half_moved, 1 running_twice".
func (r Report) Summary() string {
	counts := map[string]int{}
	var codes []string
	for _, connector := range r.Connectors {
		for _, found := range connector.Findings {
			if counts[found.Code]++; counts[found.Code] == 1 {
				codes = append(codes, found.Code)
			}
		}
	}
	if len(codes) == 0 {
		return fmt.Sprintf("%d looked at, nothing alarming", r.Looked)
	}
	slices.Sort(codes)
	for i, code := range codes {
		codes[i] = fmt.Sprintf("%d %s", counts[code], code)
	}
	return fmt.Sprintf("%d looked at, alarming: %s", r.Looked, strings.Join(codes, ", "))
}

// Watch looks once, or for a while, and then says only what has changed. A look that fails ends
// the watch if it is the only one or the last.
func (w *Watcher) Watch(ctx context.Context) (Report, error) {
	var stopped []event.ConnectorResult
	for ends := time.Now().Add(w.For); ; {
		report, err := w.look(ctx)
		last := w.For <= 0 || time.Now().Add(w.Every).After(ends)
		switch {
		case err != nil && (last || ctx.Err() != nil):
			return report, err
		case err != nil:
			w.note("", event.Warn, "nothing is known of this look: "+event.OneLine(err.Error()))
		case w.For > 0:
			w.tell(report)
		}
		for _, result := range report.Connectors {
			if result.Changed {
				stopped = append(stopped, result)
			}
		}
		if last {
			return withStopped(report, stopped), nil
		}
		if err := wait.For(ctx, w.Every); err != nil {
			return report, err
		}
	}
}

// withStopped adds what an earlier look stopped. If the last one found something else about such
// a connector, both are told, and the worse outcome.
func withStopped(report Report, stopped []event.ConnectorResult) Report {
	for _, result := range stopped {
		at := slices.IndexFunc(report.Connectors, func(other event.ConnectorResult) bool { return other.Connector == result.Connector })
		if at < 0 {
			report.Connectors = append(report.Connectors, result)
			continue
		}
		last := &report.Connectors[at]
		if last.Changed {
			continue // by the last look itself, or told already
		}
		last.Changed, last.Steps = true, result.Steps
		last.Message = result.Message + "; now " + last.Message
		last.Findings = slices.Concat(result.Findings, last.Findings)
		if !last.Outcome.Bad() {
			last.Outcome = result.Outcome
		}
		advise(last)
	}
	return report
}

// look looks at all connectors, and after a while again at those with a finding.
func (w *Watcher) look(ctx context.Context) (Report, error) {
	all, _, err := w.compare(ctx, w.Compare.Only)
	if err != nil {
		return Report{}, err
	}
	report := Report{Looked: len(all), Connectors: alarming(all)}
	var suspects []string
	for _, result := range report.Connectors {
		suspects = append(suspects, result.Connector)
	}
	if len(suspects) == 0 {
		return report, nil
	}
	if err := wait.For(ctx, w.Confirm); err != nil {
		return Report{}, err
	}
	again, requests, err := w.compare(ctx, suspects)
	if err != nil {
		return Report{}, err
	}
	report.Connectors = alarming(again)
	for i := range report.Connectors {
		w.stop(ctx, requests[report.Connectors[i].Connector], &report.Connectors[i])
		advise(&report.Connectors[i])
	}
	return report, nil
}

// compare compares the clusters and returns the requests by their connectors.
func (w *Watcher) compare(ctx context.Context, only []string) ([]event.ConnectorResult, map[string]pair.Request, error) {
	var mu sync.Mutex
	requests := map[string]pair.Request{}
	comparer := w.Compare
	comparer.Only = only
	comparer.Judge = func(ctx context.Context, request pair.Request, seen pair.Observation, result *event.ConnectorResult) {
		(&judge{Watcher: w, request: request, seen: seen, result: result}).do(ctx)
		mu.Lock()
		defer mu.Unlock()
		requests[request.Connector] = request
	}
	results, err := comparer.Compare(ctx)
	return results, requests, err
}

func alarming(results []event.ConnectorResult) []event.ConnectorResult {
	return slices.DeleteFunc(slices.Clone(results), func(result event.ConnectorResult) bool {
		return len(result.Findings) == 0 && !result.Outcome.Bad()
	})
}

// stop stops the origin's copy if that is asked for and it is shown to be the wrong one.
func (w *Watcher) stop(ctx context.Context, request pair.Request, result *event.ConnectorResult) {
	wrong := slices.ContainsFunc(result.Findings, func(found event.Finding) bool { return found.Code == OriginResumed || found.Code == OriginCreatedAgain })
	if w.Stop == nil || !wrong || result.Outcome != event.RunningTwice {
		return
	}
	stopped := w.Stop(ctx, request)
	result.Steps, result.Changed = stopped.Steps, stopped.Changed
	if !stopped.Changed {
		result.Message += "; not stopped: " + stopped.Message
		return
	}
	result.Message += "; " + stopped.Message
	result.State, result.OriginState, result.OriginTasks = stopped.State, stopped.OriginState, stopped.OriginTasks
}

// advise makes the instructions out of the findings.
func advise(result *event.ConnectorResult) {
	var do []string
	for _, found := range result.Findings {
		do = append(do, found.Do)
	}
	if len(do) > 0 {
		result.Instructions = strings.Join(do, "; ")
	}
}

// tell says what has come and what has gone since the last look.
func (w *Watcher) tell(report Report) {
	now := map[string]event.Finding{}
	for _, connector := range report.Connectors {
		for _, found := range connector.Findings {
			key := found.Connector + " " + found.Code
			if _, known := w.known[key]; !known {
				w.note(found.Connector, event.Warn, found.String()+"; "+found.Do)
			}
			now[key] = found
		}
	}
	for key, found := range w.known {
		if _, still := now[key]; !still {
			w.note(found.Connector, event.Info, found.Code+" is over")
		}
	}
	w.known = now
}

func (w *Watcher) note(connector string, level event.Level, message string) {
	w.Events.Emit(event.Note{Connector: connector, Level: level, Message: message, At: time.Now()})
}
