package connecttest

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// inBubble runs a test with a cluster in a bubble of virtual time.
func inBubble(t *testing.T, test func(*testing.T, *Cluster, *suite), options ...Option) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		cluster := start(t, options...)
		test(t, cluster, suiteOf(t, cluster))
	})
}

func TestWithFlushInterval(t *testing.T) {
	inBubble(t, func(t *testing.T, cluster *Cluster, s *suite) {
		name := s.create(SourceConfig(numbers, 1), connect.Running)
		s.hasWritten(name, numbers)
		must(t, wait.For(t.Context(), 5*time.Second))
		s.wantOffsets(name, `{"offsets":[]}`)
		must(t, wait.For(t.Context(), 6*time.Second))
		first := s.position(s.offsets(name))
		must(t, wait.For(t.Context(), time.Second))
		if again := s.position(s.offsets(name)); again != first {
			t.Errorf("committed %d, and %d within the interval", first, again)
		}
		cluster.Commit()
		if now := s.position(s.offsets(name)); now <= first {
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
		inBubble(t, func(t *testing.T, cluster *Cluster, s *suite) {
			name := s.create(blockingConfig(numbers, 10*time.Second, 0), connect.Running)
			s.hasWritten(name, numbers)
			s.stop(name)
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
		for _, s := range []*suite{one, two, apart} {
			s.createNamed("orders", SourceConfig(numbers, 1), connect.Stopped)
		}
		document := `{"offsets":[{"partition":{"p":"a"},"offset":{"n":1}}]}`
		one.patch("orders", document)
		two.wantOffsets("orders", document)
		apart.wantOffsets("orders", `{"offsets":[]}`)
		if _, err := two.Client.ResetOffsets(t.Context(), "orders"); err != nil {
			t.Fatal(err)
		}
		one.wantOffsets("orders", `{"offsets":[]}`)
	})
}

func TestWithoutTopicTracking(t *testing.T) {
	inBubble(t, func(t *testing.T, _ *Cluster, s *suite) {
		_, err := s.Client.ActiveTopics(t.Context(), "orders")
		s.wantRefused(err, http.StatusForbidden, "Topic tracking is disabled.")
		s.wantRefused(s.Client.ResetActiveTopics(t.Context(), "orders"), http.StatusForbidden, "Topic tracking is disabled.")
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
			inBubble(t, func(t *testing.T, _ *Cluster, s *suite) {
				connector := s.create(SourceConfig(numbers, 1), connect.Stopped)
				message, err := s.Client.AlterOffsets(t.Context(), connector, s.json(`{"offsets":[{"partition":{"p":"a"},"offset":{"n":1}}]}`))
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
	inBubble(t, func(t *testing.T, cluster *Cluster, s *suite) {
		name := s.create(SourceConfig(numbers, 1), connect.Running)
		s.awaitAll(name, connect.Running, 1)
		s.stop(name)
		s.wantEnded(name, 1)
		cluster.ForgetStatus(name)
		if history, err := cluster.StatusLog().History(t.Context(), name); err != nil || len(history) != 0 {
			t.Errorf("%+v, %v", history, err)
		}
		must(t, s.Client.Resume(t.Context(), name))
		s.awaitAll(name, connect.Running, 1)
		if history, err := cluster.StatusLog().History(t.Context(), name); err != nil || len(history) == 0 {
			t.Errorf("nothing is remembered any more: %v", err)
		}
	})
}
