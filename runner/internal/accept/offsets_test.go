package accept

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
	"github.com/connect-ferry/connect-ferry/runner/internal/pair/pairtest"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// TestAcceptKeepsTheGroup: the consumer group of a sink that both sides use goes on, and only the
// connector is removed.
func TestAcceptKeepsTheGroup(t *testing.T) {
	pairtest.InWorld(t, func(t *testing.T, w *pairtest.World) {
		a := newAcceptor(w)
		deletes := 0
		w.Global.Intercept(func(out http.ResponseWriter, r *http.Request, next http.Handler) {
			if r.Method == http.MethodDelete {
				deletes++
				if strings.HasSuffix(r.URL.Path, "/offsets") {
					t.Errorf("%s %s", r.Method, r.URL.Path)
				}
			}
			next.ServeHTTP(out, r)
		})
		w.Kafka.Produce("in", 2, 500)
		w.Run(connecttest.SinkConfig("in", pairtest.Topic).With("poll.block.ms", rawjson.String("100")))
		w.Expect(a.move(), event.Moved, connect.Stopped, connect.Running)
		w.Pass(10 * time.Second)
		before := offsetsOf(t, w.Europe.Client(), w.Name)
		w.Expect(a.accept(), event.Accepted, "", connect.Running)
		c := a.certificate(keptFile)
		if !c.Shared || len(c.BringBack) != 1 || c.OffsetsFile != "" || deletes != 1 {
			t.Errorf("%d deletes, %+v", deletes, c)
		}
		if after := offsetsOf(t, w.Europe.Client(), w.Name); before.Len() == 0 || len(offset.Regressed(before, after)) > 0 {
			t.Errorf("the group had %s and has %s", before.JSON(), after.JSON())
		}
	})
}

// TestAcceptRaced: what somebody does to the copy after it was looked at is not lost.
func TestAcceptRaced(t *testing.T) {
	for name, race := range map[string]func(w *pairtest.World) error{
		"resumed": func(w *pairtest.World) error { return w.Global.Client().Resume(w.T.Context(), pairtest.Orders) },
		// The resume is written, and the workers that are asked do not follow yet.
		"resumed, not followed": func(w *pairtest.World) error {
			w.Global.SetLag(0, 2*time.Second)
			return w.Global.Client().Resume(w.T.Context(), pairtest.Orders)
		},
		"other offsets": func(w *pairtest.World) error {
			entry := offsetsOf(w.T, w.Global.Client(), pairtest.Orders).Entries()[0]
			w.Global.PutOffset(pairtest.Orders, entry.Partition, rawjson.Object{}.With("sequence", rawjson.Int(1)).Value())
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := pairtest.New(t, true, nil, nil)
				a := newAcceptor(w)
				a.moved(pairtest.SlowSource())
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
				if result.Outcome == event.Accepted || result.Changed || w.State(w.Global) == "" {
					t.Errorf("%s, %s on global: %s", result.Outcome, w.State(w.Global), result.Message)
				}
			})
		})
	}
}

// TestAcceptBetweenKafkas: the offsets of a sink on two Kafka clusters are compared through
// MirrorMaker, and not at all if there is no way.
func TestAcceptBetweenKafkas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := pairtest.NewTwoKafkas(t, connecttest.MirrorSpec{})
		w.Begin()
		a := newAcceptor(w.World)
		w.Expect(a.move(), event.Moved, connect.Stopped, connect.Running)
		w.Pass(70 * time.Second)
		if accepted := a.accept(); accepted.Outcome != event.Accepted {
			t.Errorf("%s: %s", accepted.Outcome, accepted.Message)
		}
		w.At("", connect.Running)
	})
	synctest.Test(t, func(t *testing.T) {
		w := pairtest.NewTwoKafkas(t, connecttest.MirrorSpec{})
		w.Begin()
		a := newAcceptor(w.World)
		w.Expect(a.move(), event.Moved, connect.Stopped, connect.Running)
		w.Pass(70 * time.Second)
		request := w.Request()
		request.Target.Kafka.Mirrors = cluster.Known(cluster.Mirrors{Log: connecttest.NewKafka()})
		if result := a.acceptor().Accept(t.Context(), request); result.Outcome != event.Refused || !strings.Contains(result.Message, "cannot be compared") {
			t.Errorf("%s: %s", result.Outcome, result.Message)
		}
		w.At(connect.Stopped, connect.Running)
	})
}
