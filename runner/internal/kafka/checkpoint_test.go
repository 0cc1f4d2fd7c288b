package kafka

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// checkpointRecord writes what MirrorCheckpointTask writes.
func checkpointRecord(checkpoint Checkpoint, metadata string) (key, value []byte) {
	text := func(to []byte, text string) []byte {
		return append(binary.BigEndian.AppendUint16(to, uint16(len(text))), text...)
	}
	key = binary.BigEndian.AppendUint32(text(text(nil, checkpoint.Group), checkpoint.Topic), uint32(checkpoint.Partition))
	value = binary.BigEndian.AppendUint64([]byte{0, 0}, uint64(checkpoint.Upstream))
	value = text(binary.BigEndian.AppendUint64(value, uint64(checkpoint.Downstream)), metadata)
	return key, value
}

func TestParseCheckpoint(t *testing.T) {
	want := Checkpoint{Group: "connect-orders", Topic: "factory.orders", Partition: 7, Upstream: 9007199254740993, Downstream: 513}
	key, value := checkpointRecord(want, "é")
	got, err := parseCheckpointKey(key)
	if err == nil {
		err = got.parseValue(value)
	}
	if err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	for name, broken := range map[string][]byte{
		"empty": nil, "short": key[:len(key)-1], "more": append(bytes.Clone(key), 0), "null group": append([]byte{0xff, 0xff}, key[16:]...),
		"negative partition": append(bytes.Clone(key[:len(key)-4]), 0xff, 0xff, 0xff, 0xff),
	} {
		if got, err := parseCheckpointKey(broken); err == nil {
			t.Errorf("key, %s: read as %+v", name, got)
		}
	}
	for name, broken := range map[string][]byte{
		"empty": nil, "short": value[:len(value)-1], "more": append(bytes.Clone(value), 0), "version": append([]byte{0, 1}, value[2:]...),
		"negative offset": append([]byte{0, 0, 0xff}, value[3:]...),
	} {
		var got Checkpoint
		if err := got.parseValue(broken); err == nil {
			t.Errorf("value, %s: read as %+v", name, got)
		}
	}
}

// FuzzParseCheckpoint holds what is read to be what was written, byte for byte.
func FuzzParseCheckpoint(f *testing.F) {
	key, value := checkpointRecord(Checkpoint{Group: "connect-orders", Topic: "factory.orders", Partition: 7, Upstream: 256, Downstream: 513}, "note")
	f.Add(key, value)
	f.Add([]byte{}, []byte{0, 1})
	f.Add([]byte{0xff, 0xff}, value)
	f.Fuzz(func(t *testing.T, key, value []byte) {
		checkpoint, err := parseCheckpointKey(key)
		if err != nil {
			return
		}
		if err := checkpoint.parseValue(value); err != nil {
			return
		}
		metadata := string(value[20:])
		if again, body := checkpointRecord(checkpoint, metadata); !bytes.Equal(again, key) || !bytes.Equal(body, value) {
			t.Errorf("%x %x was read as %+v, which is written as %x %x", key, value, checkpoint, again, body)
		}
	})
}

func TestMirrorTopicNames(t *testing.T) {
	for name, want := range map[string]MirrorTopic{
		"factory.checkpoints.internal":                {Alias: "factory", Separator: "."},
		"factory_checkpoints_internal":                {Alias: "factory", Separator: "_"},
		"eu.factory--checkpoints--internal":           {Alias: "eu.factory", Separator: "--"},
		"checkpoints.checkpoints.internal":            {Alias: "checkpoints", Separator: "."},
		".checkpoints.internal":                       {},
		"factory.checkpoints_internal":                {},
		"factory.checkpoints.internal.old":            {},
		"checkpointsinternal":                         {},
		"mm2-offset-syncs.factory.internal.something": {},
	} {
		got, ok := checkpointsTopic(name)
		if want.Name = name; want.Alias == "" {
			want = MirrorTopic{}
		}
		if got != want || ok != (want.Alias != "") {
			t.Errorf("%s: %+v, %v; want %+v", name, got, ok, want)
		}
	}
	for name, want := range map[string]MirrorTopic{
		"mm2-offset-syncs.factory.internal":   {Alias: "factory", Separator: "."},
		"mm2-offset-syncs_eu_west_internal":   {Alias: "eu_west", Separator: "_"},
		"mm2-offset-syncs--factory--internal": {Alias: "factory", Separator: "--"},
		"mm2-offset-syncs..internal":          {},
		"mm2-offset-syncs.internal":           {},
		"offset-syncs.factory.internal":       {},
	} {
		got, ok := offsetSyncsTopic(name)
		if want.Name = name; want.Alias == "" {
			want = MirrorTopic{}
		}
		if got != want || ok != (want.Alias != "") {
			t.Errorf("%s: %+v, %v; want %+v", name, got, ok, want)
		}
	}
}

