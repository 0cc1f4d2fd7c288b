package drift

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

type bench struct {
	*testing.T
	global, europe *connecttest.Cluster
}

func start(t *testing.T) bench {
	shared := connecttest.NewKafka()
	b := bench{T: t}
	b.global = connecttest.New(connecttest.WithKafka(shared), connecttest.WithName("global"))
	b.europe = connecttest.New(connecttest.WithKafka(shared), connecttest.WithName("europe"))
	t.Cleanup(b.global.Close)
	t.Cleanup(b.europe.Close)
	return b
}

func (b bench) create(on *connecttest.Cluster, name string, config rawjson.Object, state connect.State) {
	b.Helper()
	if err := on.Client().Create(b.Context(), name, config, state); err != nil {
		b.Fatal(err)
	}
}

func (b bench) comparer() Comparer {
	return Comparer{
		Origin: &cluster.Cluster{Name: "global", Client: b.global.Client()}, Target: &cluster.Cluster{Name: "europe", Client: b.europe.Client()}, Concurrency: 8,
	}
}

// TestCompare holds what is said of connectors on one side, on both, and renamed.
func TestCompare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		source := func(topic string) rawjson.Object { return connecttest.SourceConfig(topic, 2) }
		b.create(b.global, "only-here", source("a"), connect.Running)
		b.create(b.europe, "only-there", source("b"), connect.Paused)
		b.create(b.global, "twice", source("c"), connect.Running)
		b.create(b.europe, "twice", source("c"), connect.Running)
		b.create(b.global, "waits", source("d").With("password", rawjson.String("planted")).With("rate", rawjson.String("7")), connect.Running)
		b.create(b.europe, "waits", source("d").With("password", rawjson.String("other-planted")), connect.Stopped)
		b.create(b.global, "old", source("e"), connect.Stopped)
		b.create(b.europe, "new", source("e"), connect.Running)
		b.global.FailStarts("dead", "login refused")
		b.create(b.global, "dead", source("f"), connect.Running)
		if err := wait.For(t.Context(), 70*time.Second); err != nil {
			t.Fatal(err)
		}
		comparer := b.comparer()
		comparer.Rename = map[string]string{"old": "new"}
		results, err := comparer.Compare(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]event.ConnectorResult{}
		for _, result := range results {
			found[result.Connector] = result
		}
		for name, want := range map[string]struct {
			outcome event.Outcome
			says    string
			offsets string
		}{
			"only-here":  {event.Observed, "only on global: RUNNING with 2 tasks", ""},
			"only-there": {event.Observed, "only on europe: PAUSED", ""},
			"twice":      {event.RunningTwice, "running_twice: RUNNING with 2 tasks on global, RUNNING with 2 tasks on europe", Equal},
			"waits":      {event.Observed, "prepared: RUNNING with 2 tasks on global, STOPPED on europe; its configs differ in password, rate; its offsets on europe are behind", Behind},
			"old":        {event.Observed, "moved: STOPPED on global, RUNNING with 2 tasks on europe; its offsets on europe are ahead", Ahead},
			"dead":       {event.Down, "only on global: RUNNING with 2 tasks, 2 FAILED; on global tasks 0, 1 FAILED: login refused", ""},
		} {
			got := found[name]
			if got.Outcome != want.outcome || got.Message != want.says && !(name == "twice" && strings.HasPrefix(got.Message, want.says)) || name != "twice" && got.Offsets != want.offsets {
				t.Errorf("%s: %s, %q, offsets %q; want %+v", name, got.Outcome, got.Message, got.Offsets, want)
			}
		}
		if differences := found["waits"].Differences; len(differences) != 2 || differences[0].Origin != "***" || differences[0].Target != "***" ||
			differences[1] != (event.SettingDifference{Setting: "rate", Origin: "7"}) {
			t.Errorf("the configs of waits differ in %+v", differences)
		}
		if said, want := Summary("global", "europe", results), "2 only on global, 1 only on europe, 3 on both, 1 running twice, 1 down"; said != want || len(results) != 6 {
			t.Errorf("%d results, %q, want %q", len(results), said, want)
		}
		comparer.Only = []string{"waits", "nobody"}
		if results, err = comparer.Compare(t.Context()); err != nil || len(results) != 2 || results[1].Message != "on neither cluster" {
			t.Errorf("%+v, %v", results, err)
		}
	})
}

// BenchmarkCompare compares clusters of which a tenth of the connectors is on both.
func BenchmarkCompare(b *testing.B) {
	for _, size := range []int{50, 500} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			shared := connecttest.NewKafka()
			global := connecttest.New(connecttest.WithKafka(shared), connecttest.WithName("global"))
			europe := connecttest.New(connecttest.WithKafka(shared), connecttest.WithName("europe"))
			b.Cleanup(global.Close)
			b.Cleanup(europe.Close)
			for i := range size {
				name := fmt.Sprintf("connector-%d", i)
				config := connecttest.SourceConfig(name, 1)
				if err := global.Client().Create(b.Context(), name, config, connect.Stopped); err != nil {
					b.Fatal(err)
				}
				if i%10 == 0 {
					if err := europe.Client().Create(b.Context(), name, config, connect.Stopped); err != nil {
						b.Fatal(err)
					}
				}
			}
			comparer := Comparer{
				Origin: &cluster.Cluster{Name: "global", Client: global.Client()}, Target: &cluster.Cluster{Name: "europe", Client: europe.Client()}, Concurrency: 8,
			}
			// The worker that answers learns of the last ones a little later.
			if err := wait.Until(b.Context(), "all connectors", time.Minute, func(ctx context.Context) (bool, string, error) {
				results, err := comparer.Compare(ctx)
				return len(results) == size, "some are missing", err
			}); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if results, err := comparer.Compare(b.Context()); err != nil || len(results) != size {
					b.Fatal(len(results), err)
				}
			}
		})
	}
}

// TestCompareWithoutStatus has a connector that no worker has given a status yet: it is said to
// be UNASSIGNED, as everywhere.
func TestCompareWithoutStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		b.create(b.global, "new", connecttest.SourceConfig("a", 2), connect.Running)
		results, err := b.comparer().Compare(t.Context())
		if err != nil || len(results) != 1 || results[0].OriginState != connect.Unassigned || results[0].Message != "only on global: UNASSIGNED" {
			t.Errorf("%v, %+v", err, results)
		}
	})
}
