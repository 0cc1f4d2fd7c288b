package connecttest

import (
	"context"
	"errors"
	"net/http"
	"slices"
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

// RawOffsets is a topic with offsets; [OffsetTopic] is.
type RawOffsets interface {
	Read(ctx context.Context, connector string) (offset.Document, error)
	Write(ctx context.Context, connector string, patch offset.Document) error
	Hanging(ctx context.Context) error
}

// TargetStates is a config topic; [ConfigTopic] is.
type TargetStates interface {
	SetTargetState(ctx context.Context, connector string, state connect.State) error
}

// Groups are consumer groups; [Kafka] has them.
type Groups interface {
	Group(ctx context.Context, name string) (kafka.Group, error)
	GroupOffsets(ctx context.Context, group string) (offset.Document, error)
	CommitGroupOffsets(ctx context.Context, group string, patch offset.Document) error
	Partitions(ctx context.Context, topics ...string) (map[string]int, error)
}

// TaskFencer ends exactly-once tasks; [Fencer] does.
type TaskFencer interface {
	Fence(ctx context.Context, connector string) ([]string, error)
}

// RawSetup runs a test with a subject, in a testing/synctest bubble or not.
type RawSetup func(t *testing.T, test func(*testing.T, RawSubject))

// RunRawConformance checks, for any version, how a connector comes to rest by a
// pause and a restart of its tasks, and that what Kafka holds is what it uses.
func RunRawConformance(t *testing.T, setup RawSetup) {
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
				part.check(&rawSuite{suite: &suite{T: t, Subject: subject.Subject, ctx: t.Context()}, RawSubject: subject})
			})
		})
	}
}

type rawSuite struct {
	*suite
	RawSubject
}

// run creates a connector as every version can, which is gone after the test.
func (s *rawSuite) run(topic string, config rawjson.Object, tasks int) string {
	s.Helper()
	name := topic + "-connector"
	s.put(name, config)
	s.awaitAll(name, connect.Running, tasks)
	return name
}

func (s *rawSuite) put(name string, config rawjson.Object) {
	s.Helper()
	s.must(wait.Until(s.ctx, "create "+name, limit, func(ctx context.Context) (bool, string, error) {
		err := s.Client.PutConfig(ctx, name, config)
		return err == nil || !connect.IsTemporary(err), "", err
	}))
	s.Cleanup(func() { s.remove(context.WithoutCancel(s.ctx), name) })
}

// rest pauses a connector and restarts its tasks.
func (s *rawSuite) rest(name string, tasks int) {
	s.Helper()
	s.must(s.Client.Pause(s.ctx, name))
	s.awaitAll(name, connect.Paused, tasks)
	s.restart(name, tasks)
}

// restart restarts the tasks of a paused connector. Each old instance says in the
// status topic that it ended, then the new one that it is paused.
func (s *rawSuite) restart(name string, tasks int) {
	s.Helper()
	tail, err := s.Status.Tail(s.ctx)
	s.must(err)
	defer tail.Close()
	for task := range tasks {
		s.must(s.Client.RetryFor(limit).RestartTask(s.ctx, name, task))
	}
	s.wantRecords(tail, name, tasks, connect.Unassigned, connect.Paused)
	s.awaitAll(name, connect.Paused, tasks)
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
	s.must(err)
	return document
}

func (s *rawSuite) last(topic string) map[string]int64 {
	s.Helper()
	last, err := s.Last(s.ctx, topic)
	s.must(err)
	return last
}

// awaitSent waits until a stream has come to a number.
func (s *rawSuite) awaitSent(topic, stream string, number int64) {
	s.Helper()
	s.must(wait.Until(s.ctx, "number "+strconv.FormatInt(number, 10)+" of "+stream, limit, func(ctx context.Context) (bool, string, error) {
		last, err := s.Last(ctx, topic)
		return last[stream] >= number, "it is at " + strconv.FormatInt(last[stream], 10), err
	}))
}

func (s *rawSuite) document(entries ...offset.Entry) offset.Document {
	s.Helper()
	document, err := offset.New(entries...)
	s.must(err)
	return document
}

