package kafka

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab/labtest"
)

func TestTaskIDs(t *testing.T) {
	ids := []string{"g-a-0", "g-a-0-1", "g-a-01", "g-a-10", "g-a--1", "g-a-x", "g-a-", "g-b-0", "h-g-a-0", "g-a-+1", "g-a-99999999999"}
	if got := taskIDs(ids, "g-a-"); !slices.Equal(got, []string{"g-a-0", "g-a-10"}) {
		t.Errorf("the ids of connector a are %q", got)
	}
}

func TestFenceEndsTheTasks(t *testing.T) {
	client := open(t)
	cluster := labtest.Lab(t).Connect("current")
	name := labtest.Name(t) + " ü"
	if err := cluster.Run(t.Context(), name, lab.NumberedSource(labtest.Name(t), 2, 100)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cluster.Client().Delete(context.WithoutCancel(t.Context()), name) })
	status, err := cluster.Client().Status(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	group, err := client.ConnectGroup(t.Context(), []string{status.Connector.WorkerID})
	if err != nil || group != cluster.GroupID() {
		t.Fatalf("the group of %s is found to be %q, %v", status.Connector.WorkerID, group, err)
	}
	fencer := client.Fencer(group)
	ids, err := fencer.Fence(t.Context(), name)
	if want := []string{group + "-" + name + "-0", group + "-" + name + "-1"}; err != nil || !slices.Equal(ids, want) {
		t.Fatalf("fenced %q, %v", ids, err)
	}
	awaitStatus(t, cluster, name, func(status connect.Status) bool { return status.AllTasks(connect.Failed) })
	// Once more, when nothing is open.
	if again, err := fencer.Fence(t.Context(), name); err != nil || !slices.Equal(again, ids) {
		t.Errorf("fenced again: %q, %v", again, err)
	}
	if none, err := fencer.Fence(t.Context(), "nobody"); err != nil || none != nil {
		t.Errorf("a connector without transactions: %q, %v", none, err)
	}
}

func TestConnectGroup(t *testing.T) {
	client := open(t)
	for _, name := range []string{"current", "v36", "v34", "v28"} {
		cluster := labtest.Lab(t).Connect(name)
		worker, err := url.Parse(cluster.URLs()[0])
		if err != nil {
			t.Fatal(err)
		}
		if group, err := client.ConnectGroup(t.Context(), []string{"elsewhere:8083", worker.Host}); err != nil || group != cluster.GroupID() {
			t.Errorf("%s: %q, %v", name, group, err)
		}
	}
	one, _ := url.Parse(labtest.Lab(t).Connect("v36").URLs()[0])
	other, _ := url.Parse(labtest.Lab(t).Connect("v34").URLs()[0])
	for want, workers := range map[string][]string{
		`no group of Connect workers that this user may describe has a member at one of ["elsewhere:8083"], the groups are connect-current with`: {"elsewhere:8083"},
		`belong to more than one group of Connect workers: ["connect-v34" "connect-v36"]`:                                                        {one.Host, other.Host},
	} {
		if group, err := client.ConnectGroup(t.Context(), workers); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is found to be %q, %v", workers, group, err)
		}
	}
}

// TestConnectGroupWhileItRebalances asks while connectors are created and deleted: between two
// generations no member tells its address.
func TestConnectGroupWhileItRebalances(t *testing.T) {
	client := open(t)
	cluster := labtest.Lab(t).Connect("current")
	worker, err := url.Parse(cluster.URLs()[0])
	if err != nil {
		t.Fatal(err)
	}
	name := labtest.Name(t)
	for range 3 {
		if err := cluster.Create(t.Context(), name, lab.NumberedSource(name, 1, 100)); err != nil {
			t.Fatal(err)
		}
		for range 30 {
			if group, err := client.ConnectGroup(t.Context(), []string{worker.Host}); err != nil || group != cluster.GroupID() {
				t.Fatalf("%q, %v", group, err)
			}
		}
		if err := cluster.Client().Delete(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
}
