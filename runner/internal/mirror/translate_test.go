package mirror

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest"
	"github.com/connect-ferry/connect-ferry/runner/internal/kafka"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

var one = Partition{"orders", 0}

func noted(upstream, downstream int64) kafka.OffsetSync {
	return kafka.OffsetSync{Topic: one.topic, Partition: one.number, Upstream: upstream, Downstream: downstream}
}

// TestPositionOnTheTarget is about one partition at a time, factory.orders-0.
func TestPositionOnTheTarget(t *testing.T) {
	there := Partition{"factory.orders", 0}
	checkpoint := func(upstream, downstream int64) map[Partition]kafka.Checkpoint {
		return map[Partition]kafka.Checkpoint{there: {Upstream: upstream, Downstream: downstream}}
	}
	holds := func(start, end int64) map[Partition]kafka.Bounds {
		return map[Partition]kafka.Bounds{there: {Start: start, End: end}}
	}
	proven := func(upstream, downstream int64) map[Partition]kafka.OffsetSync {
		return map[Partition]kafka.OffsetSync{one: noted(upstream, downstream)}
	}
	for name, test := range map[string]struct {
		look      forwardLook
		committed int64
		at, again int64
		problem   string
	}{
		"a sync before":                    {look: forwardLook{compared: compared{proven: proven(90, 190)}}, committed: 100, at: 191, again: 9},
		"a sync right before":              {look: forwardLook{compared: compared{proven: proven(99, 199)}}, committed: 100, at: 200},
		"a sync of the very record":        {look: forwardLook{compared: compared{proven: proven(100, 200)}}, committed: 100, at: 200},
		"a sync, and an old checkpoint":    {look: forwardLook{compared: compared{proven: proven(90, 190)}, checkpoints: checkpoint(50, 60), target: holds(0, 300)}, committed: 100, at: 191, again: 9},
		"a sync, and a group set back":     {look: forwardLook{compared: compared{proven: proven(90, 190)}, checkpoints: checkpoint(500, 600), target: holds(0, 700)}, committed: 100, at: 191, again: 9},
		"a sync of another record":         {look: forwardLook{compared: compared{denied: proven(90, 190)}, checkpoints: checkpoint(50, 60), target: holds(0, 300)}, committed: 100, problem: "its record 90 is record 190 of factory.orders-0, but these are two"},
		"a checkpoint":                     {look: forwardLook{checkpoints: checkpoint(100, 151), target: holds(0, 300)}, committed: 100, at: 151, again: notCounted},
		"an older checkpoint":              {look: forwardLook{checkpoints: checkpoint(80, 151), target: holds(151, 151)}, committed: 100, at: 151, again: notCounted},
		"a checkpoint of a group set back": {look: forwardLook{checkpoints: checkpoint(101, 151), target: holds(0, 300)}, committed: 100, problem: "its checkpoint is of offset 101, and the group was set back to 100"},
		"a checkpoint ahead":               {look: forwardLook{checkpoints: checkpoint(100, 180), target: holds(0, 300), sets: []syncsOf{{one: {noted(90, 150), noted(120, 200)}}}}, committed: 100, at: 151, again: notCounted},
		"a checkpoint at its sync":         {look: forwardLook{checkpoints: checkpoint(90, 180), target: holds(0, 300), sets: []syncsOf{{one: {noted(90, 150)}}}}, committed: 100, at: 150, again: notCounted},
		"removed on the target":            {look: forwardLook{checkpoints: checkpoint(100, 151), target: holds(152, 300)}, committed: 100, problem: "it would go on at record 151 of factory.orders-0, which has 152 to 300"},
		"not yet on the target":            {look: forwardLook{checkpoints: checkpoint(100, 151), target: holds(0, 150)}, committed: 100, problem: "which has 0 to 150"},
		"no checkpoint":                    {look: forwardLook{target: holds(0, 300)}, committed: 100, problem: "MirrorMaker has no checkpoint for it"},
		"nothing consumed yet":             {look: forwardLook{target: holds(0, 300)}, committed: 0, at: 0},
		"nothing consumed, some removed":   {look: forwardLook{target: holds(1, 300)}, committed: 0, problem: "MirrorMaker has no checkpoint for it"},
		"never a record there":             {look: forwardLook{target: holds(0, 0), source: map[Partition]kafka.Bounds{one: {Start: 60, End: 100}}}, committed: 100, at: 0, again: 40},
		"never one, and nothing left":      {look: forwardLook{target: holds(0, 0), source: map[Partition]kafka.Bounds{one: {Start: 100, End: 100}}}, committed: 100, at: 0},
		"never one, source not known":      {look: forwardLook{target: holds(0, 0)}, committed: 100, at: 0, again: notCounted},
		"no such topic":                    {look: forwardLook{checkpoints: checkpoint(100, 151)}, committed: 100, problem: "there is no factory.orders-0"},
	} {
		test.look.Path, test.look.committed = &Path{prefix: "factory."}, Positions{one: test.committed}
		at, again, problem := test.look.position(one)
		if at != test.at || again != test.again || (problem == "") != (test.problem == "") || !strings.Contains(problem, test.problem) {
			t.Errorf("%s: %d, %d again, %q; want %d, %d, %q", name, at, again, problem, test.at, test.again, test.problem)
		}
	}
}

