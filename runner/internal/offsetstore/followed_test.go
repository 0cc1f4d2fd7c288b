package offsetstore_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/offsetstore"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// stage is a stopped source with offsets, and a count of how often its worker was asked for them.
type stage struct {
	*testing.T
	of    *connecttest.Cluster
	store offsetstore.Store
	asked int
}

func onStage(t *testing.T, test func(s *stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &stage{T: t, of: connecttest.New(connecttest.WithName("global"))}
		t.Cleanup(s.of.Close)
		if err := s.of.Client().Create(t.Context(), "orders", connecttest.SourceConfig("numbers", 1), connect.Stopped); err != nil {
			t.Fatal(err)
		}
		s.pass()
		s.write(`{"partition":{"stream":"a"},"offset":{"n":1}},{"partition":{"stream":"b"},"offset":{"n":1}}`)
		s.pass()
		s.of.Intercept(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/offsets") {
				s.asked++
			}
			next.ServeHTTP(w, r)
		})
		of := instance.Instance{Cluster: &cluster.Cluster{Name: "global", Client: s.of.Client()}, Name: "orders"}
		var err error
		if s.store, err = offsetstore.Open(of, instance.Observed{}, offsetstore.ByREST); err != nil {
			t.Fatal(err)
		}
		test(s)
	})
}

func (s *stage) pass() {
	s.Helper()
	if err := wait.For(s.Context(), 10*time.Second); err != nil {
		s.Fatal(err)
	}
}

func (s *stage) write(entries string) {
	s.Helper()
	patch, err := rawjson.Parse([]byte(`{"offsets":[` + entries + `]}`))
	if err != nil {
		s.Fatal(err)
	}
	if _, err := s.of.Client().AlterOffsets(s.Context(), "orders", patch); err != nil {
		s.Fatal(err)
	}
}

// reads reads through a follower, and checks that this is what the worker says, and whether the
// worker was asked.
func (s *stage) reads(followed *offsetstore.Followed, asks bool, when string) {
	s.Helper()
	before := s.asked
	got, err := followed.Read(s.Context())
	if err != nil {
		s.Fatalf("%s: %v", when, err)
	}
	if asked := s.asked > before; asked != asks {
		s.Errorf("%s: the worker was asked: %t", when, asked)
	}
	if want, err := s.store.Read(s.Context()); err != nil || !offset.Equal(want, got) {
		s.Errorf("%s: %s, and the worker says %s, %v", when, got.JSON(), want.JSON(), err)
	}
}

func entry(stream string, n int) string {
	return fmt.Sprintf(`{"partition":{"stream":%q},"offset":{"n":%d}}`, stream, n)
}

// TestFollowed asks the worker until the topic has shown what the worker says, and then no more,
// except for what it cannot tell.
func TestFollowed(t *testing.T) {
	onStage(t, func(s *stage) {
		followed := offsetstore.Follow(s.store, s.of.OffsetTopic(""), "orders")
		s.reads(followed, true, "at first")
		s.reads(followed, true, "before the topic has shown a commit")
		s.write(entry("a", 2))
		s.reads(followed, true, "after the first commit")
		s.reads(followed, false, "with nothing new")
		s.write(entry("b", 7) + "," + entry("a", 3))
		s.write(entry("a", 4))
		s.reads(followed, false, "after further commits")
		s.write(`{"partition":{"stream":"b"},"offset":null}`)
		s.reads(followed, false, "after one was removed")
		s.write(entry("c", 1))
		s.pass()
		s.reads(followed, true, "after a new partition")
		s.reads(followed, false, "with nothing new again")
	})
}

// TestFollowedBeforeTheWorker reads right after a new partition was written, which the worker's
// first answer lacks: the topic shows that it does, so the worker is asked once more.
func TestFollowedBeforeTheWorker(t *testing.T) {
	onStage(t, func(s *stage) {
		followed := offsetstore.Follow(s.store, s.of.OffsetTopic(""), "orders")
		s.reads(followed, true, "at first")
		s.write(entry("c", 1))
		if lacks, err := followed.Read(s.Context()); err != nil || lacks.Len() != 2 {
			s.Fatalf("%s, %v: the worker knows the partition at once, so this has shown nothing", lacks.JSON(), err)
		}
		s.reads(followed, true, "after a reading that lacks a partition")
		s.reads(followed, false, "after one that has it")
	})
}

// TestFollowedElsewhere follows the topic of another cluster, where nothing is written.
func TestFollowedElsewhere(t *testing.T) {
	onStage(t, func(s *stage) {
		followed := offsetstore.Follow(s.store, s.of.OffsetTopic("another"), "orders")
		for n := range 4 {
			s.reads(followed, true, "of another topic")
			s.write(entry("a", n))
		}
	})
}

// TestFollowedOther follows a topic that shows some of the commits and then other ones.
func TestFollowedOther(t *testing.T) {
	onStage(t, func(s *stage) {
		another := s.of.OffsetTopic("another")
		followed := offsetstore.Follow(s.store, another, "orders")
		s.reads(followed, true, "at first")
		for n := range 3 {
			patch, err := offset.NewExact(offset.Entry{Partition: s.parse(`{"stream":"a"}`), Offset: rawjson.Object{}.With("n", rawjson.Int(int64(100+n))).Value()})
			if err != nil {
				s.Fatal(err)
			}
			if err := another.Write(s.Context(), "orders", patch); err != nil {
				s.Fatal(err)
			}
			s.reads(followed, true, "of a topic that says something else")
		}
	})
}

// TestFollowedSpelling has a task that spells its partition as REST does not: only the worker shows
// that its offset cannot be read.
func TestFollowedSpelling(t *testing.T) {
	onStage(t, func(s *stage) {
		topic := s.of.OffsetTopic("")
		followed := offsetstore.Follow(s.store, topic, "orders")
		s.reads(followed, true, "at first")
		s.write(entry("a", 2))
		s.reads(followed, true, "after a commit")
		s.reads(followed, false, "when it is believed")
		patch, err := offset.NewExact(offset.Entry{Partition: s.parse(`{"b":2,"a":1}`), Offset: s.parse(`{"n":1}`)})
		if err != nil {
			s.Fatal(err)
		}
		if err := topic.Write(s.Context(), "orders", patch); err != nil {
			s.Fatal(err)
		}
		s.pass()
		_, want := s.store.Read(s.Context())
		if _, err := followed.Read(s.Context()); !offsetstore.IsUnreadable(want) || !offsetstore.IsUnreadable(err) {
			s.Errorf("%v, and the worker says %v", err, want)
		}
	})
}

// TestFollowedUnreachable loses its Kafka for a while.
func TestFollowedUnreachable(t *testing.T) {
	onStage(t, func(s *stage) {
		followed := offsetstore.Follow(s.store, s.of.OffsetTopic(""), "orders")
		s.reads(followed, true, "at first")
		s.write(entry("a", 2))
		s.reads(followed, true, "after a commit")
		s.of.Kafka().Intercept(func(context.Context, connecttest.Access, func() error) error { return errors.New("no broker") })
		s.write(entry("a", 3))
		s.reads(followed, true, "without a broker")
		s.of.Kafka().Intercept(func(_ context.Context, _ connecttest.Access, do func() error) error { return do() })
		s.reads(followed, true, "with a broker again")
		s.write(entry("a", 4))
		s.reads(followed, true, "after a commit")
		s.reads(followed, false, "when it is believed again")
	})
}

func (s *stage) parse(text string) rawjson.Value {
	s.Helper()
	value, err := rawjson.Parse([]byte(text))
	if err != nil {
		s.Fatal(err)
	}
	return value
}
