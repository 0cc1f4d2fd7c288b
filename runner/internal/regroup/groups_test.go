package regroup

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// sinks lets two sinks run, of topics x and y.
func (w *world) sinks(change func(rawjson.Object) rawjson.Object) Request {
	w.t.Helper()
	for _, topic := range []string{"x", "y"} {
		w.kafka.Produce(topic, 1, 300)
		w.create("sink-"+topic, change(connecttest.SinkConfig(topic, "copies")))
	}
	w.pass(time.Second)
	return Request{
		Form: Consolidate, Origin: w.side(w.global), Target: w.side(w.europe), Whole: "sink", Parts: []Part{{Name: "sink-x"}, {Name: "sink-y"}},
	}
}

func inGroup(group string) func(rawjson.Object) rawjson.Object {
	return func(settings rawjson.Object) rawjson.Object {
		return settings.With(config.GroupOverride, rawjson.String(group))
	}
}

// TestSharedGroup refuses sinks that share a consumer group with one another: what the one gets
// would be the other's too, and what is removed of a copy would be removed of a running sink.
func TestSharedGroup(t *testing.T) {
	for name, test := range map[string]struct {
		group   string
		request func(*Request)
		want    string
	}{
		"of all parts, and the one":     {group: "g", want: "g is the consumer group of"},
		"of all parts":                  {group: "g", request: func(r *Request) { r.Unset = []string{config.GroupOverride} }, want: "g is the consumer group of"},
		"of the one, that of a part":    {request: func(r *Request) { r.Set = map[string]string{config.GroupOverride: "connect-sink-y"} }, want: "connect-sink-y is the consumer group of"},
		"of the one, named as a part's": {request: func(r *Request) { r.Set = map[string]string{config.GroupOverride: "connect-sink-x"} }, want: "connect-sink-x is the consumer group of"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, true)
				change := func(settings rawjson.Object) rawjson.Object { return settings }
				if test.group != "" {
					change = inGroup(test.group)
				}
				request := w.sinks(change)
				if test.request != nil {
					test.request(&request)
				}
				w.refused(request, test.want)
			})
		})
	}
	t.Run("of all that one is split into", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, true)
			w.kafka.Produce("x", 1, 300)
			w.kafka.Produce("y", 1, 300)
			w.create("sink", inGroup("g")(connecttest.SinkConfig("x,y", "copies")))
			w.pass(time.Second)
			request := Request{
				Form: Split, Origin: w.side(w.global), Target: w.side(w.europe), Whole: "sink", Parts: []Part{{"sink-x", []string{"x"}}, {"sink-y", []string{"y"}}},
			}
			w.refused(request, "g is the consumer group of")
			request.Unset = []string{config.GroupOverride}
			w.expect(w.regroup(request), event.Moved)
			w.pass(10 * time.Minute)
			if count := w.kafka.Count("copies"); count.Records != 600 || count.Missing != 0 || count.Duplicated != 0 {
				t.Errorf("copied %+v, want 600 records, each once", count)
			}
		})
	})
}

// refused checks that a request is refused with these words, and changes nothing.
func (w *world) refused(request Request, want string) {
	w.t.Helper()
	before := w.committed()
	for _, got := range []event.ConnectorResult{regrouper().Check(w.t.Context(), request), w.regroup(request)} {
		if got.Outcome != event.Refused || !strings.Contains(got.Message, want) || got.Changed {
			w.t.Errorf("%s, changed %t: %s; want %q", got.Outcome, got.Changed, got.Message, want)
		}
	}
	for group, offsets := range w.committed() {
		if offsets < before[group] {
			w.t.Errorf("group %s has %d offsets, had %d", group, offsets, before[group])
		}
	}
}

// committed counts the offsets of each group.
func (w *world) committed() map[string]int {
	counts := map[string]int{"g": 0, "connect-sink": 0, "connect-sink-x": 0, "connect-sink-y": 0}
	for _, group := range slices.Sorted(maps.Keys(counts)) {
		document, err := w.kafka.GroupOffsets(w.t.Context(), group)
		if err != nil {
			w.t.Fatal(err)
		}
		counts[group] = document.Len()
	}
	return counts
}
