package conformance

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/internaltopic"
	"github.com/connect-ferry/connect-ferry/runner/internal/kafka"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// RawSubject is a [Subject] whose Kafka is looked into. It may be of any version.
type RawSubject struct {
	Subject Subject
	// Offsets is the cluster's offset.storage.topic, Config its config topic.
	Offsets RawOffsets
	Config  TargetStates
	Groups  Groups
	// TopicOf opens any other topic with offsets.
	TopicOf func(topic string) RawOffsets
	// Fencer ends exactly-once tasks; nil: the cluster has exactly-once disabled.
	Fencer TaskFencer
	// Hang leaves a transaction open in offset.storage.topic that nothing ends but
	// Unhang.
	Hang, Unhang func(ctx context.Context) error
	// Last returns the highest number in a topic of each stream, by its name. The
	// stream of task N of Source and OrderedMap is TOPIC-N.
	Last func(ctx context.Context, topic string) (map[string]int64, error)
	// Consumed returns how many records of topic the connector of Sink was given.
	Consumed func(ctx context.Context, topic string) (int, error)
	// Produce makes a topic with one partition and that many records.
	Produce func(ctx context.Context, topic string, records int) error
}

// RawOffsets is a topic with offsets; [kafka.OffsetLog] is.
type RawOffsets interface {
	Read(ctx context.Context, connector string) (offset.Document, error)
	Write(ctx context.Context, connector string, patch offset.Document) error
	Hanging(ctx context.Context) error
	End(ctx context.Context) (map[int32]int64, error)
	Since(ctx context.Context, connector string, from map[int32]int64) ([]offset.Entry, map[int32]int64, error)
}

// TargetStates is a config topic; [kafka.ConfigLog] is.
type TargetStates interface {
	SetTargetState(ctx context.Context, connector string, state connect.State) error
}

// Groups are consumer groups; [kafka.Client] has them.
type Groups interface {
	Group(ctx context.Context, name string) (kafka.Group, error)
	GroupOffsets(ctx context.Context, group string) (offset.Document, error)
	CommitGroupOffsets(ctx context.Context, group string, patch offset.Document) error
	Partitions(ctx context.Context, topics ...string) (map[string]int, error)
}

// TaskFencer ends exactly-once tasks; [kafka.Fencer] does.
type TaskFencer interface {
	Fence(ctx context.Context, connector string) ([]string, error)
}

// RawSetup runs a test with a subject, in a testing/synctest bubble or not.
type RawSetup func(t *testing.T, test func(*testing.T, RawSubject))

// RunRaw checks, for any version, how a connector comes to rest by a
// pause and a restart of its tasks, and that what Kafka holds is what it uses.
func RunRaw(t *testing.T, setup RawSetup) {
	for _, part := range []struct {
		name  string
		check func(*rawSuite)
	}{
		{"RestartPaused", (*rawSuite).restartPaused},
		{"RestartRunning", (*rawSuite).restartRunning},
		{"RestartUnknown", (*rawSuite).restartUnknown},
		{"RestartSink", (*rawSuite).restartSink},
		{"RawOrderedMap", (*rawSuite).rawOrderedMap},
		{"RawTombstone", (*rawSuite).rawTombstone},
		{"TargetState", (*rawSuite).targetState},
		{"GroupOffsets", (*rawSuite).groupOffsets},
		{"OwnTopic", (*rawSuite).ownTopic},
		{"ExactlyOnce", (*rawSuite).exactlyOnce},
		{"Hanging", (*rawSuite).hanging},
	} {
		t.Run(part.name, func(t *testing.T) {
			setup(t, func(t *testing.T, subject RawSubject) {
				part.check(&rawSuite{Suite: New(t, subject.Subject), RawSubject: subject})
			})
		})
	}
}

type rawSuite struct {
	*Suite
	RawSubject
}

// run creates a connector as every version can, which is gone after the test.
func (s *rawSuite) run(topic string, config rawjson.Object, tasks int) string {
	s.Helper()
	name := topic + "-connector"
	s.put(name, config)
	s.AwaitAll(name, connect.Running, tasks)
	return name
}

func (s *rawSuite) put(name string, config rawjson.Object) {
	s.Helper()
	s.Must(wait.Until(s.ctx, "create "+name, limit, func(ctx context.Context) (bool, string, error) {
		err := s.Client.PutConfig(ctx, name, config)
		return err == nil || !connect.IsTemporary(err), "", err
	}))
	s.Cleanup(func() { s.Remove(context.WithoutCancel(s.ctx), name) })
}

