package conformance

import (
	"context"
	"slices"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/internaltopic"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// statusTopic: each task that ends says so itself, after the stop, by the worker
// that ran it; then it is removed.
func (s *Suite) statusTopic() {
	name := s.Create(s.Source(s.Topic(), 2), connect.Running)
	s.AwaitAll(name, connect.Running, 2)
	tail, err := s.Status.Tail(s.ctx)
	s.Must(err)
	defer tail.Close()
	s.Must(s.Client.Stop(s.ctx, name))
	ended, removed, stopped := map[int]internaltopic.Status{}, map[int]bool{}, false
	ctx, cancel := context.WithTimeout(s.ctx, limit)
	defer cancel()
	for !stopped || !removed[0] || !removed[1] {
		records, err := tail.Next(ctx)
		if err != nil {
			s.Fatalf("stopped %v, ended %v, removed %v: %v", stopped, ended, removed, err)
		}
		for _, record := range records {
			switch {
			case record.Connector != name:
			case record.Task == internaltopic.OfConnector:
				stopped = stopped || record.State == connect.Stopped
			case record.State == connect.Unassigned:
				ended[record.Task] = record
			case record.State == "":
				removed[record.Task] = true
			default:
				s.Errorf("after the stop: %+v", record)
			}
		}
	}
	history, err := s.Status.History(s.ctx, name)
	s.Must(err)
	for task := range 2 {
		started := slices.IndexFunc(history, func(record internaltopic.Status) bool { return record.Task == task && record.State == connect.Running })
		if started < 0 || ended[task].WorkerID == "" || history[started].WorkerID != ended[task].WorkerID {
			s.Errorf("task %d: end %+v, history %+v", task, ended[task], history)
		}
	}
}

// pausedBeforeStopped: paused tasks rest and say so, and end at once when stopped.
func (s *Suite) pausedBeforeStopped() {
	topic := s.Topic()
	name := s.Create(s.Source(topic, 2), connect.Running)
	s.HasWritten(name, topic)
	s.Must(s.Client.Pause(s.ctx, name))
	s.AwaitAll(name, connect.Paused, 2)
	s.Stop(name)
	s.WantEnded(name, 2)
	if final := s.ReadOffsets(name); final.Len() != 2 {
		s.Errorf("offsets of two tasks are %s", final.JSON())
	}
}

// WantEnded checks that the last word of each of the first count tasks was
// UNASSIGNED.
func (s *Suite) WantEnded(name string, count int) {
	s.Helper()
	history, err := s.Status.History(s.ctx, name)
	s.Must(err)
	last := map[int]connect.State{}
	for _, record := range history {
		if record.State != "" {
			last[record.Task] = record.State
		}
	}
	for task := range count {
		if last[task] != connect.Unassigned {
			s.Errorf("task %d ended %s: %+v", task, last[task], history)
		}
	}
}

// blockedPoll: a task that is in its poll for longer than the grace is cancelled.
// The cluster shows it as gone like any other, but it never says UNASSIGNED; what
// it sent is not committed if its poll returns records, and is committed late if
// its poll returns nothing.
func (s *Suite) blockedPoll() {
	// Longer than two stops take: the herder carries out one at a time, and each
	// waits for its task's whole grace.
	block := 2*s.Grace + 2*time.Second
	busyTopic, idleTopic := s.Topic(), s.Topic()
	busy := s.Create(s.Blocking(busyTopic, block, 0), connect.Running)
	idle := s.Create(s.Blocking(idleTopic, block, 5), connect.Running)
	s.HasWritten(busy, busyTopic)
	s.HasWritten(idle, idleTopic)
	asked := time.Now()
	s.Must(s.Client.Stop(s.ctx, busy))
	s.Must(s.Client.Stop(s.ctx, idle))
	s.AwaitAll(busy, connect.Stopped, 0)
	s.AwaitAll(idle, connect.Stopped, 0)
	s.WantOffsets(busy, `{"offsets":[]}`)
	s.WantOffsets(idle, `{"offsets":[]}`)
	if time.Since(asked) > block {
		s.Fatalf("the stop took %s: too long to tell anything", time.Since(asked))
	}
	s.Must(wait.Until(s.ctx, "the late commit", limit, func(ctx context.Context) (bool, string, error) {
		late, err := s.TryRead(ctx, idle)
		return err == nil && late.Len() == 1, "no offset", err
	}))
	if position := s.Position(s.ReadOffsets(idle)); position != 4 {
		s.Errorf("the late commit is %d, want 4", position)
	}
	s.Must(wait.For(s.ctx, time.Second))
	s.WantOffsets(busy, `{"offsets":[]}`)
	for _, name := range []string{busy, idle} {
		history, err := s.Status.History(s.ctx, name)
		s.Must(err)
		if slices.ContainsFunc(history, func(record internaltopic.Status) bool { return record.Task == 0 && record.State == connect.Unassigned }) {
			s.Errorf("a cancelled task said that it ended: %+v", history)
		}
	}
}
