package oldworkers

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/ferrytest"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
)

// TestSettingThatTheTargetIgnores moves a MirrorSourceConnector whose topics.blacklist Kafka
// 4.0 dropped: it would start to mirror what the setting leaves out.
func TestSettingThatTheTargetIgnores(t *testing.T) {
	s := newStage(t)
	central, name := s.Kafka("central"), "ignores"
	for _, topic := range []string{"ignores-a", "ignores-b"} {
		traffic, err := lab.StartTraffic(context.WithoutCancel(t.Context()), lab.TrafficSpec{Bootstrap: s.bootstrap(), Topic: topic, Stream: topic, Rate: rate})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _, _ = traffic.Stop() })
	}
	settings := lab.With(lab.MirrorSource(central, central, "ignores-.*"), map[string]string{"topics.blacklist": "ignores-b", "secret": s.plants.New(name)})
	if err := s.Connect("v36").Run(t.Context(), name, settings); err != nil {
		t.Fatal(err)
	}
	mirrored := "central.ignores-a"
	sequence := int64(0)
	more := func() {
		t.Helper()
		sequence += rate
		if err := lab.AwaitSequence(t.Context(), s.bootstrap(), mirrored, "ignores-a", sequence, time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	more()
	between := []string{"--origin", "v36", "--target", "now", "--connector", name}
	_, refused := ferrytest.Only(t, s.plants, append([]string{"move", "--clusters", s.clusters, "--output", "json"}, between...)...)
	const want = "now would ignore topics.blacklist, and mirror the topics that it leaves out; write topics.exclude instead: --set topics.exclude=VALUE --unset topics.blacklist"
	if refused.Code != 10 || !strings.Contains(refused.Result.Connectors[0].Message, want) {
		t.Fatalf("exit code %d, %s", refused.Code, refused.Result.Connectors[0].Message)
	}
	changed := append(between, "--set", "topics.exclude=ignores-b", "--unset", "topics.blacklist")
	s.ferry(t, event.Moved, "rest", "move", changed...)
	more()
	s.ferry(t, event.RolledBack, "rest", "rollback", between...)
	more()
	tally, err := lab.Count(t.Context(), s.bootstrap(), mirrored)
	if err != nil || tally.Lost() != 0 || tally.Duplicated() != 0 {
		t.Errorf("%d records, %d lost, %d duplicated, %v", tally.Records(), tally.Lost(), tally.Duplicated(), err)
	}
	t.Logf("%s: %d records, %d lost, %d duplicated", mirrored, tally.Records(), tally.Lost(), tally.Duplicated())
	if tally, err := lab.Count(t.Context(), s.bootstrap(), "central.ignores-b"); !errors.Is(err, lab.ErrNoTopic) {
		t.Errorf("what is left out was mirrored: %d records, %v", tally.Records(), err)
	}
}
