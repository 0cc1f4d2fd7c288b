package history_test

import (
	"slices"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/command"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/move"
	"github.com/connect-ferry/connect-ferry/runner/internal/natstest"
)

// slow is how long a slow NATS delays each answer, several times the downtime of a
// connector here.
const slow = 300 * time.Millisecond

// conditions are the conditions of NATS while connectors move.
var conditions = []string{"off", "on", "slow", "stopped"}

// moveWith moves a connector with NATS in one condition while it stands still, and
// returns its downtime.
func moveWith(t testing.TB, condition string) time.Duration {
	s := newStage(t, "orders")
	options := command.DefaultOptions()
	options.Watch = 30 * time.Millisecond
	mover := &move.Mover{Setup: &command.Setup{Options: options, Events: event.Discard{}}}
	if condition != "off" {
		running, err := natstest.Start(t.TempDir(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer running.Stop()
		wire, err := natstest.NewWire(running.Address())
		if err != nil {
			t.Fatal(err)
		}
		defer wire.Close()
		ferry := newRun(t, wire.URL(), "anna", 30*time.Second)
		defer ferry.publisher.Close()
		mover = ferry.Mover
		mover.Events = event.Tee{mover.Events, recorderFunc(func(happened event.Event) {
			started, ok := happened.(event.StepStarted)
			switch {
			case !ok:
			case started.Step == "quiesce" && condition == "slow":
				wire.Delay(slow)
			case started.Step == "quiesce" && condition == "stopped":
				running.Stop()
			case started.Step == "watch":
				wire.Delay(0)
			}
		})}
	}
	result := mover.Move(t.Context(), s.request(&line{}))
	if result.Outcome != event.Moved || result.DowntimeMS == nil {
		t.Fatalf("with NATS %s: %s: %s", condition, result.Outcome, result.Message)
	}
	return time.Duration(*result.DowntimeMS) * time.Millisecond
}

// TestDowntime moves a connector with NATS off, on, slow and stopped in the middle, in
// turns, and compares the downtimes. Waiting for a single answer of the slow NATS would
// show.
func TestDowntime(t *testing.T) {
	rounds := 3
	if testing.Short() {
		rounds = 1
	}
	took := map[string][]time.Duration{}
	for range rounds {
		for _, condition := range conditions {
			took[condition] = append(took[condition], moveWith(t, condition))
		}
	}
	base := median(took["off"])
	for _, condition := range conditions {
		middle := median(took[condition])
		t.Logf("NATS %-8s down for %4d ms (median of %d, %d to %d), ratio %.2f", condition, middle.Milliseconds(), rounds,
			slices.Min(took[condition]).Milliseconds(), slices.Max(took[condition]).Milliseconds(), middle.Seconds()/base.Seconds())
		if best := slices.Min(took[condition]); best > slices.Max(took["off"])+slow/2 {
			t.Errorf("with NATS %s it never stood still for less than %s, without for at most %s", condition, best, slices.Max(took["off"]))
		}
	}
}

func median(all []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}

// BenchmarkDowntime reports the downtime as ms/down for each condition of NATS.
func BenchmarkDowntime(b *testing.B) {
	for _, condition := range conditions {
		b.Run(condition, func(b *testing.B) {
			var down time.Duration
			for range b.N {
				down += moveWith(b, condition)
			}
			b.ReportMetric(float64(down.Milliseconds())/float64(b.N), "ms-down/op")
		})
	}
}
