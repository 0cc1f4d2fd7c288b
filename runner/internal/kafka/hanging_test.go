package kafka

import (
	"errors"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connect-ferry/connect-ferry/runner/internal/lab/labtest"
)

func TestHanging(t *testing.T) {
	broker, client := labtest.Lab(t).Kafka("kafka"), open(t)
	topic := newTopic(t, client, 2, nil)
	offsets := client.OffsetLog(topic)
	none := func(when string, log *OffsetLog) {
		t.Helper()
		if err := log.Hanging(t.Context()); err != nil {
			t.Errorf("%s: %v", when, err)
		}
	}
	none("no transaction", offsets)

	// One that is open, and lives.
	living, err := kgo.NewClient(kgo.SeedBrokers(broker.Bootstrap()), kgo.TransactionalID(topic+"-living"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer living.Close()
	if err := living.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := living.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: []byte("1")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if open, err := offsets.openTransactions(t.Context()); err != nil || len(open) != 1 {
		t.Fatalf("open: %v, %v", open, err)
	}
	none("one lives", offsets)
	// Whose owner may not be seen is not taken for nobody's.
	allow(t, client, kadm.NewACLs().Topics(topic), kadm.OpRead, kadm.OpDescribe)
	few := limited(t).OffsetLog(topic)
	becomes(t, "the user may read the topic", few.Hanging)

	if err := broker.Hang(t.Context(), topic, 1, topic+"-hanging"); err != nil {
		t.Fatal(err)
	}
	var hanging *HangingError
	if err := offsets.Hanging(t.Context()); !errors.As(err, &hanging) {
		t.Fatalf("found: %v", err)
	}
	if found := hanging.Transactions; len(found) != 1 || found[0].Topic != topic || found[0].Partition != 1 || found[0].StartOffset != 0 || found[0].LastRecord.IsZero() {
		t.Errorf("found: %+v", found)
	}
	for text, said := range map[string]string{
		hanging.Error():  `in partition 1 of topic "` + topic + `", open from offset 0 on since 2`,
		hanging.Advice(): "kafka-transactions.sh --bootstrap-server " + broker.Bootstrap() + " abort --topic " + topic + " --partition 1 --start-offset 0`",
	} {
		if !strings.Contains(text, said) {
			t.Errorf("%s\nlacks %s", text, said)
		}
	}
	none("this user sees no owner of it, and it is young", few)

	if err := living.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	if err := broker.Abort(t.Context(), topic, 1, 0); err != nil {
		t.Fatal(err)
	}
	none("ended", offsets)
}