// TestPositionOnTheOrigin is about one partition that goes back.
func TestPositionOnTheOrigin(t *testing.T) {
	bounds := func(start, end int64) map[Partition]kafka.Bounds {
		return map[Partition]kafka.Bounds{one: {Start: start, End: end}}
	}
	proven := map[Partition]kafka.OffsetSync{one: noted(90, 190)}
	for name, test := range map[string]struct {
		look      backLook
		at, again int64
		known     bool
	}{
		"a sync before":             {backLook{ours: Positions{one: 50}, there: Positions{one: 200}, compared: compared{proven: proven}, bounds: bounds(0, 300)}, 91, 9, true},
		"a sync of the very record": {backLook{ours: Positions{one: 50}, there: Positions{one: 190}, compared: compared{proven: proven}, bounds: bounds(0, 300)}, 90, 0, true},
		"a sync before the move":    {backLook{ours: Positions{one: 95}, there: Positions{one: 193}, compared: compared{proven: proven}, bounds: bounds(0, 300)}, 95, 2, true},
		"hardly any is left":        {backLook{ours: Positions{one: 50}, there: Positions{one: 200}, compared: compared{proven: proven}, bounds: bounds(0, 93)}, 91, 2, true},
		"no sync":                   {backLook{ours: Positions{one: 50}, there: Positions{one: 200}, bounds: bounds(0, 300)}, 50, 250, true},
		"only the target knows it":  {backLook{there: Positions{one: 200}, bounds: bounds(7, 300)}, 7, 293, true},
		"new on the target, a sync": {backLook{there: Positions{one: 200}, compared: compared{proven: proven}, bounds: bounds(7, 300)}, 91, 9, true},
		"nothing known of Kafka":    {backLook{ours: Positions{one: 50}, there: Positions{one: 200}}, 50, notCounted, true},
	} {
		at, again, known := test.look.position(one)
		if at != test.at || again != test.again || known != test.known {
			t.Errorf("%s: %d, %d again, %v; want %d, %d, %v", name, at, again, known, test.at, test.again, test.known)
		}
	}
}

