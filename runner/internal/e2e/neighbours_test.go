package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// TestNeighbours moves a connector beside ten others on two workers and compares what the
// result says of them with what their own records say. One of their tasks is restarted
// meanwhile, so that there is something to say.
//
// It runs alone: the connectors of other tests would be neighbours too.
func TestNeighbours(t *testing.T) {
	s := newStage(t, true)
	const others = 10
	for i := range others {
		name := "neighbour-" + strconv.Itoa(i)
		s.run(name, lab.NumberedSource(name, 2, 20))
	}
	s.run("moving", lab.NumberedSource("moving", 3, 100))
	s.flows("moving", 50)
	client := s.Connect("global").Client()
	go func() {
		_ = wait.Until(t.Context(), "the stop", time.Minute, func(ctx context.Context) (bool, string, error) {
			status, err := client.Status(ctx, "moving")
			return err == nil && status.Connector.State == connect.Stopped, "it runs", nil
		})
		_ = client.RestartTask(t.Context(), "neighbour-3", 1)
	}()
	begun := time.Now()
	moved := s.ferry(moving("move", "moving")...)
	ended := time.Now()
	s.want(moved, 0, event.Moved)

	for _, found := range moved.Result.Connectors[0].Neighbours {
		want := s.restarts(found.Cluster, begun, ended)
		have := map[string]int64{}
		for _, task := range found.Tasks {
			have[fmt.Sprintf("%s-%d", task.Connector, task.Task)] = task.DownMS
		}
		if !maps.Equal(have, want) || found.Restarted != len(want) {
			t.Errorf("on %s %+v, their own records say %v", found.Cluster, found, want)
		}
		t.Logf("on %s %d tasks of others restarted: %v", found.Cluster, found.Restarted, have)
	}
	sides := moved.Result.Connectors[0].Neighbours
	if len(sides) != 2 || sides[0].Cluster != "global" || sides[0].Restarted == 0 {
		t.Errorf("the neighbours are %+v", sides)
	}
	for i := range others {
		if err := client.Delete(t.Context(), "neighbour-"+strconv.Itoa(i)); err != nil {
			t.Error(err)
		}
	}
	s.exact("moving", "moving")
}

var taskKey = regexp.MustCompile(`^status-task-(neighbour-\d+)-(\d+)$`)

// restarts reads the status topic itself: how many milliseconds each task of a neighbour was
// UNASSIGNED, by the timestamps of its records.
func (s *stage) restarts(cluster string, from, to time.Time) map[string]int64 {
	s.t.Helper()
	of := s.Connect(cluster)
	client, err := kgo.NewClient(kgo.SeedBrokers(of.Kafka().Bootstrap()), kgo.ConsumeTopics(of.StatusTopic()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AfterMilli(from.UnixMilli())), kgo.FetchMaxWait(100*time.Millisecond))
	if err != nil {
		s.t.Fatal(err)
	}
	defer client.Close()
	var records []*kgo.Record
	ctx, cancel := context.WithTimeout(s.t.Context(), 5*time.Second)
	defer cancel()
	for ctx.Err() == nil {
		records = append(records, client.PollFetches(ctx).Records()...)
	}
	slices.SortStableFunc(records, func(a, b *kgo.Record) int { return a.Timestamp.Compare(b.Timestamp) })
	since, down := map[string]time.Time{}, map[string]int64{}
	for _, record := range records {
		key := taskKey.FindStringSubmatch(string(record.Key))
		if key == nil || record.Timestamp.Before(from) || record.Timestamp.After(to) {
			continue
		}
		var status struct {
			State string `json:"state"`
		}
		_ = json.Unmarshal(record.Value, &status)
		name := key[1] + "-" + key[2]
		switch at, away := since[name]; {
		case status.State == "UNASSIGNED" && !away:
			since[name] = record.Timestamp
		case status.State == "RUNNING" && away:
			down[name] += record.Timestamp.Sub(at).Milliseconds()
			delete(since, name)
		}
	}
	return down
}
