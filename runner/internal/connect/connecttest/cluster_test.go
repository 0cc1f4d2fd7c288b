package connecttest

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// start starts a cluster that ends with the test's bubble.
func start(t *testing.T, options ...Option) *Cluster {
	t.Helper()
	cluster := New(options...)
	t.Cleanup(cluster.Close)
	return cluster
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func awaitState(t *testing.T, client *connect.Client, connector string, state connect.State, tasks int) {
	t.Helper()
	must(t, wait.Until(t.Context(), connector, 30*time.Second, func(ctx context.Context) (bool, string, error) {
		status, err := client.Status(ctx, connector)
		if connect.IsNotFound(err) {
			return false, "not there", nil
		}
		done := err == nil && status.Connector.State == state && len(status.Tasks) == tasks && (tasks == 0 || status.AllTasks(state))
		return done, string(status.Connector.State), err
	}))
}

func offsets(t *testing.T, client *connect.Client, connector string) rawjson.Value {
	t.Helper()
	document, err := client.Offsets(t.Context(), connector)
	must(t, err)
	return document
}

func TestMoveByHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := NewKafka()
		origin, target := start(t, WithKafka(shared)), start(t, WithKafka(shared))
		a, b := origin.Client(), target.Client()
		config := SourceConfig("numbers", 3)
		must(t, a.Create(t.Context(), "orders", config, connect.Running))
		awaitState(t, a, "orders", connect.Running, 3)
		must(t, wait.For(t.Context(), 10*time.Second))
		must(t, b.Create(t.Context(), "orders", config, connect.Stopped))
		awaitState(t, b, "orders", connect.Stopped, 0)
		must(t, a.Stop(t.Context(), "orders"))
		awaitState(t, a, "orders", connect.Stopped, 0)
		if _, err := b.AlterOffsets(t.Context(), "orders", offsets(t, a, "orders")); err != nil {
			t.Fatal(err)
		}
		must(t, b.Resume(t.Context(), "orders"))
		awaitState(t, b, "orders", connect.Running, 3)
		must(t, wait.For(t.Context(), 10*time.Second))
		count := shared.Count("numbers")
		if count.Duplicated != 0 || count.Missing != 0 || count.Records < 2900 {
			t.Errorf("%+v", count)
		}
		if overlaps := shared.Overlaps(); len(overlaps) != 0 {
			t.Errorf("%+v", overlaps)
		}
		history, err := origin.StatusLog().History(t.Context(), "orders")
		must(t, err)
		ended := map[int]bool{}
		for _, record := range history {
			ended[record.Task] = ended[record.Task] || record.State == connect.Unassigned
		}
		if !ended[0] || !ended[1] || !ended[2] {
			t.Errorf("no UNASSIGNED for each task: %+v", history)
		}
	})
}