func TestCheckpoints(t *testing.T) {
	client := open(t)
	topic := newTopic(t, client, 1, compacted())
	write := func(checkpoint Checkpoint, tombstone bool) {
		t.Helper()
		key, value := checkpointRecord(checkpoint, "")
		if tombstone {
			value = nil
		}
		if err := client.write(t.Context(), []*kgo.Record{{Topic: topic, Key: key, Value: value}}); err != nil {
			t.Fatal(err)
		}
	}
	ours, gone, again := Checkpoint{"g", "a.t", 0, 5, 6}, Checkpoint{"g", "a.t", 1, 1, 1}, Checkpoint{"g", "a.t", 2, 1, 1}
	for _, checkpoint := range []Checkpoint{{"g", "a.t", 0, 1, 2}, gone, again, {"other", "a.t", 0, 9, 9}, ours} {
		write(checkpoint, false)
	}
	write(gone, true)
	write(again, true)
	again.Upstream = 3
	write(again, false)
	got, err := client.Checkpoints(t.Context(), topic, "g")
	if err != nil || len(got) != 2 || got[0] != ours || got[1] != again {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := client.Checkpoints(t.Context(), topic, "nobody"); err != nil || len(got) != 0 {
		t.Errorf("of a group without: %+v, %v", got, err)
	}
	put(t, client, topic, 0, [2]string{"junk", "junk"})
	if got, err := client.Checkpoints(t.Context(), topic, "g"); err == nil {
		t.Errorf("a topic with something else in it: %+v", got)
	}
}

func TestRecordsAt(t *testing.T) {
	client := open(t)
	topic := newTopic(t, client, 3, nil)
	stamped := func(partition int32, value []byte) {
		t.Helper()
		sent := record(topic, partition, "k", "")
		sent.Value, sent.Headers, sent.Timestamp = value, []kgo.RecordHeader{{Key: "h", Value: []byte("v")}}, time.UnixMilli(7)
		if err := client.write(t.Context(), []*kgo.Record{sent}); err != nil {
			t.Fatal(err)
		}
	}
	put(t, client, topic, 0, [2]string{"k", "first"})
	stamped(0, []byte("second"))
	stamped(0, nil)
	stamped(1, []byte("second"))
	stamped(1, []byte{})
	if bounds, err := client.Bounds(t.Context(), topic); err != nil || len(bounds) != 3 || bounds[0] != (Bounds{0, 3}) || bounds[2] != (Bounds{}) {
		t.Errorf("bounds: %+v, %v", bounds, err)
	}
	if bounds, err := client.Bounds(t.Context(), "no-such-topic"); err != nil || len(bounds) != 0 {
		t.Errorf("bounds of no topic: %+v, %v", bounds, err)
	}
	at := func(partition int32, offset int64) (Fingerprint, bool) {
		t.Helper()
		found, err := client.RecordsAt(t.Context(), topic, map[int32]int64{partition: offset, 7: 0})
		if err != nil {
			t.Fatal(err)
		}
		print, ok := found[partition]
		return print, ok
	}
	second, _ := at(0, 1)
	copied, _ := at(1, 0)
	first, _ := at(0, 0)
	deleted, _ := at(0, 2)
	empty, _ := at(1, 1)
	if !second.CopiedAs(copied) || first.CopiedAs(second) || deleted.CopiedAs(empty) {
		t.Errorf("first %+v, second %+v, its copy %+v, no value %+v, empty value %+v", first, second, copied, deleted, empty)
	}
	copied.Timestamp++
	if second.CopiedAs(copied) {
		t.Error("another timestamp is no copy")
	}
	if copied.Appended = true; !second.CopiedAs(copied) {
		t.Error("a timestamp of the broker's own says nothing")
	}
	for partition, offset := range map[int32]int64{0: 3, 2: 0} {
		if _, found := at(partition, offset); found {
			t.Errorf("partition %d: a record that is yet to come", partition)
		}
	}
}

// TestRecordsWithin reads parts of partitions: bounds beyond what is there are cut, and each
// record is the one that [Client.RecordsAt] finds.
func TestRecordsWithin(t *testing.T) {
	client := open(t)
	topic := newTopic(t, client, 3, nil)
	put(t, client, topic, 0, [2]string{"k", "first"}, [2]string{"k", "second"}, [2]string{"k", "third"})
	put(t, client, topic, 1, [2]string{"k", "other"})
	found, err := client.RecordsWithin(t.Context(), topic, map[int32]Bounds{0: {1, 9}, 1: {0, 1}, 2: {0, 5}, 7: {0, 1}})
	if err != nil || len(found) != 2 || len(found[0]) != 2 || len(found[1]) != 1 {
		t.Fatalf("%+v, %v", found, err)
	}
	for partition, records := range found {
		for _, record := range records {
			alone, err := client.RecordsAt(t.Context(), topic, map[int32]int64{partition: record.Offset})
			if err != nil || alone[partition] != record.Fingerprint {
				t.Errorf("partition %d, offset %d: %+v, alone %+v, %v", partition, record.Offset, record.Fingerprint, alone[partition], err)
			}
		}
	}
	if found[0][0].Offset != 1 || found[0][1].Offset != 2 || found[1][0].Offset != 0 {
		t.Errorf("offsets %+v", found)
	}
}
