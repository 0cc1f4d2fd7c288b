package regroup

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/command"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/family"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/offsetstore"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson/rawjsontest"
)

// mirrors is a side of MirrorSourceConnectors, each with the topics of its name.
func mirrors(t *testing.T, listed ...string) *side {
	t.Helper()
	s := newSide(&cluster.Cluster{Name: "global"}, listed...)
	for _, m := range s.members {
		m.config = rawjsontest.Object(t, `{"connector.class":"org.apache.kafka.connect.mirror.MirrorSourceConnector","topics":"`+m.Name+`"}`)
		if err := m.own(family.List{}, false); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func mirrored(t *testing.T, topics ...string) offset.Document {
	t.Helper()
	var entries []offset.Entry
	for _, topic := range topics {
		entries = append(entries, offset.Entry{
			Partition: rawjsontest.Object(t, `{"cluster":"x","partition":0,"topic":"`+topic+`"}`).Value(), Offset: rawjsontest.Object(t, `{"offset":1}`).Value(),
		})
	}
	document, err := offset.New(entries...)
	if err != nil {
		t.Fatal(err)
	}
	return document
}

// TestOneOwner gives each entry to the one that lists it. One that nobody lists, and another that
// two do, do not make up for each other.
func TestOneOwner(t *testing.T) {
	for name, test := range map[string]struct {
		topics  []string
		undoing bool
		left    int
		refused bool
	}{
		"one each":                    {topics: []string{"xb", "ya"}},
		"of nobody":                   {topics: []string{"xb", "zb"}, refused: true},
		"of nobody, on the way back":  {topics: []string{"xb", "zb"}, undoing: true, left: 1},
		"of two":                      {topics: []string{"xa"}, refused: true},
		"of two, on the way back":     {topics: []string{"xa"}, undoing: true, refused: true},
		"of nobody and of two":        {topics: []string{"xa", "zb"}, refused: true},
		"of both, on the way back":    {topics: []string{"xa", "zb"}, undoing: true, refused: true},
		"nothing at all to be shared": {},
	} {
		t.Run(name, func(t *testing.T) {
			c := &carry{run: (&Regrouper{&command.Setup{Events: event.Discard{}}}).newRun(Request{}), to: mirrors(t, "x.*", ".*a"), undoing: test.undoing}
			left, err := c.ownerless(mirrored(t, test.topics...))
			if cluster.IsRefused(err) != test.refused || left != test.left {
				t.Errorf("%d left, %v", left, err)
			}
		})
	}
}

// TestConflict refuses a partition that two connectors have and list: which is right is not known.
func TestConflict(t *testing.T) {
	side := mirrors(t, "x.*", ".*a")
	have := map[string]offset.Document{"x.*": mirrored(t, "xa", "xb"), ".*a": mirrored(t, "xa", "ya")}
	if _, err := side.unite(func(m *member) offset.Document { return have[m.Name] }); !cluster.IsRefused(err) || !strings.Contains(err.Error(), "two owners") {
		t.Error(err)
	}
	have[".*a"] = mirrored(t, "ya", "zz") // zz is of an earlier config
	united, err := side.unite(func(m *member) offset.Document { return have[m.Name] })
	if err != nil || united.Len() != 3 {
		t.Errorf("%s, %v", united.JSON(), err)
	}
}

// TestOnlyOwners refuses what is read by none or by two, before anything stops.
func TestOnlyOwners(t *testing.T) {
	for name, test := range map[string]struct{ of, reads, want string }{
		"one each": {of: "xb"}, "of two": {of: "xa", want: "xa is read by x.*, .*a on global"}, "of none": {of: "q", want: "q would be read by none of x.*, .*a"},
	} {
		t.Run(name, func(t *testing.T) {
			r := (&Regrouper{&command.Setup{Events: event.Discard{}}}).newRun(Request{})
			r.origin, r.target = mirrors(t, ".*"), mirrors(t, "x.*", ".*a")
			err := r.onlyOwners([]string{test.of})
			if cluster.IsRefused(err) != (test.want != "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Error(err)
			}
		})
	}
}

// TestLateRehearsal has a write of the rehearsal come late. It could overwrite what is copied, so
// nothing stops before it no longer can.
func TestLateRehearsal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, true)
		w.run("a", "b", "c")
		begun, paused := time.Now(), atomic.Int64{}
		w.europe.Intercept(connecttest.Faults(connecttest.On(http.MethodPatch, "/offsets").Times(1).Late(w.europe, 90*time.Second)))
		w.global.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
			if strings.HasSuffix(r.URL.Path, "/pause") {
				paused.CompareAndSwap(0, int64(time.Since(begun)))
			}
			next.ServeHTTP(rw, r)
		})
		w.expect(w.regroup(w.consolidate()), event.Moved)
		if waited := time.Duration(paused.Load()); waited < offsetstore.LateWrite {
			t.Errorf("paused after %s", waited)
		}
		w.exact()
	})
}

