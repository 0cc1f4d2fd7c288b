package conformance

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest/hashmap"
	"github.com/connect-ferry/connect-ferry/runner/internal/kafka"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

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
	ordered := hashmap.Order(partition)
	if ordered.String() == partition.String() {
		s.Fatalf("the key %s is no ordered one", partition)
	}
	s.Must(s.Offsets.Write(s.ctx, name, s.document(offset.Entry{Partition: ordered, Offset: s.offsetOf(5_000_000)})))
	s.Must(s.Client.Resume(s.ctx, name))
	s.AwaitAll(name, connect.Running, 1)
	s.awaitSent(topic, topic+"-0", s.number(own.Entries()[0].Offset)+5)
	s.rest(name, 1)
	if last := s.last(topic)[topic+"-0"]; last >= 5_000_000 {
		s.Errorf("the task read an offset under another order of its key: it is at %d", last)
	}
	s.Must(s.Offsets.Write(s.ctx, name, s.document(offset.Entry{Partition: partition, Offset: s.offsetOf(9_000_000)})))
	s.Must(s.Client.Resume(s.ctx, name))
	s.AwaitAll(name, connect.Running, 1)
	s.awaitSent(topic, topic+"-0", 9_000_001)
}

// rawTombstone: what was removed by a tombstone is not there any more.
func (s *rawSuite) rawTombstone() {
	topic := s.Topic()
	name := s.run(topic, s.Source(topic, 1), 1)
	s.awaitSent(topic, topic+"-0", 10)
	s.rest(name, 1)
	partition := s.raw(name).Entries()[0].Partition
	end, err := s.Offsets.End(s.ctx)
	s.Must(err)
	s.Must(s.Offsets.Write(s.ctx, name, s.document(offset.Entry{Partition: partition, Offset: s.offsetOf(7_000_000)})))
	s.Must(s.Offsets.Write(s.ctx, name, s.document(offset.Entry{Partition: partition, Offset: rawjson.Null})))
	s.since(name, end, partition.String()+"="+s.offsetOf(7_000_000).String(), partition.String()+"=null")
	if left := s.raw(name); left.Len() != 0 {
		s.Errorf("offsets after a tombstone are %s", left.JSON())
	}
	before := s.last(topic)[topic+"-0"]
	s.Must(s.Client.Resume(s.ctx, name))
	s.AwaitAll(name, connect.Running, 1)
	s.awaitSent(topic, topic+"-0", before+1) // from the beginning again, and beyond
	if last := s.last(topic)[topic+"-0"]; last >= 7_000_000 {
		s.Errorf("the task read an offset that a tombstone removed: it is at %d", last)
	}
}

// since checks what was written of a connector since the topic ended there, and that nothing was
// after that, nor of any other connector.
func (s *rawSuite) since(name string, end map[int32]int64, want ...string) {
	for _, of := range []string{name, name + "-other"} {
		records, next, err := s.Offsets.Since(s.ctx, of, end)
		s.Must(err)
		var got []string
		for _, record := range records {
			got = append(got, record.Partition.String()+"="+record.Offset.String())
		}
		if of != name {
			want = nil
		}
		if !slices.Equal(got, want) {
			s.Errorf("since then %q was written of %s, want %q", got, of, want)
		}
		if more, _, err := s.Offsets.Since(s.ctx, of, next); err != nil || len(more) != 0 {
			s.Errorf("and after that %v, %v", more, err)
		}
	}
}

// targetState: a connector takes the target state that was written before it was
// created, has no tasks, and runs when it is resumed.
func (s *rawSuite) targetState() {
	for _, state := range []connect.State{connect.Paused, connect.Stopped} {
		topic := s.Topic()
		name := topic + "-connector"
		s.Must(s.Config.SetTargetState(s.ctx, name, state))
		s.put(name, s.Source(topic, 1))
		want := state
		if !s.Has(cluster.Stop) {
			want = connect.Paused
		}
		s.AwaitAll(name, want, 0)
		s.Must(wait.For(s.ctx, time.Second))
		s.AwaitAll(name, want, 0)
		s.WantTasks(name, 0)
		s.Must(s.Client.Resume(s.ctx, name))
		s.AwaitAll(name, connect.Running, 1)
	}
	// What was taken back is not taken.
	topic := s.Topic()
	name := topic + "-connector"
	s.Must(s.Config.SetTargetState(s.ctx, name, connect.Paused))
	s.Must(s.Config.SetTargetState(s.ctx, name, ""))
	s.put(name, s.Source(topic, 1))
	s.AwaitAll(name, connect.Running, 1)
}