// number returns what an offset of Source holds.
func (s *rawSuite) number(value rawjson.Value) int64 {
	s.Helper()
	object, err := value.Object()
	s.must(err)
	member, _ := object.Get(s.Number)
	number, whole := member.Int()
	if !whole {
		s.Fatalf("offset %s holds no number as %q", value, s.Number)
	}
	return number
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
		s.must(err)
		if number := s.number(entry.Offset); sent[stream.Text("stream")] != number {
			s.Errorf("%s rests at %d, its last record is %d", entry.Partition, number, sent[stream.Text("stream")])
		}
		ahead = append(ahead, offset.Entry{Partition: entry.Partition, Offset: s.offsetOf(1_000_000)})
	}
	s.must(wait.For(s.ctx, time.Second))
	if later := s.raw(name); later.JSON().String() != resting.JSON().String() {
		s.Errorf("offsets at rest went from %s to %s", resting.JSON(), later.JSON())
	}
	s.must(s.Offsets.Write(s.ctx, name, s.document(ahead...)))
	s.must(s.Client.Resume(s.ctx, name))
	s.awaitAll(name, connect.Running, 2)
	s.awaitSent(topic, topic+"-0", 1_000_001)
	s.awaitSent(topic, topic+"-1", 1_000_001)
}

// restartRunning: a running task goes on where it was.
func (s *rawSuite) restartRunning() {
	topic := s.Topic()
	name := s.run(topic, s.Source(topic, 1), 1)
	s.awaitSent(topic, topic+"-0", 10)
	tail, err := s.Status.Tail(s.ctx)
	s.must(err)
	defer tail.Close()
	s.must(s.Client.RetryFor(limit).RestartTask(s.ctx, name, 0))
	s.wantRecords(tail, name, 1, connect.Unassigned, connect.Running)
	s.awaitAll(name, connect.Running, 1)
	last := s.last(topic)[topic+"-0"]
	s.awaitSent(topic, topic+"-0", last+1)
}

func (s *rawSuite) restartUnknown() {
	topic := s.Topic()
	err := s.Client.RestartTask(s.ctx, topic+"-connector", 0)
	s.wantRefused(err, http.StatusNotFound, "Unknown connector: "+topic+"-connector")
	name := s.run(topic, s.Source(topic, 1), 1)
	err = s.Client.RestartTask(s.ctx, name, 7)
	s.wantRefused(err, http.StatusNotFound, "Unknown task: "+name+"-7")
	if !connect.IsNotFound(err) || connect.IsUnsupported(err) {
		s.Errorf("%v is not taken for an unknown task", err)
	}
}

// restartSink: a paused sink stays in its group; restarted it has left it.
func (s *rawSuite) restartSink() {
	topic := s.Topic()
	s.must(s.Produce(s.ctx, topic, 30))
	name := s.run(topic, s.Sink(topic), 1)
	group := "connect-" + name
	s.awaitMembers(group, 1)
	s.must(wait.Until(s.ctx, name+" to consume", limit, func(ctx context.Context) (bool, string, error) {
		count, err := s.Consumed(ctx, topic)
		return count == 30, strconv.Itoa(count) + " of 30", err
	}))
	s.must(s.Client.Pause(s.ctx, name))
	s.awaitAll(name, connect.Paused, 1)
	thirty := s.document(RawEntry(`{"kafka_partition":0,"kafka_topic":"`+topic+`"}`, `{"kafka_offset":30}`))
	s.must(wait.Until(s.ctx, name+" to commit as it pauses", limit/4, func(ctx context.Context) (bool, string, error) {
		committed, err := s.Groups.GroupOffsets(ctx, group)
		return offset.Equal(thirty, committed), committed.JSON().String(), err
	}))
	s.must(wait.For(s.ctx, time.Second))
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
	s.must(err)
	if !offset.Equal(thirty, committed) {
		s.Errorf("committed at rest: %s, want %s", committed.JSON(), thirty.JSON())
	}
	s.must(s.Client.Resume(s.ctx, name))
	s.awaitAll(name, connect.Running, 1)
	s.awaitMembers(group, 1)
}

