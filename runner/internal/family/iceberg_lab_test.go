package family_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab/labtest"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// TestIcebergSink moves the published Iceberg sink there and back under traffic and counts the
// rows of its table. Its second position, the control group and the offsets in the snapshots,
// stays where it is: same Kafka, same name.
func TestIcebergSink(t *testing.T) {
	s := newStage(t)
	name, warehouse := labtest.Name(t), t.TempDir()
	topic := name
	traffic, err := lab.StartTraffic(t.Context(), lab.TrafficSpec{Bootstrap: s.Kafka("central").Bootstrap(), Topic: topic, Stream: "s", Rate: 100})
	if err != nil {
		t.Fatal(err)
	}
	s.run(name, lab.IcebergSink(topic, "orders", warehouse))
	rows := func(least int64) map[int64]int64 {
		t.Helper()
		var found map[int64]int64
		err := wait.Until(t.Context(), "rows in the table", 2*time.Minute, func(ctx context.Context) (bool, string, error) {
			var err error
			found, err = lab.IcebergRows(ctx, "orders", warehouse)
			return err == nil && int64(len(found)) >= least, fmt.Sprintf("%d of %d", len(found), least), err
		})
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	rows(200)
	refused := s.ferry(event.Refused, "move", name, "--rename", name+"=another")
	if !says(refused, "and the copy would look for that of group connect-another-coord") {
		t.Error(refused.Message)
	}
	s.ferry(event.Moved, "move", name)
	rows(600)
	s.ferry(event.RolledBack, "rollback", name)
	// The sink commits only when records come: what it has committed is looked at, under traffic.
	found := rows(int64(len(rows(600))) + 300)
	if _, err := traffic.Stop(); err != nil {
		t.Fatal(err)
	}
	last := slices.Max(slices.Collect(maps.Keys(found)))
	var lost, duplicated int64
	for number := range last + 1 {
		if count := found[number]; count == 0 {
			lost++
		} else {
			duplicated += count - 1
		}
	}
	if lost != 0 || duplicated != 0 {
		t.Errorf("of %d records %d lost, %d duplicated", last+1, lost, duplicated)
	}
	t.Logf("%d records, %d lost, %d duplicated", last+1, lost, duplicated)
}
