package connecttest

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/conformance"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// inBubble runs a test with a cluster in a bubble of virtual time.
func inBubble(t *testing.T, test func(*testing.T, *Cluster, *conformance.Suite), options ...Option) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		cluster := start(t, options...)
		test(t, cluster, suiteOf(t, cluster))
	})
}

func TestWithFlushInterval(t *testing.T) {
	inBubble(t, func(t *testing.T, cluster *Cluster, s *conformance.Suite) {
		name := s.Create(SourceConfig(numbers, 1), connect.Running)
		s.HasWritten(name, numbers)
		must(t, wait.For(t.Context(), 5*time.Second))
		s.WantOffsets(name, `{"offsets":[]}`)
		must(t, wait.For(t.Context(), 6*time.Second))
		first := s.Position(s.ReadOffsets(name))
		must(t, wait.For(t.Context(), time.Second))
		if again := s.Position(s.ReadOffsets(name)); again != first {
			t.Errorf("committed %d, and %d within the interval", first, again)
		}
		cluster.Commit()
		if now := s.Position(s.ReadOffsets(name)); now <= first {
			t.Errorf("committed %d before Commit and %d after", first, now)
		}
	}, WithFlushInterval(10*time.Second))
}

func TestWithGracefulTimeout(t *testing.T) {
	for _, patient := range []bool{true, false} {
		grace := time.Second
		if patient {
			grace = time.Minute
		}
		inBubble(t, func(t *testing.T, cluster *Cluster, s *conformance.Suite) {
			name := s.Create(BlockingConfig(numbers, 10*time.Second, 0), connect.Running)
			s.HasWritten(name, numbers)
			s.Stop(name)
			runs := cluster.Kafka().Runs(name)
			if len(runs) != 1 || runs[0].Cancelled == patient {
				t.Errorf("grace %s: %+v", grace, runs)
			}
		}, WithGracefulTimeout(grace))
	}
}

// TestSharedOffsetsTopic: clusters with one offsets topic hold the same offsets,
// so removing them on one removes them on the other.
func TestSharedOffsetsTopic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := NewKafka()
		one := suiteOf(t, start(t, WithKafka(shared), WithOffsetsTopic("offsets")))
		two := suiteOf(t, start(t, WithKafka(shared), WithOffsetsTopic("offsets")))
		apart := suiteOf(t, start(t, WithKafka(shared)))
		for _, s := range []*conformance.Suite{one, two, apart} {
			s.CreateNamed("orders", SourceConfig(numbers, 1), connect.Stopped)
		}
		document := `{"offsets":[{"partition":{"p":"a"},"offset":{"n":1}}]}`
		one.Patch("orders", document)
		two.WantOffsets("orders", document)
		apart.WantOffsets("orders", `{"offsets":[]}`)
		if _, err := two.Client.ResetOffsets(t.Context(), "orders"); err != nil {
			t.Fatal(err)
		}
		one.WantOffsets("orders", `{"offsets":[]}`)
	})
}

func TestWithoutTopicTracking(t *testing.T) {
	inBubble(t, func(t *testing.T, _ *Cluster, s *conformance.Suite) {
		_, err := s.Client.ActiveTopics(t.Context(), "orders")
		s.WantRefused(err, http.StatusForbidden, "Topic tracking is disabled.")
		s.WantRefused(s.Client.ResetActiveTopics(t.Context(), "orders"), http.StatusForbidden, "Topic tracking is disabled.")
	}, WithoutTopicTracking())
}

func TestPluginsHaveASay(t *testing.T) {
	class := DefaultPlugins()[0].Plugin
	for name, test := range map[string]struct {
		plugin Plugin
		says   string
	}{
		"looks":   {Plugin{Plugin: class, AltersOffsets: true}, "The offsets for this connector have been altered successfully"},
		"leaves":  {Plugin{Plugin: class}, "However, if this connector manages offsets externally, they will need to be manually altered"},
		"refuses": {Plugin{Plugin: class, RefusesOffsets: "not mine"}, "not mine"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, _ *Cluster, s *conformance.Suite) {
				connector := s.Create(SourceConfig(numbers, 1), connect.Stopped)
				message, err := s.Client.AlterOffsets(t.Context(), connector, s.JSON(`{"offsets":[{"partition":{"p":"a"},"offset":{"n":1}}]}`))
				if refused := test.plugin.RefusesOffsets != ""; refused != (err != nil) {
					t.Fatalf("%q, %v", message, err)
				}
				if err != nil {
					message = err.Error()
				}
				if !strings.Contains(message, test.says) {
					t.Errorf("says %q", message)
				}
			}, WithPlugins(test.plugin))
		})
	}
}

func TestForgetStatus(t *testing.T) {
	inBubble(t, func(t *testing.T, cluster *Cluster, s *conformance.Suite) {
		name := s.Create(SourceConfig(numbers, 1), connect.Running)
		s.AwaitAll(name, connect.Running, 1)
		s.Stop(name)
		s.WantEnded(name, 1)
		cluster.ForgetStatus(name)
		if history, err := cluster.StatusLog().History(t.Context(), name); err != nil || len(history) != 0 {
			t.Errorf("%+v, %v", history, err)
		}
		must(t, s.Client.Resume(t.Context(), name))
		s.AwaitAll(name, connect.Running, 1)
		if history, err := cluster.StatusLog().History(t.Context(), name); err != nil || len(history) == 0 {
			t.Errorf("nothing is remembered any more: %v", err)
		}
	})
}