func TestStandingSyncs(t *testing.T) {
	for name, test := range map[string]struct{ records, want []kafka.OffsetSync }{
		"in order":           {[]kafka.OffsetSync{noted(1, 11), noted(5, 15)}, []kafka.OffsetSync{noted(1, 11), noted(5, 15)}},
		"said twice":         {[]kafka.OffsetSync{noted(1, 11), noted(1, 11)}, []kafka.OffsetSync{noted(1, 11)}},
		"copied again":       {[]kafka.OffsetSync{noted(5, 15), noted(1, 20)}, []kafka.OffsetSync{noted(5, 15), noted(1, 20)}},
		"target made anew":   {[]kafka.OffsetSync{noted(5, 15), noted(6, 0)}, []kafka.OffsetSync{noted(6, 0)}},
		"two for one record": {[]kafka.OffsetSync{noted(5, 15), noted(6, 15)}, []kafka.OffsetSync{noted(6, 15)}},
	} {
		if got := validSyncs(test.records)[one]; !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

func TestPrefixOfTopics(t *testing.T) {
	factory := kafka.MirrorTopic{Alias: "factory", Separator: "."}
	for name, test := range map[string]struct {
		there, sources string
		want           string
		fits           bool
	}{
		"by default":         {"factory.orders", "orders", "factory.", true},
		"kept":               {"orders", "orders", "", true},
		"another separator":  {"factory_orders", "orders", "factory_", true},
		"a topic with a dot": {"factory.my.orders", "orders my.orders", "factory.", true},
		"another topic":      {"factory.bills", "orders", "", false},
		"another alias":      {"fabrik.orders", "orders", "", false},
		"alias only":         {"factoryorders", "orders", "", false},
	} {
		got, fits := prefixOf(factory, []kafka.Checkpoint{{Topic: test.there}}, strings.Fields(test.sources))
		if got != test.want || fits != test.fits {
			t.Errorf("%s: %q, %v; want %q, %v", name, got, fits, test.want, test.fits)
		}
	}
}

func TestPositionsOfDocuments(t *testing.T) {
	all := Positions{{"b", 1}: 9007199254740993, {"a", 0}: 0}
	document, err := all.document()
	if err != nil {
		t.Fatal(err)
	}
	again, err := PositionsOf(document)
	if err != nil || fmt.Sprint(again) != fmt.Sprint(all) {
		t.Errorf("%v became %v: %v", all, again, err)
	}
	for _, text := range []string{
		`{"offsets":[{"partition":{"kafka_topic":"a","kafka_partition":0},"offset":null}]}`,
		`{"offsets":[{"partition":{"kafka_topic":"a","kafka_partition":-1},"offset":{"kafka_offset":1}}]}`,
		`{"offsets":[{"partition":{"kafka_topic":"a","kafka_partition":0},"offset":{"kafka_offset":1.5}}]}`,
		`{"offsets":[{"partition":{"stream":"a"},"offset":{"sequence":1}}]}`,
	} {
		value, err := rawjson.Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		document, err := offset.Parse(value)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := PositionsOf(document); err == nil {
			t.Errorf("%s: read as %v", text, got)
		}
	}
}

// TestWayBack decides by what both sides hold whether offsets were translated.
func TestWayBack(t *testing.T) {
	document := func(topic string) offset.Document {
		document, err := Positions{{topic, 0}: 5}.document()
		if err != nil {
			t.Fatal(err)
		}
		return document
	}
	search := Search{
		Origin: &cluster.Cluster{Name: "global"}, Target: &cluster.Cluster{Name: "europe", Kafka: cluster.Kafka{Mirrors: cluster.Known(cluster.Mirrors{Log: connecttest.NewKafka()})}},
		Group: "connect-orders", Committed: document("orders"),
	}
	if path, err := FindBack(t.Context(), search, document("orders")); err != nil || path != nil {
		t.Errorf("the same topics and no checkpoints: %v, %v", path, err)
	}
	path, err := FindBack(t.Context(), search, document("factory.orders"))
	if err != nil || path == nil {
		t.Fatalf("other topics and no checkpoints: %v, %v", path, err)
	}
	// Nothing is known of how they were translated, so the origin keeps its own.
	back, err := path.Back(t.Context(), document("orders"), document("factory.orders"))
	if err != nil || !offset.Equal(back.Document, document("orders")) || len(back.uncounted) != 1 {
		t.Errorf("back: %+v, %v", back, err)
	}
}
