package lab

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// Stream is what was read of one numbered stream.
type Stream struct {
	Records    int64 // all of them, duplicates too
	Duplicated int64 // records whose sequence was there before
	Lost       int64 // sequences between First and Last that are not there
	First      int64 // lowest sequence
	Last       int64 // highest sequence
}

// Tally is a topic counted: its streams by name. An empty topic has none.
type Tally map[string]Stream

// Lost returns the sum over all streams.
func (t Tally) Lost() int64 { return t.sum(func(s Stream) int64 { return s.Lost }) }

// Duplicated returns the sum over all streams.
func (t Tally) Duplicated() int64 { return t.sum(func(s Stream) int64 { return s.Duplicated }) }

// Records returns the sum over all streams.
func (t Tally) Records() int64 { return t.sum(func(s Stream) int64 { return s.Records }) }

func (t Tally) sum(of func(Stream) int64) int64 {
	var sum int64
	for stream := range maps.Values(t) {
		sum += of(stream)
	}
	return sum
}

// ErrNoTopic says that there is no such topic (yet).
var ErrNoTopic = errors.New("the topic does not exist")

// Count reads a topic (committed records only) from its start to the end it has
// now. A record's key is its stream and its value the sequence in decimal; a
// record without a key is a line "STREAM SEQUENCE". Any other is an error, and
// so is a topic that does not exist ([ErrNoTopic]).
//
// What is missing before the first and after the last record of a stream cannot
// be seen in a topic: compare First and Last with what was sent.
func Count(ctx context.Context, bootstrap, topic string) (Tally, error) {
	tally, err := count(ctx, bootstrap, topic)
	if err != nil {
		return nil, fmt.Errorf("lab: count of topic %s: %w", topic, err)
	}
	return tally, nil
}

// AwaitSequence waits until a stream in the topic has come to sequence, for at
// most limit.
func AwaitSequence(ctx context.Context, bootstrap, topic, stream string, sequence int64, limit time.Duration) error {
	what := fmt.Sprintf("lab: topic %s: sequence %d of %s", topic, sequence, stream)
	reader, err := newReader(bootstrap, topic)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	defer reader.client.Close()
	return wait.Until(ctx, what, limit, func(ctx context.Context) (bool, string, error) {
		// A topic that does not exist yet is no error here.
		err := reader.readToEnd(ctx)
		last := int64(-1)
		if seen := reader.streams[stream]; len(seen) > 0 {
			last = slices.Max(slices.Collect(maps.Keys(seen)))
		}
		if err != nil {
			return false, err.Error(), context.Cause(ctx)
		}
		return last >= sequence, fmt.Sprintf("the last is %d", last), nil
	})
}

func count(ctx context.Context, bootstrap, topic string) (Tally, error) {
	reader, err := newReader(bootstrap, topic)
	if err != nil {
		return nil, err
	}
	defer reader.client.Close()
	if err := reader.readToEnd(ctx); err != nil {
		return nil, err
	}
	tally := Tally{}
	for name, seen := range reader.streams {
		tally[name] = streamOf(seen)
	}
	return tally, nil
}

// streamOf sums up how often each sequence was seen.
func streamOf(seen map[int64]int64) Stream {
	stream := Stream{First: -1, Last: -1}
	for _, sequence := range slices.Sorted(maps.Keys(seen)) {
		if stream.Records == 0 {
			stream.First = sequence
		} else {
			stream.Lost += sequence - stream.Last - 1
		}
		stream.Last = sequence
		stream.Records += seen[sequence]
		stream.Duplicated += seen[sequence] - 1
	}
	return stream
}

// reader reads a topic, each time from where it left off.
type reader struct {
	client  *kgo.Client
	topic   string
	next    map[int32]int64            // by partition: the offset it has read up to
	streams map[string]map[int64]int64 // by stream and sequence: how many records
}

func newReader(bootstrap, topic string) (*reader, error) {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(bootstrap),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		// The end of a topic may be the mark of a transaction: it has to be
		// seen to know that the end is reached.
		kgo.KeepControlRecords(),
		// The topic may be created while this waits for it.
		kgo.MetadataMinAge(50*time.Millisecond),
		kgo.RetryTimeout(10*time.Second),
		kgo.FetchMaxWait(100*time.Millisecond),
	)
	if err != nil {
		return nil, err
	}
	return &reader{client: client, topic: topic, next: map[int32]int64{}, streams: map[string]map[int64]int64{}}, nil
}

// readToEnd reads up to the end that the topic has at the beginning of the call.
func (r *reader) readToEnd(ctx context.Context) error {
	admin := kadm.NewClient(r.client)
	ends, err := admin.ListCommittedOffsets(ctx, r.topic)
	if err != nil {
		return err
	}
	err = ends.Error()
	if errors.Is(err, kerr.UnknownTopicOrPartition) || err == nil && len(ends[r.topic]) == 0 {
		return ErrNoTopic
	}
	if err != nil {
		return err
	}
	for partition := range ends[r.topic] {
		if _, known := r.next[partition]; !known {
			r.next[partition] = 0
			r.client.AddConsumePartitions(map[string]map[int32]kgo.Offset{
				r.topic: {partition: kgo.NewOffset().AtStart()},
			})
		}
	}
	for !r.reached(ends[r.topic]) {
		fetches := r.client.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if err := fetches.Err(); err != nil {
			return err
		}
		for record := range fetches.RecordsAll() {
			if err := r.take(record); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *reader) reached(ends map[int32]kadm.ListedOffset) bool {
	for partition, end := range ends {
		if r.next[partition] < end.Offset {
			return false
		}
	}
	return true
}

func (r *reader) take(record *kgo.Record) error {
	r.next[record.Partition] = record.Offset + 1
	if record.Attrs.IsControl() {
		return nil
	}
	stream, number := string(record.Key), string(record.Value)
	if record.Key == nil {
		stream, number, _ = strings.Cut(number, " ")
	}
	sequence, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return fmt.Errorf("record %d of partition %d is not numbered: key %q, value %q",
			record.Offset, record.Partition, record.Key, record.Value)
	}
	if r.streams[stream] == nil {
		r.streams[stream] = map[int64]int64{}
	}
	r.streams[stream][sequence]++
	return nil
}
