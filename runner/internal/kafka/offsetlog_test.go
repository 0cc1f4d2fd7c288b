package kafka

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/connect-ferry/connect-ferry/runner/internal/internaltopic"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab/labtest"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

func TestOffsetLogReadsTheLastOfEachKey(t *testing.T) {
	client := open(t)
	topic := newTopic(t, client, 3, compacted())
	put(t, client, topic, 0,
		[2]string{`["x",{"a":1,"b":2}]`, `{"n":1}`},
		[2]string{`["x",{"a":1,"b":2}]`, `{"n":9007199254740993}`},
		[2]string{`["x",{"gone":1}]`, `{"n":1}`},
		[2]string{`["x",{"gone":1}]`, ""},
		[2]string{`["other",{"a":1}]`, `{"n":7}`},
		[2]string{`no key of Connect`, `x`})
	put(t, client, topic, 2,
		[2]string{`["x",{"b":2,"a":1}]`, `{"n":3.50}`}, // another order is another key
		[2]string{`["x",{"back":1}]`, ""},
		[2]string{`["x",{"back":1}]`, `{ "n" : 4 }`},
		// What was removed again is no obstacle, whatever it looked like.
		[2]string{`{"schema":null,"payload":["x",{}]}`, `{}`},
		[2]string{`{"schema":null,"payload":["x",{}]}`, ""})
	document, err := client.OffsetLog(topic).Read(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := text(document), `{"a":1,"b":2}={"n":9007199254740993} {"b":2,"a":1}={"n":3.50} {"back":1}={ "n" : 4 } `; got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	if none, err := client.OffsetLog(topic).Read(t.Context(), "nobody"); err != nil || none.Len() != 0 {
		t.Errorf("a connector without offsets: %s, %v", text(none), err)
	}
}

func TestOffsetLogRefusesWhatItCannotCarry(t *testing.T) {
	client := open(t)
	topic := newTopic(t, client, 2, compacted())
	for name, test := range map[string]struct {
		pairs [][2]string
		want  string
	}{
		"wrapped":   {[][2]string{{`{"schema":{"type":"list"},"payload":["wrapped",{}]}`, `{}`}}, "schemas.enable"},
		"spaced":    {[][2]string{{`["spaced", {}]`, `{}`}}, "not written the way Connect writes it"},
		"null":      {[][2]string{{`["null",null]`, `{}`}}, "is null where a JSON object was expected"},
		"number":    {[][2]string{{`["number",{}]`, `12`}}, "a JSON number where a JSON object was expected"},
		"recovered": {[][2]string{{`["recovered",{}]`, `12`}, {`["recovered",{}]`, `{}`}}, ""},
	} {
		put(t, client, topic, 1, test.pairs...)
		document, err := client.OffsetLog(topic).Read(t.Context(), name)
		if test.want == "" {
			if err != nil || document.Len() != 1 {
				t.Errorf("%s: %s, %v", name, text(document), err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), topic+`" partition 1`) {
			t.Errorf("%s: %v, want %q and where", name, err, test.want)
		}
		if err := client.OffsetLog(topic).Write(t.Context(), name, exact(t, `{}`, `{"n":1}`)); err == nil {
			t.Errorf("%s: was written over", name)
		}
	}
}

func TestOffsetLogOfAKeyInTwoPartitions(t *testing.T) {
	client := open(t)
	topic := newTopic(t, client, 4, compacted())
	log := client.OffsetLog(topic)
	put(t, client, topic, 1, [2]string{`["x",{"a":1}]`, `{"n":1}`})
	put(t, client, topic, 3, [2]string{`["x",{"a":1}]`, `{"n":1}`})
	if document, err := log.Read(t.Context(), "x"); err != nil || text(document) != `{"a":1}={"n":1} ` {
		t.Fatalf("that both say the same is read as %s, %v", text(document), err)
	}
	put(t, client, topic, 3, [2]string{`["x",{"a":1}]`, `{"n":2}`})
	_, err := log.Read(t.Context(), "x")
	if err == nil || !strings.Contains(err.Error(), `as {"n":1} in partition 1 and as {"n":2} in partition 3`) {
		t.Errorf("that they differ: %v", err)
	}
	// A write goes to both, so that it cannot be chance which one counts.
	if err := log.Write(t.Context(), "x", exact(t, `{"a":1}`, `{"n":5}`)); err != nil {
		t.Fatal(err)
	}
	if document, err := log.Read(t.Context(), "x"); err != nil || text(document) != `{"a":1}={"n":5} ` {
		t.Errorf("after the write: %s, %v", text(document), err)
	}
	if err := log.Write(t.Context(), "x", exact(t, `{"a":1}`, `null`)); err != nil {
		t.Fatal(err)
	}
	if document, err := log.Read(t.Context(), "x"); err != nil || document.Len() != 0 {
		t.Errorf("after the tombstones: %s, %v", text(document), err)
	}
}

func TestOffsetLogWritesOnlyToACompactedTopic(t *testing.T) {
	client := open(t)
	for name, policy := range map[string]string{"delete": "delete", "both": "compact,delete"} {
		t.Run(name, func(t *testing.T) {
			topic := newTopic(t, client, 1, map[string]string{"cleanup.policy": policy})
			err := client.OffsetLog(topic).Write(t.Context(), "x", exact(t, `{"a":1}`, `{"n":5}`))
			if want := `cleanup.policy "` + policy + `"`; err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %s", err, want)
			}
		})
	}
	for what, err := range map[string]error{
		"write": client.OffsetLog("no-such-topic").Write(t.Context(), "x", exact(t, `{"a":1}`, `{"n":5}`)),
		"read":  func() error { _, err := client.OffsetLog("no-such-topic").Read(t.Context(), "x"); return err }(),
	} {
		if err == nil || !strings.Contains(err.Error(), `topic "no-such-topic" does not exist`) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestOffsetLogReadsPastTransactions(t *testing.T) {
	client := open(t)
	topic := newTopic(t, client, 1, compacted())
	producer, err := kgo.NewClient(append(client.options, kgo.TransactionalID(topic), kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	read := func(when, want string) {
		t.Helper()
		document, err := client.OffsetLog(topic).Read(t.Context(), "x")
		if err != nil || text(document) != want {
			t.Errorf("%s: %s, %v", when, text(document), err)
		}
	}
	begin := func(value string) {
		t.Helper()
		if err := producer.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := producer.ProduceSync(t.Context(), record(topic, 0, `["x",{}]`, value)).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	end := func(commit kgo.TransactionEndTry) {
		t.Helper()
		if err := producer.EndTransaction(t.Context(), commit); err != nil {
			t.Fatal(err)
		}
	}
	begin(`{"n":1}`)
	end(kgo.TryAbort)
	read("only an aborted record and its mark", "")
	begin(`{"n":2}`)
	end(kgo.TryCommit)
	read("a mark at the end", `{}={"n":2} `)
	begin(`{"n":3}`)
	end(kgo.TryAbort)
	read("an aborted record at the end", `{}={"n":2} `)

	begin(`{"n":4}`)
	put(t, client, topic, 0, [2]string{`["x",{"behind":1}]`, `{"n":1}`})
	_, err = client.OffsetLog(topic).Read(t.Context(), "x")
	if err == nil || !strings.Contains(err.Error(), "partition 0 has had an open transaction") || !strings.Contains(err.Error(), `"`+topic+`"`) {
		t.Errorf("an open transaction: %v", err)
	}
	// One that ends while the read waits is waited for.
	read4 := make(chan error, 1)
	go func() {
		document, err := client.OffsetLog(topic).Read(context.WithoutCancel(t.Context()), "x")
		if got := text(document); err == nil && got != `{"behind":1}={"n":1} {}={"n":4} ` {
			t.Errorf("after the wait: %s", got)
		}
		read4 <- err
	}()
	end(kgo.TryCommit)
	if err := <-read4; err != nil {
		t.Error(err)
	}
}

// The whole of what Connect writes, read and written as Connect does it.
func TestOffsetLogOfARealConnector(t *testing.T) {
	client := open(t)
	cluster := labtest.Lab(t).Connect("current")
	log := client.OffsetLog(cluster.OffsetsTopic())
	name := `off"set ü 😀 [] '`
	config := lab.With(lab.NumberedSource(labtest.Name(t), 6, 200), map[string]string{"key.order": "linked"})
	if err := cluster.Run(t.Context(), name, config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cluster.Client().Delete(context.WithoutCancel(t.Context()), name) })
	err := wait.Until(t.Context(), "six offsets", time.Minute, func(ctx context.Context) (bool, string, error) {
		document, err := log.Read(ctx, name)
		return document.Len() == 6, text(document), err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := cluster.Client().Stop(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	err = wait.Until(t.Context(), "stopped", time.Minute, func(ctx context.Context) (bool, string, error) {
		status, err := cluster.Client().Status(ctx, name)
		return len(status.Tasks) == 0 && status.Connector.State == "STOPPED", string(status.Connector.State), err
	})
	if err != nil {
		t.Fatal(err)
	}
	document, err := log.Read(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	rest, err := cluster.Client().Offsets(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	throughREST, err := offset.Parse(rest)
	if err != nil {
		t.Fatal(err)
	}
	if len(throughREST.Unreadable()) != 6 {
		t.Errorf("REST reads %s", rest)
	}
	// Our keys go to the Kafka partitions where Connect's own producer put them.
	latest, err := log.latest(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	for at := range latest {
		home, err := client.defaultPartition(t.Context(), record(cluster.OffsetsTopic(), 0, string(internaltopic.OffsetKey(name, at.partition)), ""))
		if err != nil || home != at.kafkaPartition {
			t.Errorf("%s lies in partition %d, and would be put into %d: %v", at.partition, at.kafkaPartition, home, err)
		}
	}
	// A copy under another name is all there, and where Connect looks for it.
	renamed := name + " 2"
	if err := log.Write(t.Context(), renamed, document); err != nil {
		t.Fatal(err)
	}
	copied, err := log.Read(t.Context(), renamed)
	if err != nil || text(copied) != text(document) {
		t.Errorf("the copy is %s, %v", text(copied), err)
	}
}

// What brokers of 2.8 understand: among others, they know topics by name only.
func TestOffsetLogOverAnOldProtocol(t *testing.T) {
	current := open(t)
	topic := newTopic(t, current, 3, compacted())
	options := append(slices.Clone(current.options), kgo.MaxVersions(kversion.V2_8_0()))
	client, err := kgo.NewClient(options...)
	if err != nil {
		t.Fatal(err)
	}
	old := &Client{options: options, kgo: client, admin: kadm.NewClient(client), brokers: current.brokers}
	t.Cleanup(old.Close)
	log := old.OffsetLog(topic)
	if err := log.Write(t.Context(), "x", exact(t, `{"a":1}`, `{"n":1}`, `{"b":1}`, `{"n":2}`)); err != nil {
		t.Fatal(err)
	}
	if err := log.Write(t.Context(), "x", exact(t, `{"a":1}`, `null`, `{"b":1}`, `{"n":3}`)); err != nil {
		t.Fatal(err)
	}
	if document, err := log.Read(t.Context(), "x"); err != nil || text(document) != `{"b":1}={"n":3} ` {
		t.Errorf("%s, %v", text(document), err)
	}
	if id, err := old.ClusterID(t.Context()); err != nil || id == "" {
		t.Errorf("cluster id %q, %v", id, err)
	}
}
