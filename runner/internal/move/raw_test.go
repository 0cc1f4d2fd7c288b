package move

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/offsetstore"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair/pairtest"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// TestWays moves there and back by the method that versions and keys require.
func TestWays(t *testing.T) {
	linked := connecttest.OrderedMapConfig(topic, 2)
	plain := connecttest.SourceConfig(topic, 2)
	for name, test := range map[string]struct {
		origin, target string
		config         rawjson.Object
		copy           offsetstore.Method
		way, back      string
		rest           connect.State // of the origin after the move
	}{
		"now":                  {origin: "4.3.1", target: "4.3.1", config: plain, way: "rest", back: "rest", rest: connect.Stopped},
		"now, asked for raw":   {origin: "4.3.1", target: "4.3.1", config: plain, copy: offsetstore.ByTopic, way: "raw", back: "raw", rest: connect.Stopped},
		"ordered keys":         {origin: "4.3.1", target: "4.3.1", config: linked, way: "raw", back: "raw", rest: connect.Stopped},
		"ordered keys, old":    {origin: "2.8.2", target: "3.4.1", config: linked, way: "raw", back: "raw", rest: connect.Paused},
		"2.8 to now":           {origin: "2.8.2", target: "4.3.1", config: plain, way: "raw", back: "raw", rest: connect.Paused},
		"3.4 to 3.6":           {origin: "3.4.1", target: "3.6.2", config: plain, way: "raw", back: "raw", rest: connect.Paused},
		"3.5 to now":           {origin: "3.5.1", target: "4.3.1", config: plain, way: "rest", back: "raw", rest: connect.Stopped},
		"now to 3.5":           {origin: "4.3.1", target: "3.5.1", config: plain, way: "raw", back: "rest", rest: connect.Stopped},
		"now to 3.6":           {origin: "4.3.1", target: "3.6.2", config: plain, way: "rest", back: "rest", rest: connect.Stopped},
		"an own offsets topic": {origin: "4.3.1", target: "4.3.1", config: plain.With("offsets.storage.topic", rawjson.String("own")), way: "shared", back: "shared", rest: connect.Stopped},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorldOf(t, true, []connecttest.Option{connecttest.WithVersion(test.origin)}, []connecttest.Option{connecttest.WithVersion(test.target)})
				w.Run(test.config.With("rate", rawjson.String("5")))
				request := w.Request()
				request.Copy = test.copy
				moved := w.mover().Move(t.Context(), request)
				w.Expect(moved, event.Moved, test.rest, connect.Running)
				w.Pass(20 * time.Second)
				back := w.mover().Rollback(t.Context(), request)
				w.Expect(back, event.RolledBack, connect.Running, w.State(w.Europe))
				if moved.Copy != test.way || back.Copy != test.back || moved.Proof.Kind != event.Hard || back.Proof.Kind != event.Hard {
					t.Errorf("there %s, %s proof; back %s, %s proof", moved.Copy, moved.Proof.Kind, back.Copy, back.Proof.Kind)
				}
				w.Exact()
			})
		})
	}
}

// TestSharedTopicIsNeverEmptied puts a move back whose two sides read one offsets
// topic. The connector has nothing more to send, so nobody would write its offsets
// again: it must find them after a restart.
func TestSharedTopicIsNeverEmptied(t *testing.T) {
	own := rawjson.String("own")
	for name, test := range map[string]struct {
		config  rawjson.Object
		options []connecttest.Option
	}{
		"of the connector": {config: connecttest.SourceConfig(topic, 1).With("offsets.storage.topic", own)},
		"of the clusters":  {config: connecttest.SourceConfig(topic, 1), options: []connecttest.Option{connecttest.WithOffsetsTopic("one")}},
	} {
		for _, hard := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorldOf(t, hard, test.options, test.options)
					w.Run(test.config.With("max.records", rawjson.String("20")))
					w.Europe.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
						if strings.HasSuffix(r.URL.Path, "/tasks") && w.State(w.Global) == connect.Stopped {
							answerError(rw, http.StatusInternalServerError, "disk full")
							return
						}
						next.ServeHTTP(rw, r)
					})
					w.Expect(w.move(), event.Failed, connect.Running, "")
					w.calm()
					if err := w.Global.Client().RestartTask(t.Context(), orders, 0); err != nil {
						t.Fatal(err)
					}
					w.Pass(90 * time.Second)
					if count := w.Kafka.Count(topic); count.Duplicated != 0 || count.Missing != 0 || count.Records != 20 {
						t.Errorf("%+v of 20 records", count)
					}
				})
			})
		}
	}
}

// TestExactlyOnce keeps the guarantee, refuses, or is allowed to give it up.
func TestExactlyOnce(t *testing.T) {
	for name, test := range map[string]struct {
		target      []connecttest.Option
		atLeastOnce bool
		outcome     event.Outcome
		says        string
	}{
		"on both":           {target: []connecttest.Option{connecttest.WithExactlyOnce()}, outcome: event.Moved},
		"not on the target": {outcome: event.Refused, says: "set exactly.once.source.support=enabled on its workers"},
		"accepted":          {atLeastOnce: true, outcome: event.Moved},
		"a target too old":  {target: []connecttest.Option{connecttest.WithVersion("2.8.2")}, outcome: event.Refused, says: "would be at-least-once on europe"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorldOf(t, true, []connecttest.Option{connecttest.WithExactlyOnce()}, test.target)
				w.AtLeastOnce = test.atLeastOnce
				w.Run(pairtest.SlowSource())
				result := w.move()
				if result.Outcome != test.outcome || !strings.Contains(result.Message, test.says) {
					t.Fatalf("%s: %s", result.Outcome, result.Message)
				}
				w.Exact()
			})
		})
	}
}

// TestFencedAfterTheWorkerDied stops an exactly-once source whose worker is cut off
// with its tasks still running. No record says that they ended; that their
// transactional ids were taken over proves that they commit nothing any more.
func TestFencedAfterTheWorkerDied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		exactlyOnce := connecttest.WithExactlyOnce()
		w := newWorldOf(t, true, []connecttest.Option{exactlyOnce, connecttest.WithWorkers(2)}, []connecttest.Option{exactlyOnce})
		w.Run(pairtest.SlowSource())
		if err := w.Global.Client().Stop(t.Context(), orders); err != nil {
			t.Fatal(err)
		}
		w.Pass(10 * time.Second)
		w.Global.ForgetStatus(orders)
		result := w.move()
		if result.Outcome != event.Moved || result.Proof.Kind != event.Hard || len(result.Proof.Fenced) != 2 {
			t.Fatalf("%s: %s, proof %+v", result.Outcome, result.Message, result.Proof)
		}
	})
}
