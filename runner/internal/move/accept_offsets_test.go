package move

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// TestAcceptKeepsTheGroup: the consumer group of a sink that both sides use goes on, and only the
// connector is removed.
func TestAcceptKeepsTheGroup(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a := newAcceptor(w)
		deletes := 0
		w.global.Intercept(func(out http.ResponseWriter, r *http.Request, next http.Handler) {
			if r.Method == http.MethodDelete {
				deletes++
				if strings.HasSuffix(r.URL.Path, "/offsets") {
					t.Errorf("%s %s", r.Method, r.URL.Path)
				}
			}
			next.ServeHTTP(out, r)
		})
		w.kafka.Produce("in", 2, 500)
		w.run(connecttest.SinkConfig("in", topic).With("poll.block.ms", rawjson.String("100")))
		w.expect(w.move(), event.Moved, connect.Stopped, connect.Running)
		w.pass(10 * time.Second)
		before := offsetsOf(t, w.europe.Client(), w.name)
		w.expect(a.accept(), event.Accepted, "", connect.Running)
		c := a.certificate(keptFile)
		if !c.Shared || len(c.BringBack) != 1 || c.OffsetsFile != "" || deletes != 1 {
			t.Errorf("%d deletes, %+v", deletes, c)
		}
		if after := offsetsOf(t, w.europe.Client(), w.name); before.Len() == 0 || len(offset.Regressed(before, after)) > 0 {
			t.Errorf("the group had %s and has %s", before.JSON(), after.JSON())
		}
	})
}

// TestAcceptRaced: what somebody does to the copy after it was looked at is not lost.
func TestAcceptRaced(t *testing.T) {
	for name, race := range map[string]func(w *world) error{
		"resumed": func(w *world) error { return w.global.Client().Resume(w.t.Context(), orders) },
		// The resume is written, and the workers that are asked do not follow yet.
		"resumed, not followed": func(w *world) error {
			w.global.SetLag(0, 2*time.Second)
			return w.global.Client().Resume(w.t.Context(), orders)
		},
		"other offsets": func(w *world) error {
			entry := offsetsOf(w.t, w.global.Client(), orders).Entries()[0]
			w.global.PutOffset(orders, entry.Partition, rawjson.Object{}.With("sequence", rawjson.Int(1)).Value())
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, true)
				a := newAcceptor(w)
				a.moved(slowSource())
				write := a.folder.Write
				a.folder.Write = func(path string, content []byte) error {
					if strings.HasSuffix(path, keptFile) {
						if err := race(w); err != nil {
							return err
						}
					}
					return write(path, content)
				}
				result := a.accept()
				if result.Outcome == event.Accepted || result.Changed || w.state(w.global) == "" {
					t.Errorf("%s, %s on global: %s", result.Outcome, w.state(w.global), result.Message)
				}
			})
		})
	}
}

// TestAcceptBetweenKafkas: the offsets of a sink on two Kafka clusters are compared through
// MirrorMaker, and not at all if there is no way.
func TestAcceptBetweenKafkas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTwoKafkas(t, connecttest.MirrorSpec{})
		w.begin()
		a := newAcceptor(w.world)
		w.expect(w.move(), event.Moved, connect.Stopped, connect.Running)
		w.pass(70 * time.Second)
		if accepted := a.accept(); accepted.Outcome != event.Accepted {
			t.Errorf("%s: %s", accepted.Outcome, accepted.Message)
		}
		w.at("", connect.Running)
	})
	synctest.Test(t, func(t *testing.T) {
		w := newTwoKafkas(t, connecttest.MirrorSpec{})
		w.begin()
		a := newAcceptor(w.world)
		w.expect(w.move(), event.Moved, connect.Stopped, connect.Running)
		w.pass(70 * time.Second)
		request := w.request()
		request.Target.Kafka.Mirrors = cluster.Known(cluster.Mirrors{Log: connecttest.NewKafka()})
		if result := w.mover().Accept(t.Context(), request, a.folder, ""); result.Outcome != event.Refused || !strings.Contains(result.Message, "cannot be compared") {
			t.Errorf("%s: %s", result.Outcome, result.Message)
		}
		w.at(connect.Stopped, connect.Running)
	})
}