func (s *rawSuite) awaitMembers(group string, members int) {
	s.Helper()
	s.must(wait.Until(s.ctx, "group "+group+" to have "+strconv.Itoa(members)+" members", limit, func(ctx context.Context) (bool, string, error) {
		state, err := s.Groups.Group(ctx, group)
		return state.Members == members, "it has " + strconv.Itoa(state.Members), err
	}))
}

// rawOrderedMap: of keys that Connect orders otherwise than the task, the task
// finds only those that were written with its own bytes.
func (s *rawSuite) rawOrderedMap() {
	topic := s.Topic()
	name := s.run(topic, s.OrderedMap(topic), 1)
	s.awaitSent(topic, topic+"-0", 10)
	s.rest(name, 1)
	own := s.raw(name)
	if own.Len() != 1 {
		s.Fatalf("offsets of one task at rest are %s", own.JSON())
	}
	partition := own.Entries()[0].Partition
	ordered := hashMapOrder(partition)
	if ordered.String() == partition.String() {
		s.Fatalf("the key %s is no ordered one", partition)
	}
	s.must(s.Offsets.Write(s.ctx, name, s.document(offset.Entry{Partition: ordered, Offset: s.offsetOf(5_000_000)})))
	s.must(s.Client.Resume(s.ctx, name))
	s.awaitAll(name, connect.Running, 1)
	s.awaitSent(topic, topic+"-0", s.number(own.Entries()[0].Offset)+5)
	s.rest(name, 1)
	if last := s.last(topic)[topic+"-0"]; last >= 5_000_000 {
		s.Errorf("the task read an offset under another order of its key: it is at %d", last)
	}
	s.must(s.Offsets.Write(s.ctx, name, s.document(offset.Entry{Partition: partition, Offset: s.offsetOf(9_000_000)})))
	s.must(s.Client.Resume(s.ctx, name))
	s.awaitAll(name, connect.Running, 1)
	s.awaitSent(topic, topic+"-0", 9_000_001)
}

// rawTombstone: what was removed by a tombstone is not there any more.
func (s *rawSuite) rawTombstone() {
	topic := s.Topic()
	name := s.run(topic, s.Source(topic, 1), 1)
	s.awaitSent(topic, topic+"-0", 10)
	s.rest(name, 1)
	partition := s.raw(name).Entries()[0].Partition
	s.must(s.Offsets.Write(s.ctx, name, s.document(offset.Entry{Partition: partition, Offset: s.offsetOf(7_000_000)})))
	s.must(s.Offsets.Write(s.ctx, name, s.document(offset.Entry{Partition: partition, Offset: rawjson.Null})))
	if left := s.raw(name); left.Len() != 0 {
		s.Errorf("offsets after a tombstone are %s", left.JSON())
	}
	before := s.last(topic)[topic+"-0"]
	s.must(s.Client.Resume(s.ctx, name))
	s.awaitAll(name, connect.Running, 1)
	s.awaitSent(topic, topic+"-0", before+1) // from the beginning again, and beyond
	if last := s.last(topic)[topic+"-0"]; last >= 7_000_000 {
		s.Errorf("the task read an offset that a tombstone removed: it is at %d", last)
	}
}

// targetState: a connector takes the target state that was written before it was
// created, has no tasks, and runs when it is resumed.
func (s *rawSuite) targetState() {
	for _, state := range []connect.State{connect.Paused, connect.Stopped} {
		topic := s.Topic()
		name := topic + "-connector"
		s.must(s.Config.SetTargetState(s.ctx, name, state))
		s.put(name, s.Source(topic, 1))
		want := state
		if !s.version().since(3, 5) {
			want = connect.Paused
		}
		s.awaitAll(name, want, 0)
		s.must(wait.For(s.ctx, time.Second))
		s.awaitAll(name, want, 0)
		s.wantTasks(name, 0)
		s.must(s.Client.Resume(s.ctx, name))
		s.awaitAll(name, connect.Running, 1)
	}
	// What was taken back is not taken.
	topic := s.Topic()
	name := topic + "-connector"
	s.must(s.Config.SetTargetState(s.ctx, name, connect.Paused))
	s.must(s.Config.SetTargetState(s.ctx, name, ""))
	s.put(name, s.Source(topic, 1))
	s.awaitAll(name, connect.Running, 1)
}

