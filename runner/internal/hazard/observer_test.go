package hazard

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
)

// moment is one record of a status topic about a task: what the task itself, or
// for a tombstone (state "") the leader, wrote and when.
type moment struct {
	at     time.Time
	side   int // 0 is the origin, 1 the target
	task   int
	worker string // host:port
	state  connect.State
}

func (m moment) String() string {
	return fmt.Sprintf("task %d %s at %s on %s, worker %s", m.task, m.state, m.at.Format("05.000"), []string{"origin", "target"}[m.side], m.worker)
}

// death is a worker that was killed, and its tasks with it, which wrote nothing.
type death struct {
	at     time.Time
	worker string
}

// moments reads every record that both status topics hold about the tasks of the
// row's connector, not as REST samples them but as they lie in Kafka, and adds
// the deaths of workers. They are in order of time, ends before starts.
func (s *scene) moments() []moment {
	s.Helper()
	var found []moment
	for number, at := range s.places() {
		prefix := "status-task-" + at.name + "-"
		for _, record := range s.read(at.side.Kafka().Bootstrap(), at.side.StatusTopic()) {
			text, isTask := strings.CutPrefix(string(record.Key), prefix)
			task, err := strconv.Atoi(text)
			if !isTask || err != nil {
				continue
			}
			var value struct {
				State    connect.State `json:"state"`
				WorkerID string        `json:"worker_id"`
			}
			if len(record.Value) > 0 {
				if err := json.Unmarshal(record.Value, &value); err != nil {
					s.Fatal(err)
				}
			}
			found = append(found, moment{record.Timestamp, number, task, value.WorkerID, value.State})
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return ordered(found, s.deaths)
}

type place struct {
	side *side
	name string
}

func (s *scene) places() []place { return []place{{s.origin, s.connector}, {s.target, s.targetName}} }

// ordered adds what a death ended and sorts.
func ordered(found []moment, deaths []death) []moment {
	for _, dead := range deaths {
		seen := map[moment]bool{}
		for _, m := range found {
			key := moment{at: dead.at, side: m.side, task: m.task, worker: m.worker, state: connect.Unassigned}
			if m.worker == dead.worker && !seen[key] {
				seen[key] = true
				found = append(found, key)
			}
		}
	}
	slices.SortStableFunc(found, func(a, b moment) int {
		if order := a.at.Compare(b.at); order != 0 {
			return order
		}
		return rank(a) - rank(b)
	})
	return found
}

func rank(m moment) int {
	if m.state == connect.Running {
		return 1
	}
	return 0
}

// running follows which tasks run. A tombstone is written by the leader and says
// nothing of the task itself, so a task that wrote no end of its own still runs.
type running map[moment]bool

func (r running) take(m moment) {
	key := moment{side: m.side, task: m.task, worker: m.worker}
	switch m.state {
	case "":
	case connect.Running:
		r[key] = true
	default:
		delete(r, key)
	}
}

func (r running) on(side int) bool {
	for key := range r {
		if key.side == side {
			return true
		}
	}
	return false
}

// interlock returns the moments at which tasks of both copies ran.
func interlock(moments []moment) []moment {
	now := running{}
	var both []moment
	for _, m := range moments {
		now.take(m)
		if m.state == connect.Running && now.on(0) && now.on(1) {
			both = append(both, m)
		}
	}
	return both
}

// standstill is the longest time in which no task ran anywhere, between two moments.
func standstill(moments []moment, from, to time.Time) time.Duration {
	now := running{}
	var longest time.Duration
	var since time.Time // of the standstill; zero: something runs
	for _, m := range moments {
		now.take(m)
		if m.at.Before(from) {
			continue
		}
		if m.at.After(to) {
			break
		}
		switch {
		case len(now) == 0 && since.IsZero():
			since = m.at
		case len(now) > 0 && !since.IsZero():
			longest = max(longest, m.at.Sub(since))
			since = time.Time{}
		}
	}
	if !since.IsZero() {
		longest = max(longest, to.Sub(since))
	}
	return longest
}

// commit is one record of an offsets topic about the row's connector.
type commit struct {
	at        time.Time
	side      int
	partition string
	offset    string // "" is a tombstone
}

// commits reads every offset that both sides hold or held of the connector.
func (s *scene) commits() []commit {
	s.Helper()
	var found []commit
	for number, at := range s.places() {
		topic := s.offsets
		if topic == "" {
			topic = at.side.OffsetsTopic()
		}
		for _, record := range s.read(at.side.Kafka().Bootstrap(), topic) {
			var key []json.RawMessage
			var name string
			if json.Unmarshal(record.Key, &key) != nil || len(key) != 2 || json.Unmarshal(key[0], &name) != nil || name != at.name {
				continue
			}
			found = append(found, commit{record.Timestamp, number, string(key[1]), string(record.Value)})
		}
	}
	slices.SortStableFunc(found, func(a, b commit) int { return a.at.Compare(b.at) })
	return found
}

// wrongStarts returns what was wrong with the offsets whenever the connector
// began, from a time on, to run on another side than it ran on last: they were not
// the same set.
func wrongStarts(moments []moment, from time.Time, commits []commit) []string {
	now := running{}
	last := -1
	var wrong []string
	for _, m := range moments {
		if m.at.Before(from) {
			continue
		}
		fresh := m.state == connect.Running && !now.on(m.side)
		now.take(m)
		if m.state != connect.Running {
			continue
		}
		if fresh && last >= 0 && last != m.side {
			ours, theirs := held(commits, m.side, m.at), held(commits, last, m.at)
			if fmt.Sprint(ours) != fmt.Sprint(theirs) {
				wrong = append(wrong, fmt.Sprintf("%s had %v, the other side %v", m, ours, theirs))
			}
		}
		last = m.side
	}
	return wrong
}

// held is what a side held at a time, by partition.
func held(commits []commit, side int, at time.Time) map[string]string {
	offsets := map[string]string{}
	for _, c := range commits {
		if c.side != side || c.at.After(at) {
			continue
		}
		if c.offset == "" {
			delete(offsets, c.partition)
		} else {
			offsets[c.partition] = c.offset
		}
	}
	return offsets
}

// read reads what a topic holds, committed, up to the end it has now.
func (s *scene) read(bootstrap, topic string) []*kgo.Record {
	s.Helper()
	records, err := readTopic(context.WithoutCancel(s.Context()), bootstrap, topic)
	if err != nil {
		s.Fatalf("read topic %s: %v", topic, err)
	}
	return records
}

func readTopic(ctx context.Context, bootstrap, topic string) ([]*kgo.Record, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(bootstrap), kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(), kgo.FetchMaxWait(100*time.Millisecond))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	ends, err := kadm.NewClient(client).ListCommittedOffsets(ctx, topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return nil, err
	}
	open := map[int32]int64{}
	for partition, end := range ends[topic] {
		if end.Offset > 0 {
			open[partition] = end.Offset
		}
	}
	var records []*kgo.Record
	for len(open) > 0 {
		fetches := client.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := fetches.Err(); err != nil {
			return nil, err
		}
		for record := range fetches.RecordsAll() {
			if !record.Attrs.IsControl() {
				records = append(records, record)
			}
			if end, ok := open[record.Partition]; ok && record.Offset >= end-1 {
				delete(open, record.Partition)
			}
		}
	}
	return records, nil
}

func TestObserver(t *testing.T) {
	start := time.Date(2026, 11, 24, 20, 0, 0, 0, time.UTC)
	at := func(ms, side, task int, state connect.State) moment {
		return moment{start.Add(time.Duration(ms) * time.Millisecond), side, task, []string{"a:1", "b:1"}[side], state}
	}
	clean := []moment{
		at(0, 0, 0, connect.Running), at(0, 0, 1, connect.Running), at(100, 0, 0, connect.Paused), at(110, 0, 1, connect.Unassigned),
		at(400, 1, 0, connect.Running), at(400, 1, 1, connect.Running),
	}
	if both := interlock(clean); both != nil {
		t.Errorf("a clean move is taken for %v", both)
	}
	if got := standstill(clean, start, start.Add(time.Second)); got != 290*time.Millisecond {
		t.Errorf("it stood still for %s, want 290 ms", got)
	}
	// The leader removed the status of a task that was cancelled.
	cancelled := []moment{at(0, 0, 0, connect.Running), at(100, 0, 0, ""), at(400, 1, 0, connect.Running)}
	if both := interlock(cancelled); len(both) != 1 {
		t.Errorf("a task that never said it ended is taken for ended: %v", both)
	}
	if both := interlock(ordered(slices.Clone(cancelled), []death{{start.Add(200 * time.Millisecond), "a:1"}})); both != nil {
		t.Errorf("the task of a dead worker is taken for running: %v", both)
	}
	commits := []commit{
		{start, 0, "p", `{"n":5}`}, {start.Add(200 * time.Millisecond), 1, "p", `{"n":4}`}, {start.Add(300 * time.Millisecond), 1, "p", `{"n":5}`},
	}
	if wrong := wrongStarts(clean, start, commits); wrong != nil {
		t.Errorf("a clean start is taken for wrong: %v", wrong)
	}
	if wrong := wrongStarts(clean, start, commits[:2]); len(wrong) != 1 {
		t.Errorf("a start with older offsets is not noticed: %v", wrong)
	}
}