// cut calls something at the write of offsets to europe that belongs to the cut.
func (w *world) cut(do func()) {
	var writes atomic.Int64
	w.europe.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		next.ServeHTTP(rw, r)
		if r.Method == http.MethodPatch && strings.HasSuffix(r.URL.Path, "/offsets") && writes.Add(1) == 2 {
			do()
		}
	})
}

// TestOverwritten has an older offset come after the copy: it is copied once more.
func TestOverwritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, true)
		w.run("a", "b", "c")
		var written, done atomic.Bool
		w.europe.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
			next.ServeHTTP(rw, r)
			switch {
			case !strings.HasSuffix(r.URL.Path, "/abc/offsets") || w.running(w.global, "b"):
			case r.Method == http.MethodPatch:
				written.Store(true)
			case written.Load() && done.CompareAndSwap(false, true): // it has just been read back
				w.europe.PutOffset("abc", rawjsontest.Object(t, `{"stream":"b"}`).Value(), connecttest.SourceOffset(3))
			}
		})
		w.expect(w.regroup(w.consolidate()), event.Moved)
		if !done.Load() {
			t.Error("nothing was overwritten")
		}
		w.exact()
	})
}

func (w *world) running(c *connecttest.Cluster, name string) bool {
	status, err := c.Client().Status(w.t.Context(), name)
	return err == nil && status.Connector.State == connect.Running
}

// TestStartedAtTheCut has somebody start the one while it gets its offsets. The parts are not put
// back beside it, and it is not stopped.
func TestStartedAtTheCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, true)
		w.run("a", "b", "c")
		w.cut(func() { _ = w.europe.Client().Resume(t.Context(), "abc") })
		got := w.regroup(w.consolidate())
		w.expect(got, event.Failed, event.Down)
		if !strings.Contains(got.Message, "started the connector on europe") {
			t.Error(got.Message)
		}
		w.at(w.global, "a=STOPPED b=STOPPED c=STOPPED")
		w.at(w.europe, "abc=RUNNING")
		w.pass(time.Minute)
		if count := w.kafka.Count(topic); count.Missing != 0 || count.Duplicated != 0 {
			t.Errorf("%s: %+v", got.Message, count)
		}
	})
}

// TestResumedAtTheLastMoment has somebody resume a part after all was looked at: only the config
// topic shows it. The one is not started.
func TestResumedAtTheLastMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, true)
		w.run("a", "b", "c")
		w.europe.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
			next.ServeHTTP(rw, r)
			if r.Method == http.MethodPatch && strings.HasSuffix(r.URL.Path, "/config") { // it has its final offsets
				_ = w.global.Client().Resume(t.Context(), "b")
			}
		})
		got := w.regroup(w.consolidate())
		w.expect(got, event.Failed)
		if !strings.Contains(got.Instructions, "nothing was undone") {
			t.Errorf("%+v", got)
		}
		w.at(w.global, "a=STOPPED b=RUNNING c=STOPPED")
		w.at(w.europe, "abc=STOPPED")
		w.europe.Intercept(nil)
		w.pass(time.Minute)
		w.expect(w.regroup(w.consolidate()), event.Moved)
		w.exact()
	})
}

// TestFellBehind shows the one behind the offsets that it was given, as one that does not take them
// would be. It is taken back, and the parts go on from their own.
func TestFellBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, true)
		w.run("a", "b", "c")
		w.europe.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
			if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/abc/offsets") && w.running(w.europe, "abc") {
				w.europe.PutOffset("abc", rawjsontest.Object(t, `{"stream":"b"}`).Value(), connecttest.SourceOffset(3))
			}
			next.ServeHTTP(rw, r)
		})
		got := w.regroup(w.consolidate())
		w.expect(got, event.RolledBack)
		if got.Copy != "none" || !strings.Contains(got.Message, "fell behind") {
			t.Errorf("%+v", got)
		}
		w.at(w.global, "a=RUNNING b=RUNNING c=RUNNING")
	})
}