// groupOffsets: offsets of a group without members are written and removed, and
// a sink goes on there.
func (s *rawSuite) groupOffsets() {
	topic := s.Topic()
	s.must(s.Produce(s.ctx, topic, 30))
	counts, err := s.Groups.Partitions(s.ctx, topic, topic+"-not-there")
	if err != nil || len(counts) != 1 || counts[topic] != 1 {
		s.Errorf("partitions: %v, %v", counts, err)
	}
	name := topic + "-connector"
	group := "connect-" + name
	none, err := s.Groups.GroupOffsets(s.ctx, group)
	if err != nil || none.Len() != 0 {
		s.Errorf("offsets of no group: %s, %v", none.JSON(), err)
	}
	at := func(position string) offset.Document {
		return s.document(RawEntry(`{"kafka_topic":"`+topic+`","kafka_partition":0}`, position))
	}
	s.must(s.Groups.CommitGroupOffsets(s.ctx, group, at(`{"kafka_offset":12}`)))
	if have, err := s.Groups.GroupOffsets(s.ctx, group); err != nil || !offset.Equal(have, at(`{"kafka_offset":12}`)) {
		s.Errorf("offsets are %s, %v", have.JSON(), err)
	}
	s.must(s.Groups.CommitGroupOffsets(s.ctx, group, at("")))
	if have, err := s.Groups.GroupOffsets(s.ctx, group); err != nil || have.Len() != 0 {
		s.Errorf("offsets after their removal are %s, %v", have.JSON(), err)
	}
	s.must(s.Groups.CommitGroupOffsets(s.ctx, group, at(`{"kafka_offset":30}`)))
	s.run(topic, s.Sink(topic), 1)
	s.awaitMembers(group, 1)
	s.rest(name, 1)
	if have, err := s.Groups.GroupOffsets(s.ctx, group); err != nil || !offset.Equal(have, at(`{"kafka_offset":30}`)) {
		s.Errorf("the sink went from 30 to %s, %v", have.JSON(), err)
	}
}

func (s *rawSuite) version() version {
	s.Helper()
	server, err := s.Client.Server(s.ctx)
	s.must(err)
	return parseVersion(server.Version)
}

// ownTopic: with offsets.storage.topic a commit goes to both topics, and only what
// is in the connector's own is read: of a key that is in the cluster's alone REST
// says null and the task knows nothing. Before Kafka 3.3 the setting is not known.
func (s *rawSuite) ownTopic() {
	topic := s.Topic()
	own := topic + "-own"
	name := s.run(topic, s.Source(topic, 1).With("offsets.storage.topic", rawjson.String(own)), 1)
	s.awaitSent(topic, topic+"-0", 10)
	s.rest(name, 1)
	shared := s.raw(name)
	if shared.Len() != 1 {
		s.Fatalf("the cluster's topic holds %s", shared.JSON())
	}
	if !s.version().since(3, 3) {
		return
	}
	partition := shared.Entries()[0].Partition
	mine, err := s.TopicOf(own).Read(s.ctx, name)
	s.must(err)
	if !offset.Equal(mine, shared) {
		s.Errorf("the connector's own topic holds %s, the cluster's %s", mine.JSON(), shared.JSON())
	}
	s.must(s.TopicOf(own).Write(s.ctx, name, s.document(offset.Entry{Partition: partition, Offset: s.offsetOf(2_000_000)})))
	s.must(s.Offsets.Write(s.ctx, name, s.document(offset.Entry{Partition: partition, Offset: s.offsetOf(1_000_000)})))
	s.must(s.Client.Resume(s.ctx, name))
	s.awaitAll(name, connect.Running, 1)
	s.awaitSent(topic, topic+"-0", 2_000_001)
	s.rest(name, 1)
	s.must(s.TopicOf(own).Write(s.ctx, name, s.document(offset.Entry{Partition: partition, Offset: rawjson.Null})))
	s.must(s.Offsets.Write(s.ctx, name, s.document(offset.Entry{Partition: partition, Offset: s.offsetOf(9_000_000)})))
	if s.version().since(3, 5) {
		if read := s.offsets(name); read.Len() != 1 || len(read.Unreadable()) != 1 {
			s.Errorf("of an offset in the cluster's topic alone REST says %s", read.JSON())
		}
	}
	s.must(s.Client.Resume(s.ctx, name))
	s.awaitAll(name, connect.Running, 1)
	s.must(wait.For(s.ctx, time.Second))
	s.rest(name, 1)
	if again := s.position(s.raw(name)); again >= 1_000_000 {
		s.Errorf("the task went on from the cluster's topic, to %d", again)
	}
}

