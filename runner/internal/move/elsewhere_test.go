package move

import (
	"strings"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// TestMovedOn moves a connector on to a third cluster. It is neither taken back from the second
// nor moved there again while it runs there; once it is back on the second, all goes on as ever.
func TestMovedOn(t *testing.T) {
	for name, then := range map[string]time.Duration{"further": 70 * time.Second, "at once": 0} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(_ *testing.T, w *world) {
				asia, others := w.third(w.kafka)
				w.run(connecttest.SourceConfig(topic, 2))
				w.expect(w.move(), event.Moved, connect.Stopped, connect.Running)
				w.pass(then)
				on := w.request()
				on.Origin, on.Target = on.Target, others[0]
				if result := w.mover().Move(w.t.Context(), on); result.Outcome != event.Moved {
					w.t.Fatal(result.Message)
				}
				w.pass(then)
				mover := w.mover()
				mover.Others = func() []*cluster.Cluster { return others }
				result := mover.Rollback(w.t.Context(), w.request())
				w.expect(result, event.Refused, connect.Stopped, connect.Stopped)
				if !strings.Contains(result.Message, "runs on asia") || !strings.Contains(result.Message, "ferry rollback --origin europe --target asia --connector orders") {
					w.t.Error(result.Message)
				}
				w.expect(mover.Move(w.t.Context(), w.request()), event.Refused, connect.Stopped, connect.Stopped)
				w.await(asia, connect.Running)
				if result := mover.Rollback(w.t.Context(), on); result.Outcome != event.RolledBack {
					w.t.Fatal(result.Message)
				}
				w.expect(mover.Rollback(w.t.Context(), w.request()), event.RolledBack, connect.Running, connect.Stopped)
				w.exact()
			})
		})
	}
}

// TestAnotherOfThatName has another connector of the same name on a third cluster, and a fourth
// that cannot be asked. Neither holds up a rollback of a copy that somebody has stopped.
func TestAnotherOfThatName(t *testing.T) {
	inWorld(t, func(_ *testing.T, w *world) {
		asia, others := w.third(connecttest.NewKafka())
		gone := connecttest.New(connecttest.WithName("gone"))
		others = append(others, &cluster.Cluster{Name: "gone", Client: gone.Client()})
		gone.Close()
		if err := asia.Client().PutConfig(w.t.Context(), orders, connecttest.SourceConfig("others", 1).With("batch.size", rawjson.String("7"))); err != nil {
			w.t.Fatal(err)
		}
		w.run(connecttest.SourceConfig(topic, 2))
		w.expect(w.move(), event.Moved, connect.Stopped, connect.Running)
		w.pass(70 * time.Second)
		if err := w.europe.Client().Stop(w.t.Context(), orders); err != nil {
			w.t.Fatal(err)
		}
		w.await(w.europe, connect.Stopped)
		mover := w.mover()
		mover.Others = func() []*cluster.Cluster { return others }
		w.expect(mover.Rollback(w.t.Context(), w.request()), event.RolledBack, connect.Running, connect.Stopped)
		w.exact()
	})
}

// third adds a cluster to the world.
func (w *world) third(kafka *connecttest.Kafka) (*connecttest.Cluster, []*cluster.Cluster) {
	w.t.Helper()
	asia := connecttest.New(connecttest.WithKafka(kafka), connecttest.WithName("asia"))
	w.t.Cleanup(asia.Close)
	return asia, []*cluster.Cluster{w.line.Side(w.t, asia, w.hard)}
}