// rest pauses a connector and restarts its tasks.
func (s *rawSuite) rest(name string, tasks int) {
	s.Helper()
	s.Must(s.Client.Pause(s.ctx, name))
	s.AwaitAll(name, connect.Paused, tasks)
	s.restart(name, tasks)
}

// restart restarts the tasks of a paused connector. Each old instance says in the
// status topic that it ended, then the new one that it is paused.
func (s *rawSuite) restart(name string, tasks int) {
	s.Helper()
	tail, err := s.Status.Tail(s.ctx)
	s.Must(err)
	defer tail.Close()
	for task := range tasks {
		s.Must(s.Client.RetryFor(limit).RestartTask(s.ctx, name, task))
	}
	s.wantRecords(tail, name, tasks, connect.Unassigned, connect.Paused)
	s.AwaitAll(name, connect.Paused, tasks)
}

// wantRecords checks that each task writes these states, one after the other,
// and nothing else.
func (s *rawSuite) wantRecords(tail kafka.Tail, name string, tasks int, states ...connect.State) {
	s.Helper()
	written := map[int][]string{}
	complete := func() bool {
		for task := range tasks {
			if len(written[task]) < len(states) {
				return false
			}
		}
		return true
	}
	ctx, cancel := context.WithTimeout(s.ctx, limit)
	defer cancel()
	for !complete() {
		records, err := tail.Next(ctx)
		if err != nil {
			s.Fatalf("tasks wrote %v: %v", written, err)
		}
		for _, record := range records {
			if record.Connector == name && record.Task != internaltopic.OfConnector {
				written[record.Task] = append(written[record.Task], string(record.State))
			}
		}
	}
	want := make([]string, len(states))
	for i, state := range states {
		want[i] = string(state)
	}
	for task := range tasks {
		if have := strings.Join(written[task], " "); have != strings.Join(want, " ") {
			s.Errorf("task %d wrote %s, want %v", task, have, want)
		}
	}
}

func (s *rawSuite) raw(name string) offset.Document {
	s.Helper()
	document, err := s.Offsets.Read(s.ctx, name)
	s.Must(err)
	return document
}

func (s *rawSuite) last(topic string) map[string]int64 {
	s.Helper()
	last, err := s.Last(s.ctx, topic)
	s.Must(err)
	return last
}

// awaitSent waits until a stream has come to a number.
func (s *rawSuite) awaitSent(topic, stream string, number int64) {
	s.Helper()
	s.Must(wait.Until(s.ctx, "number "+strconv.FormatInt(number, 10)+" of "+stream, limit, func(ctx context.Context) (bool, string, error) {
		last, err := s.Last(ctx, topic)
		return last[stream] >= number, "it is at " + strconv.FormatInt(last[stream], 10), err
	}))
}

func (s *rawSuite) document(entries ...offset.Entry) offset.Document {
	s.Helper()
	document, err := offset.New(entries...)
	s.Must(err)
	return document
}

func (s *rawSuite) offsetOf(number int64) rawjson.Value {
	return rawjson.Object{}.With(s.Number, rawjson.Int(number)).Value()
}

// restartPaused: at rest the offsets are complete, nothing is written any more,
// and the tasks have not read theirs: what is written then is where they go on.
func (s *rawSuite) restartPaused() {
	topic := s.Topic()
	name := s.run(topic, s.Source(topic, 2), 2)
	s.awaitSent(topic, topic+"-0", 20)
	s.awaitSent(topic, topic+"-1", 20)
	s.rest(name, 2)
	resting, sent := s.raw(name), s.last(topic)
	if resting.Len() != 2 {
		s.Fatalf("offsets of two tasks at rest are %s", resting.JSON())
	}
	var ahead []offset.Entry
	for _, entry := range resting.Entries() {
		stream, err := entry.Partition.Object()
		s.Must(err)
		if number := s.number(entry.Offset); sent[stream.Text("stream")] != number {
			s.Errorf("%s rests at %d, its last record is %d", entry.Partition, number, sent[stream.Text("stream")])
		}
		ahead = append(ahead, offset.Entry{Partition: entry.Partition, Offset: s.offsetOf(1_000_000)})
	}
	s.Must(wait.For(s.ctx, time.Second))
	if later := s.raw(name); later.JSON().String() != resting.JSON().String() {
		s.Errorf("offsets at rest went from %s to %s", resting.JSON(), later.JSON())
	}
	s.Must(s.Offsets.Write(s.ctx, name, s.document(ahead...)))
	s.Must(s.Client.Resume(s.ctx, name))
	s.AwaitAll(name, connect.Running, 2)
	s.awaitSent(topic, topic+"-0", 1_000_001)
	s.awaitSent(topic, topic+"-1", 1_000_001)
}

