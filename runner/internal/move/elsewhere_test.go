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
				asia, others := w.third(w.Kafka)
				w.Run(connecttest.SourceConfig(topic, 2))
				w.Expect(w.move(), event.Moved, connect.Stopped, connect.Running)
				w.Pass(then)
				on := w.Request()
				on.Origin, on.Target = on.Target, others[0]
				if result := w.mover().Move(w.T.Context(), on); result.Outcome != event.Moved {
					w.T.Fatal(result.Message)
				}
				w.Pass(then)
				mover := w.mover()
				mover.Others = func() []*cluster.Cluster { return others }
				result := mover.Rollback(w.T.Context(), w.Request())
				w.Expect(result, event.Refused, connect.Stopped, connect.Stopped)
				if !strings.Contains(result.Message, "runs on asia") || !strings.Contains(result.Message, "ferry rollback --origin europe --target asia --connector orders") {
					w.T.Error(result.Message)
				}
				w.Expect(mover.Move(w.T.Context(), w.Request()), event.Refused, connect.Stopped, connect.Stopped)
				w.Await(asia, connect.Running)
				if result := mover.Rollback(w.T.Context(), on); result.Outcome != event.RolledBack {
					w.T.Fatal(result.Message)
				}
				w.Expect(mover.Rollback(w.T.Context(), w.Request()), event.RolledBack, connect.Running, connect.Stopped)
				w.Exact()
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
		if err := asia.Client().PutConfig(w.T.Context(), orders, connecttest.SourceConfig("others", 1).With("batch.size", rawjson.String("7"))); err != nil {
			w.T.Fatal(err)
		}
		w.Run(connecttest.SourceConfig(topic, 2))
		w.Expect(w.move(), event.Moved, connect.Stopped, connect.Running)
		w.Pass(70 * time.Second)
		if err := w.Europe.Client().Stop(w.T.Context(), orders); err != nil {
			w.T.Fatal(err)
		}
		w.Await(w.Europe, connect.Stopped)
		mover := w.mover()
		mover.Others = func() []*cluster.Cluster { return others }
		w.Expect(mover.Rollback(w.T.Context(), w.Request()), event.RolledBack, connect.Running, connect.Stopped)
		w.Exact()
	})
}

// third adds a cluster to the world.
func (w *world) third(kafka *connecttest.Kafka) (*connecttest.Cluster, []*cluster.Cluster) {
	w.T.Helper()
	asia := connecttest.New(connecttest.WithKafka(kafka), connecttest.WithName("asia"))
	w.T.Cleanup(asia.Close)
	return asia, []*cluster.Cluster{w.Line.Side(w.T, asia, w.Hard)}
}
