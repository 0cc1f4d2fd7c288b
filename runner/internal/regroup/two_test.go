package regroup

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
)

// TestTwoRunsAtOnce begins a second run, of the same or the opposite command, at many moments of the
// first, without leases. Nothing is lost nor sent twice, and one more run ends it, once what a
// refusal advises is done.
func TestTwoRunsAtOnce(t *testing.T) {
	every := 23
	if *all {
		every = 1
	}
	for _, form := range []Form{Consolidate, Split} {
		for _, opposite := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/opposite=%v", form, opposite), func(t *testing.T) {
				t.Parallel()
				for at, done := 1, false; !done; at += every {
					synctest.Test(t, func(t *testing.T) {
						w := newWorld(t, true)
						request := w.begin(form)
						second := make(chan event.ConnectorResult, 1)
						w.line.Cut(at, false)
						w.line.OnCut = func() {
							go func() {
								if opposite {
									second <- w.undo(request())
								} else {
									second <- w.regroup(request())
								}
							}()
						}
						first := w.regroup(request())
						if done = w.line.Sent < at; done {
							return
						}
						other := <-second
						w.line.Cut(0, false)
						w.pass(2 * time.Minute)
						// Without leases both may start their side at the same moment: that is seen and said.
						if first.Outcome == event.RunningTwice || other.Outcome == event.RunningTwice {
							return
						}
						if count := w.kafka.Count(topic); count.Duplicated != 0 || count.Missing != 0 {
							t.Errorf("%+v", count)
						}
						w.asAdvised(w.global, w.europe)
						last := w.regroup(request())
						if last.Outcome != event.Moved && last.Outcome != event.Unchanged {
							t.Errorf("then %s: %s", last.Outcome, last.Message)
						}
						w.exact()
						if t.Failed() {
							t.Fatalf("when the second began at request %d\n%s: %s\n%s: %s", at, first.Outcome, first.Message, other.Outcome, other.Message)
						}
					})
					if t.Failed() {
						return
					}
				}
			})
		}
	}
}