// exactlyOnce: what is required of a cluster that has it disabled is refused;
// otherwise the offset is that of the last record, and a fenced task fails.
func (s *rawSuite) exactlyOnce() {
	if !s.version().since(3, 3) {
		return
	}
	topic := s.Topic()
	config := s.Source(topic, 1).With("exactly.once.support", rawjson.String("required"))
	problems, err := s.Client.Validate(s.ctx, config.Text("connector.class"), config.With("name", rawjson.String("any")))
	s.must(err)
	if s.Fencer == nil {
		const disabled = "This worker does not have exactly-once source support enabled."
		if len(problems) != 1 || problems[0].Name != "exactly.once.support" || !slices.Contains(problems[0].Errors, disabled) {
			s.Errorf("problems are %q", problems)
		}
		return
	}
	if len(problems) != 0 {
		s.Errorf("problems are %q", problems)
	}
	name := s.run(topic, config, 1)
	s.awaitSent(topic, topic+"-0", 10)
	s.rest(name, 1)
	resting, sent := s.raw(name), s.last(topic)[topic+"-0"]
	if resting.Len() != 1 || s.position(resting) != sent {
		s.Errorf("the offset at rest is %s, the last record %d", resting.JSON(), sent)
	}
	s.must(s.Client.Resume(s.ctx, name))
	s.awaitAll(name, connect.Running, 1)
	s.awaitSent(topic, topic+"-0", sent+1)
	ids, err := s.Fencer.Fence(s.ctx, name)
	if err != nil || len(ids) != 1 || !strings.HasSuffix(ids[0], "-"+name+"-0") {
		s.Errorf("fenced %q, %v", ids, err)
	}
	failed := s.awaitStatus(name, "its task failed", func(status connect.Status) bool { return status.AllTasks(connect.Failed) })
	if trace := failed.Tasks[0].Trace; !strings.Contains(trace, "ProducerFencedException") && !strings.Contains(trace, "InvalidProducerEpochException") {
		s.Errorf("the fenced task failed with %s", trace)
	}
	if fenced := s.raw(name); s.position(fenced) != s.last(topic)[topic+"-0"] {
		s.Errorf("the offset of the fenced task is %s, its last record %d", fenced.JSON(), s.last(topic)[topic+"-0"])
	}
}

// hanging: a task of an exactly-once cluster does not start while a transaction
// hangs in the offsets topic, and does when it is ended; others do not care. Its
// status does not tell: within one generation of the workers it stays RUNNING
// (KafkaStatusBackingStore.readTaskStatus).
func (s *rawSuite) hanging() {
	topic := s.Topic()
	name := s.run(topic, s.Source(topic, 1), 1)
	s.must(s.Offsets.Hanging(s.ctx))
	s.must(s.Hang(s.ctx))
	s.Cleanup(func() {
		if err := s.Unhang(context.WithoutCancel(s.ctx)); err != nil {
			s.Error(err)
		}
	})
	if _, ok := errors.AsType[*kafka.HangingError](s.Offsets.Hanging(s.ctx)); !ok {
		s.Errorf("it is not seen to hang: %v", s.Offsets.Hanging(s.ctx))
	}
	s.must(s.Client.RestartTask(s.ctx, name, 0))
	sent := s.last(topic)[topic+"-0"]
	if s.Fencer != nil {
		s.must(wait.For(s.ctx, 2*time.Second))
		if last := s.last(topic)[topic+"-0"]; last != sent {
			s.Errorf("the task started: it sent %d to %d", sent+1, last)
		}
		s.must(s.Unhang(s.ctx))
		s.must(s.Offsets.Hanging(s.ctx))
	}
	s.awaitSent(topic, topic+"-0", sent+1)
}
