package move

import (
	"context"
	"fmt"
	"sync"

	"github.com/connect-ferry/connect-ferry/runner/internal/check"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
)

// Check runs every check of a move. It writes nothing.
func (m *Mover) Check(ctx context.Context, request pair.Request) event.ConnectorResult {
	r := m.begin(request, "")
	verdict, err := r.check(ctx, request)
	if err != nil {
		return r.Fail(ctx, err)
	}
	if verdict.State.Finished() {
		// Watching it would ask its leader whether it is gone, which is a write.
		if err := verdict.Seen.Target.Failure(); err != nil {
			r.AdviseRestart(request.To(), err)
			return r.Fail(ctx, fmt.Errorf("is moved, but on %s: %w", request.Target.Name, err))
		}
		return r.End(event.Unchanged, "is moved already")
	}
	m.earlier.keep(request, verdict.Earlier())
	r.Result.Entries = verdict.Basis.Offsets.Len()
	return r.End(event.Ready, fmt.Sprintf("can be moved, %s with %s, now %s",
		verdict.Seen.Origin.Status.Type, event.Entries(verdict.Basis.Offsets.Len()), verdict.State))
}

// earlier keeps what [Mover.Check] found until the connector is moved. The zero value is ready to
// use.
type earlier struct {
	mu    sync.Mutex
	found map[string]check.Earlier // by the connector's name on the origin
}

func (e *earlier) keep(of pair.Request, found check.Earlier) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.found == nil {
		e.found = map[string]check.Earlier{}
	}
	e.found[of.Connector] = found
}

// take returns what was kept, once.
func (e *earlier) take(of pair.Request) check.Earlier {
	e.mu.Lock()
	defer e.mu.Unlock()
	defer delete(e.found, of.Connector)
	return e.found[of.Connector]
}

// check runs the checks as a step and records their findings. What [Mover.Check] has just read
// of the workers is not read again.
func (r *run) check(ctx context.Context, request pair.Request) (verdict check.Verdict, err error) {
	err = r.Step("check", func() (string, error) {
		checker := check.Checker{Events: r.Events, Mask: r.Mask, AllowDuplicates: r.Options.Proof.AllowDuplicates}
		verdict, err = checker.Again(ctx, request, r.mover.earlier.take(request))
		return string(verdict.State), err
	})
	r.Result.Checks = verdict.Findings
	if verdict.State == "" {
		return verdict, err
	}
	r.RecordStates(verdict.Seen)
	if verdict.Seen.Origin.Exists {
		r.Result.WasState = verdict.Seen.Was()
	}
	return verdict, err
}