// restartRunning: a running task goes on where it was.
func (s *rawSuite) restartRunning() {
	topic := s.Topic()
	name := s.run(topic, s.Source(topic, 1), 1)
	s.awaitSent(topic, topic+"-0", 10)
	tail, err := s.Status.Tail(s.ctx)
	s.Must(err)
	defer tail.Close()
	s.Must(s.Client.RetryFor(limit).RestartTask(s.ctx, name, 0))
	s.wantRecords(tail, name, 1, connect.Unassigned, connect.Running)
	s.AwaitAll(name, connect.Running, 1)
	last := s.last(topic)[topic+"-0"]
	s.awaitSent(topic, topic+"-0", last+1)
}

func (s *rawSuite) restartUnknown() {
	topic := s.Topic()
	err := s.Client.RestartTask(s.ctx, topic+"-connector", 0)
	s.WantRefused(err, http.StatusNotFound, "Unknown connector: "+topic+"-connector")
	name := s.run(topic, s.Source(topic, 1), 1)
	err = s.Client.RestartTask(s.ctx, name, 7)
	s.WantRefused(err, http.StatusNotFound, "Unknown task: "+name+"-7")
	if !connect.IsNotFound(err) || connect.IsUnsupported(err) {
		s.Errorf("%v is not taken for an unknown task", err)
	}
}

// restartSink: a paused sink stays in its group; restarted it has left it.
func (s *rawSuite) restartSink() {
	topic := s.Topic()
	s.Must(s.Produce(s.ctx, topic, 30))
	name := s.run(topic, s.Sink(topic), 1)
	group := "connect-" + name
	s.awaitMembers(group, 1)
	s.Must(wait.Until(s.ctx, name+" to consume", limit, func(ctx context.Context) (bool, string, error) {
		count, err := s.Consumed(ctx, topic)
		return count == 30, strconv.Itoa(count) + " of 30", err
	}))
	s.Must(s.Client.Pause(s.ctx, name))
	s.AwaitAll(name, connect.Paused, 1)
	thirty := s.document(RawEntry(`{"kafka_partition":0,"kafka_topic":"`+topic+`"}`, `{"kafka_offset":30}`))
	s.Must(wait.Until(s.ctx, name+" to commit as it pauses", limit/4, func(ctx context.Context) (bool, string, error) {
		committed, err := s.Groups.GroupOffsets(ctx, group)
		return offset.Equal(thirty, committed), committed.JSON().String(), err
	}))
	s.Must(wait.For(s.ctx, time.Second))
	s.awaitMembers(group, 1)
	first := s.document(RawEntry(`{"kafka_partition":0,"kafka_topic":"`+topic+`"}`, `{"kafka_offset":1}`))
	if err := s.Groups.CommitGroupOffsets(s.ctx, group, first); err == nil {
		s.Error("a group with a member took offsets")
	}
	s.restart(name, 1)
	s.awaitMembers(group, 0)
	state, err := s.Groups.Group(s.ctx, group)
	if err != nil || !state.Ended() {
		s.Errorf("group at rest: %+v, %v", state, err)
	}
	committed, err := s.Groups.GroupOffsets(s.ctx, group)
	s.Must(err)
	if !offset.Equal(thirty, committed) {
		s.Errorf("committed at rest: %s, want %s", committed.JSON(), thirty.JSON())
	}
	s.Must(s.Client.Resume(s.ctx, name))
	s.AwaitAll(name, connect.Running, 1)
	s.awaitMembers(group, 1)
}

func (s *rawSuite) awaitMembers(group string, members int) {
	s.Helper()
	s.Must(wait.Until(s.ctx, "group "+group+" to have "+strconv.Itoa(members)+" members", limit, func(ctx context.Context) (bool, string, error) {
		state, err := s.Groups.Group(ctx, group)
		return state.Members == members, "it has " + strconv.Itoa(state.Members), err
	}))
}
