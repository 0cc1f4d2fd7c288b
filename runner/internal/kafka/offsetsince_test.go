package kafka

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestOffsetsSince reads only what was committed since an end, in order, and what a transaction wrote
// before that end and committed after it.
func TestOffsetsSince(t *testing.T) {
	client := open(t)
	topic := newTopic(t, client, 2, compacted())
	log := client.OffsetLog(topic)
	put(t, client, topic, 0, [2]string{`["x",{"a":1}]`, `{"n":1}`})
	producer, err := kgo.NewClient(append(client.options, kgo.TransactionalID(topic), kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(producer.Close)
	if err := producer.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := producer.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Partition: 1, Key: []byte(`["x",{"b":1}]`), Value: []byte(`{"n":5}`)}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	end, err := log.End(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := producer.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	put(t, client, topic, 0, [2]string{`["x",{"a":1}]`, `{"n":2}`}, [2]string{`["y",{"a":1}]`, `{"n":9}`}, [2]string{`["x",{"a":1}]`, ""})
	records, next, err := log.Since(t.Context(), "x", end)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, record := range records {
		got[record.Partition.String()] += record.Offset.String() + " "
	}
	if len(got) != 2 || got[`{"a":1}`] != `{"n":2} null ` || got[`{"b":1}`] != `{"n":5} ` {
		t.Errorf("%q", got)
	}
	if more, _, err := log.Since(t.Context(), "x", next); err != nil || len(more) != 0 {
		t.Errorf("%v, %v", more, err)
	}
	for why, from := range map[string]map[int32]int64{"made anew or emptied": {0: 1000, 1: 0}, "partition 1 holds": {0: 0}} {
		if _, _, err := log.Since(t.Context(), "x", from); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("from %v: %v", from, err)
		}
	}
	put(t, client, topic, 1, [2]string{`["x",{"a":1}]`, `{"n":3}`})
	if _, _, err := log.Since(t.Context(), "x", end); err == nil || !strings.Contains(err.Error(), "also in partition") {
		t.Errorf("a key in two partitions: %v", err)
	}
}
