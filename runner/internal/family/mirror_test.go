package family

import (
	"testing"

	"github.com/connect-ferry/connect-ferry/runner/internal/kafka"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

func TestMirrorOf(t *testing.T) {
	for settings, want := range map[string][2]string{
		"source.cluster.alias=a target.cluster.alias=b":                                                                                          {"mm2-offset-syncs.b.internal", "a.orders"},
		"source.cluster.alias=a target.cluster.alias=b offset-syncs.topic.location=target":                                                       {"mm2-offset-syncs.a.internal", "a.orders"},
		"source.cluster.alias=a target.cluster.alias=b replication.policy.separator=_":                                                           {"mm2-offset-syncs_b_internal", "a_orders"},
		"source.cluster.alias=a target.cluster.alias=b replication.policy.class=" + identityPolicy:                                               {"mm2-offset-syncs.b.internal", "orders"},
		"source.cluster.alias=a target.cluster.alias=b replication.policy.separator=_ replication.policy.internal.topic.separator.enabled=false": {"mm2-offset-syncs.b.internal", "a_orders"},
	} {
		mirror, err := MirrorOf(with(rawjson.Object{}, settings))
		if err != nil || mirror.SyncsTopic != want[0] || mirror.TargetTopic("orders") != want[1] {
			t.Errorf("%s: %s, %s, %v; want %v", settings, mirror.SyncsTopic, mirror.TargetTopic("orders"), err, want)
		}
	}
	for _, settings := range []string{"transforms=a", "replication.policy.class=a.B", "emit.offset-syncs.enabled=false", "producer.override.bootstrap.servers=k:1"} {
		if _, err := MirrorOf(with(rawjson.Object{}, settings)); err == nil {
			t.Errorf("%s: not refused", settings)
		}
	}
}

func TestCommitted(t *testing.T) {
	mirror, err := MirrorOf(with(rawjson.Object{}, "source.cluster.alias=a"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := mirror.Committed(document(t, `[{"partition":{"cluster":"a","topic":"t","partition":3},"offset":{"offset":41}},
		{"partition":{"cluster":"former","topic":"t","partition":3},"offset":{"offset":7}}]`))
	if err != nil || len(got) != 1 || got[0] != (Replicated{Topic: "t", Partition: 3, Upstream: 41}) {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := mirror.Committed(document(t, `[{"partition":{"server":"a"},"offset":{"lsn":41}}]`)); err == nil {
		t.Error("another connector's offsets are read as a mirror's")
	}
}

func TestSince(t *testing.T) {
	at := Replicated{Topic: "t", Upstream: 180}
	for name, c := range map[string]struct {
		syncs            []kafka.OffsetSync
		downstream, less int64
		known            bool
	}{
		"nothing noted":          {},
		"of another partition":   {syncs: []kafka.OffsetSync{{Topic: "t", Partition: 1}}},
		"the last one before":    {syncs: []kafka.OffsetSync{{Topic: "t", Upstream: 100, Downstream: 90}, {Topic: "t", Upstream: 150, Downstream: 135}}, downstream: 135, less: 31, known: true},
		"itself":                 {syncs: []kafka.OffsetSync{{Topic: "t", Upstream: 180, Downstream: 9}}, downstream: 9, less: 1, known: true},
		"one after":              {syncs: []kafka.OffsetSync{{Topic: "t", Upstream: 100, Downstream: 90}, {Topic: "t", Upstream: 190, Downstream: 175}}, downstream: 90, less: 81, known: true},
		"sent again by a second": {syncs: []kafka.OffsetSync{{Topic: "t", Upstream: 100, Downstream: 90}, {Topic: "t", Upstream: 181, Downstream: 300}}, downstream: 300, less: 0, known: true},
		"only later":             {syncs: []kafka.OffsetSync{{Topic: "t", Upstream: 200, Downstream: 200}}},
	} {
		downstream, less, known := at.Since(c.syncs)
		if downstream != c.downstream || less != c.less || known != c.known {
			t.Errorf("%s: from %d, %d less, %v", name, downstream, less, known)
		}
	}
}