// groupOffsets: offsets of a group without members are written and removed, and
// a sink goes on there.
func (s *rawSuite) groupOffsets() {
	topic := s.Topic()
	s.Must(s.Produce(s.ctx, topic, 30))
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
	s.Must(s.Groups.CommitGroupOffsets(s.ctx, group, at(`{"kafka_offset":12}`)))
	if have, err := s.Groups.GroupOffsets(s.ctx, group); err != nil || !offset.Equal(have, at(`{"kafka_offset":12}`)) {
		s.Errorf("offsets are %s, %v", have.JSON(), err)
	}
	s.Must(s.Groups.CommitGroupOffsets(s.ctx, group, at("")))
	if have, err := s.Groups.GroupOffsets(s.ctx, group); err != nil || have.Len() != 0 {
		s.Errorf("offsets after their removal are %s, %v", have.JSON(), err)
	}
	s.Must(s.Groups.CommitGroupOffsets(s.ctx, group, at(`{"kafka_offset":30}`)))
	s.run(topic, s.Sink(topic), 1)
	s.awaitMembers(group, 1)
	s.rest(name, 1)
	if have, err := s.Groups.GroupOffsets(s.ctx, group); err != nil || !offset.Equal(have, at(`{"kafka_offset":30}`)) {
		s.Errorf("the sink went from 30 to %s, %v", have.JSON(), err)
	}
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
	if !s.Has(cluster.ExactlyOnce) {
		return
	}
	partition := shared.Entries()[0].Partition
	mine, err := s.TopicOf(own).Read(s.ctx, name)
	s.Must(err)
	if !offset.Equal(mine, shared) {
		s.Errorf("the connector's own topic holds %s, the cluster's %s", mine.JSON(), shared.JSON())
	}
	s.Must(s.TopicOf(own).Write(s.ctx, name, s.document(offset.Entry{Partition: partition, Offset: s.offsetOf(2_000_000)})))
	s.Must(s.Offsets.Write(s.ctx, name, s.document(offset.Entry{Partition: partition, Offset: s.offsetOf(1_000_000)})))
	s.Must(s.Client.Resume(s.ctx, name))
	s.AwaitAll(name, connect.Running, 1)
	s.awaitSent(topic, topic+"-0", 2_000_001)
	s.rest(name, 1)
	s.Must(s.TopicOf(own).Write(s.ctx, name, s.document(offset.Entry{Partition: partition, Offset: rawjson.Null})))
	s.Must(s.Offsets.Write(s.ctx, name, s.document(offset.Entry{Partition: partition, Offset: s.offsetOf(9_000_000)})))
	if s.Has(cluster.Stop) {
		if read := s.ReadOffsets(name); read.Len() != 1 || len(read.Unreadable()) != 1 {
			s.Errorf("of an offset in the cluster's topic alone REST says %s", read.JSON())
		}
	}
	s.Must(s.Client.Resume(s.ctx, name))
	s.AwaitAll(name, connect.Running, 1)
	s.Must(wait.For(s.ctx, time.Second))
	s.rest(name, 1)
	if again := s.Position(s.raw(name)); again >= 1_000_000 {
		s.Errorf("the task went on from the cluster's topic, to %d", again)
	}
}

// exactlyOnce: what is required of a cluster that has it disabled is refused;
// otherwise the offset is that of the last record, and a fenced task fails.
func (s *rawSuite) exactlyOnce() {
	if !s.Has(cluster.ExactlyOnce) {
		return
	}
	topic := s.Topic()
	config := s.Source(topic, 1).With("exactly.once.support", rawjson.String("required"))
	answer, err := s.Client.Validate(s.ctx, config.Text("connector.class"), config.With("name", rawjson.String("any")))
	s.Must(err)
	if s.Fencer == nil {
		const disabled = "This worker does not have exactly-once source support enabled."
		if len(answer.Problems) != 1 || answer.Problems[0].Name != "exactly.once.support" || !slices.Contains(answer.Problems[0].Errors, disabled) {
			s.Errorf("problems are %q", answer.Problems)
		}
		return
	}
	if len(answer.Problems) != 0 {
		s.Errorf("problems are %q", answer.Problems)
	}
	name := s.run(topic, config, 1)
	s.awaitSent(topic, topic+"-0", 10)
	s.rest(name, 1)
	resting, sent := s.raw(name), s.last(topic)[topic+"-0"]
	if resting.Len() != 1 || s.Position(resting) != sent {
		s.Errorf("the offset at rest is %s, the last record %d", resting.JSON(), sent)
	}
	s.Must(s.Client.Resume(s.ctx, name))
	s.AwaitAll(name, connect.Running, 1)
	s.awaitSent(topic, topic+"-0", sent+1)
	ids, err := s.Fencer.Fence(s.ctx, name)
	if err != nil || len(ids) != 1 || !strings.HasSuffix(ids[0], "-"+name+"-0") {
		s.Errorf("fenced %q, %v", ids, err)
	}
	failed := s.AwaitStatus(name, "its task failed", func(status connect.Status) bool { return status.AllTasks(connect.Failed) })
	if trace := failed.Tasks[0].Trace; !strings.Contains(trace, "ProducerFencedException") && !strings.Contains(trace, "InvalidProducerEpochException") {
		s.Errorf("the fenced task failed with %s", trace)
	}
	if fenced := s.raw(name); s.Position(fenced) != s.last(topic)[topic+"-0"] {
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
	s.Must(s.Offsets.Hanging(s.ctx))
	s.Must(s.Hang(s.ctx))
	s.Cleanup(func() {
		if err := s.Unhang(context.WithoutCancel(s.ctx)); err != nil {
			s.Error(err)
		}
	})
	if _, ok := errors.AsType[*kafka.HangingError](s.Offsets.Hanging(s.ctx)); !ok {
		s.Errorf("it is not seen to hang: %v", s.Offsets.Hanging(s.ctx))
	}
	s.Must(s.Client.RestartTask(s.ctx, name, 0))
	sent := s.last(topic)[topic+"-0"]
	if s.Fencer != nil {
		s.Must(wait.For(s.ctx, 2*time.Second))
		if last := s.last(topic)[topic+"-0"]; last != sent {
			s.Errorf("the task started: it sent %d to %d", sent+1, last)
		}
		s.Must(s.Unhang(s.ctx))
		s.Must(s.Offsets.Hanging(s.ctx))
	}
	s.awaitSent(topic, topic+"-0", sent+1)
}

// RawEntry is shorthand for an entry of JSON texts, which must be valid; an empty
// offset is null.
func RawEntry(partition, position string) offset.Entry {
	parse := func(text string) rawjson.Value {
		value, err := rawjson.Parse([]byte(text))
		if err != nil {
			panic("conformance: " + text + ": " + err.Error())
		}
		return value
	}
	if position == "" {
		position = "null"
	}
	return offset.Entry{Partition: parse(partition), Offset: parse(position)}
}
