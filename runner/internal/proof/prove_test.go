package proof_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/internaltopic"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/offsetstore"
	"github.com/connect-ferry/connect-ferry/runner/internal/proof"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

const (
	orders = "orders"
	topic  = "numbers"
)

// bench is one Connect cluster with a connector on it.
type bench struct {
	*testing.T
	cluster *connecttest.Cluster
	prover  *proof.Prover
	subject proof.Subject
}

// TestProve brings a connector to rest in every way, and compares the proof with what
// really happened to its tasks.
func TestProve(t *testing.T) {
	source := connecttest.SourceConfig(topic, 2).With("rate", rawjson.String("5"))
	blocking := source.With("poll.block.ms", rawjson.String("30000")).With("batch.size", rawjson.String("2"))
	sink := connecttest.SinkConfig("in", topic)
	hard, timed := event.Hard, event.Timed
	for name, test := range map[string]struct {
		config  rawjson.Object
		workers int
		options func(*proof.Options)
		before  func(b *bench)               // once it runs
		during  func(b *bench, state string) // after each state-changing request
		noKafka bool
		kind    event.ProofKind // "" for not proven
		tasks   int             // with evidence
		says    string          // the error or the note
		check   func(b *bench, proven event.Proof, document offset.Document)
	}{
		"two tasks":           {config: source, kind: hard, tasks: 2},
		"two workers":         {config: source, workers: 2, kind: hard, tasks: 2},
		"rest only":           {config: source, noKafka: true, kind: timed},
		"only timed":          {config: source, options: func(o *proof.Options) { o.Mode = proof.OnlyTimed }, kind: timed},
		"a slow poll":         {config: blocking, kind: hard, tasks: 2},
		"a slow poll, timed":  {config: blocking, noKafka: true, kind: timed},
		"a poll that is long": {config: blocking.With("poll.block.ms", rawjson.String("300000")), says: "task 0 RUNNING, task 1 RUNNING"},
		"only hard, no Kafka": {config: source, noKafka: true, options: func(o *proof.Options) { o.Mode = proof.OnlyHard }, says: "a hard proof needs the Kafka of "},
		"a sink":              {config: sink, kind: hard, tasks: 1, check: groupSeen},
		"a sink, rest only":   {config: sink, noKafka: true, kind: timed, check: groupNotSeen},
		"found paused":        {config: source, before: (*bench).pause, kind: hard, tasks: 2},
		"found stopped":       {config: source, before: (*bench).stop, kind: hard, tasks: 2},
		"found paused, by a worker that has not seen the stop": {
			config: source, kind: hard, tasks: 2,
			before: func(b *bench) {
				b.pause()
				b.cluster.SetLag(0, 3*time.Second)
				b.must(b.cluster.Client().Stop(b.Context(), orders))
				b.pass(2 * time.Second)
			},
		},
		"found stopped, timed": {config: source, before: (*bench).stop, noKafka: true, kind: timed, says: "its tasks were not seen paused"},
		"found stopped, history forgotten": {
			config: source, kind: timed, says: "its tasks were not seen paused",
			before: func(b *bench) { b.stop(); b.cluster.ForgetStatus(orders) },
		},
		"found stopped, history forgotten, only hard": {
			config: source, options: func(o *proof.Options) { o.Mode = proof.OnlyHard }, says: "the status topic no longer holds a record of its tasks",
			before: func(b *bench) { b.stop(); b.cluster.ForgetStatus(orders) },
		},
		"found stopped in its poll":            {config: blocking, before: (*bench).stop, says: "may still commit; resume it and let ferry stop it"},
		"found stopped in its poll, only hard": {config: blocking, before: (*bench).stop, options: func(o *proof.Options) { o.Mode = proof.OnlyHard }, says: "did not end"},
		"found stopped in its poll, allowed": {
			config: blocking, before: (*bench).stop, options: func(o *proof.Options) { o.AllowDuplicates = true }, kind: event.NoProof, says: "may be sent again",
		},
		"found stopped in its poll, fenced": {
			config: blocking, before: func(b *bench) { b.stop(); b.fence(oldIDs{}) }, kind: hard, check: fenced,
		},
		// The ids of that name in its workers' Kafka are older than its move to another
		// Kafka.
		"found stopped in its poll, its ids in another Kafka": {
			config: blocking, says: "may still commit",
			before: func(b *bench) { b.stop(); b.fence(oldIDs{}); b.subject.OtherKafka = true },
		},
		"behind by what its kind of connector counts": {
			config: source, says: "2 partitions are gone or behind",
			before: func(b *bench) {
				b.subject.Regressed = func(earlier, _ offset.Document) []offset.Entry { return earlier.Entries() }
			},
		},
		"a long poll, allowed": {
			config:  blocking.With("poll.block.ms", rawjson.String("300000")),
			options: func(o *proof.Options) { o.AllowDuplicates = true }, kind: event.NoProof, says: "may be sent again",
		},
		"a failed task": {
			config: source, before: func(b *bench) { b.cluster.FailTask(orders, 1, "boom"); b.pass(time.Second) }, kind: hard, tasks: 2,
		},
		"a failed task that is restarted while it pauses": {
			config: source, kind: hard, tasks: 2,
			before: func(b *bench) { b.cluster.FailTask(orders, 1, "boom"); b.pass(time.Second) },
			during: func(b *bench, state string) {
				if state == "begun" {
					b.must(b.cluster.Client().Restart(b.Context(), orders))
					b.pass(time.Second)
				}
			},
			check: func(b *bench, proven event.Proof, _ offset.Document) {
				if strings.Contains(proven.Tasks[1].Evidence, "FAILED") {
					b.Errorf("the proof rests on a failure that was mended: %+v", proven.Tasks)
				}
			},
		},
		"a worker that dies after the pause, its task taken over": {
			config: source, workers: 2, kind: hard, tasks: 2,
			during: func(b *bench, state string) {
				if state == "paused" {
					b.cluster.KillWorker(1)
				}
			},
		},
		"somebody else stops it": {
			config: source, kind: hard, tasks: 2,
			during: func(b *bench, state string) {
				if state == "begun" {
					b.stop()
				}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, max(1, test.workers), test.config, test.noKafka)
				if test.options != nil {
					test.options(&b.prover.Options)
				}
				if test.before != nil {
					test.before(b)
				}
				at := func(state string) {
					if test.during != nil {
						test.during(b, state)
					}
				}
				document, proven, err := b.prove(at)
				if test.kind == "" {
					if err == nil || !strings.Contains(err.Error(), test.says) {
						t.Fatalf("proof %+v, error %v, want one that says %q", proven, err, test.says)
					}
					return
				}
				if err != nil || proven.Kind != test.kind || len(proven.Tasks) != test.tasks || !strings.Contains(proven.Note, test.says) || proven.At.IsZero() {
					t.Fatalf("proof %+v, error %v", proven, err)
				}
				if test.check != nil {
					test.check(b, proven, document)
				}
				if proven.Kind != event.NoProof {
					b.final(document)
				}
			})
		})
	}
}

// oldIDs is a Kafka that knows a transactional id of every connector.
type oldIDs struct{}

func (oldIDs) Fence(_ context.Context, connector string) ([]string, error) {
	return []string{"connect-" + connector + "-0"}, nil
}

func fenced(b *bench, proven event.Proof, _ offset.Document) {
	if len(proven.Fenced) == 0 {
		b.Error("the proof does not name what was fenced")
	}
}

func groupSeen(b *bench, proven event.Proof, _ offset.Document) {
	if proven.Group != "connect-"+orders {
		b.Errorf("group %q", proven.Group)
	}
}

// groupNotSeen: a proof does not name a group that nobody looked at.
func groupNotSeen(b *bench, proven event.Proof, _ offset.Document) {
	if proven.Group != "" {
		b.Errorf("group %q", proven.Group)
	}
}

func newBench(t *testing.T, workers int, config rawjson.Object, noKafka bool) *bench {
	t.Helper()
	fake := connecttest.New(connecttest.WithWorkers(workers), connecttest.WithLateStatus())
	t.Cleanup(fake.Close)
	fake.Kafka().Produce("in", 1, 1_000_000)
	b := &bench{T: t, cluster: fake, subject: proof.Subject{Connector: orders}}
	of := &cluster.Cluster{Name: fake.Name(), Client: fake.Client()}
	b.prover = &proof.Prover{Cluster: of, Options: proof.DefaultOptions(), Events: event.Discard{}}
	if !noKafka {
		of.Kafka.Status, of.Kafka.Groups = cluster.Known[cluster.StatusTopic](fake.StatusLog()), cluster.Known[cluster.Groups](fake.Kafka())
	}
	if config.Text("destination") != "" {
		b.subject.Group = "connect-" + orders
	}
	b.must(fake.Client().Create(t.Context(), orders, config, connect.Running))
	b.pass(70 * time.Second)
	snapshot, err := offsetstore.ReadREST(t.Context(), fake.Client(), orders)
	b.must(err)
	b.subject.Snapshot = snapshot
	return b
}

func (b *bench) fence(by cluster.Fencer) { b.prover.Cluster.Kafka.Fencer = cluster.Known(by) }

// prove takes all steps and calls back after each.
func (b *bench) prove(at func(state string)) (offset.Document, event.Proof, error) {
	attempt, err := b.prover.Begin(b.Context(), b.subject)
	if err != nil {
		return offset.Document{}, event.Proof{}, err
	}
	defer attempt.Close()
	at("begun")
	b.cluster.Intercept(nil)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = wait.Until(b.Context(), "paused", time.Hour, func(ctx context.Context) (bool, string, error) {
			status, err := b.cluster.Client().Status(ctx, orders)
			return err == nil && status.AllTasks(connect.Paused) || status.Connector.State == connect.Stopped, "", nil
		})
		at("paused")
	}()
	if err := attempt.Quiesce(b.Context()); err != nil {
		return offset.Document{}, event.Proof{}, err
	}
	<-done
	return attempt.Prove(b.Context())
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *bench) pass(d time.Duration) { b.must(wait.For(b.Context(), d)) }

func (b *bench) pause() {
	b.must(b.cluster.Client().Pause(b.Context(), orders))
	b.pass(5 * time.Second)
}

func (b *bench) stop() {
	b.must(b.cluster.Client().Stop(b.Context(), orders))
	b.pass(10 * time.Second)
}

// final makes sure that the proven offsets really are final.
func (b *bench) final(document offset.Document) {
	b.Helper()
	b.pass(10 * time.Minute)
	later, err := offsetstore.ReadREST(b.Context(), b.cluster.Client(), orders)
	if err != nil || !offset.Equal(document, later) {
		b.Errorf("offsets changed after the proof: %s, %v", offset.Compare(document, later), err)
	}
}

// TestPartitionThatIsNewToTheWorker reads offsets whose first read lacks one.
func TestPartitionThatIsNewToTheWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 1, connecttest.SourceConfig(topic, 3), false)
		b.must(b.cluster.Client().Delete(t.Context(), orders))
		b.pass(time.Second)
		b.must(b.cluster.Client().Create(t.Context(), orders, connecttest.SourceConfig("other", 3), connect.Running))
		b.pass(500 * time.Millisecond)
		document, _, err := b.prove(func(string) {})
		if err != nil || document.Len() != 6 {
			t.Errorf("%d entries, %v", document.Len(), err)
		}
	})
}

// TestOffsetsThatGoBack refuses offsets behind those seen before.
func TestOffsetsThatGoBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 1, connecttest.SourceConfig(topic, 1), false)
		b.stop()
		b.cluster.PutOffset(orders, connecttest.SourcePartition(topic, 0), connecttest.SourceOffset(1))
		_, _, err := b.prove(func(string) {})
		if _, ok := errors.AsType[*proof.NotProvenError](err); !ok || !strings.Contains(err.Error(), "behind") {
			t.Errorf("got %v", err)
		}
	})
}

// TestLateCommitIsSeen lets a cancelled task commit between the reads.
func TestLateCommitIsSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 1, connecttest.SourceConfig(topic, 1), true)
		b.stop()
		go func() {
			b.pass(5 * time.Second)
			b.cluster.PutOffset(orders, connecttest.SourcePartition(topic, 0), connecttest.SourceOffset(1_000_000))
		}()
		document, proven, err := b.prove(func(string) {})
		if err != nil || proven.Kind != event.Timed || !strings.Contains(document.JSON().String(), "1000000") {
			t.Errorf("%s, %+v, %v", document.JSON(), proven, err)
		}
	})
}

// stuckLog is a status topic that is never read to its end.
type stuckLog struct{ *connecttest.StatusLog }

func (stuckLog) History(ctx context.Context, _ string) ([]internaltopic.Status, error) {
	<-ctx.Done()
	return nil, context.Cause(ctx)
}

func TestStatusTopicThatDoesNotEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 1, connecttest.SourceConfig(topic, 1), false)
		b.stop()
		b.prover.Cluster.Kafka.Status = cluster.Known[cluster.StatusTopic](stuckLog{b.cluster.StatusLog()})
		_, proven, err := b.prove(func(string) {})
		if err != nil || proven.Kind != event.Timed {
			t.Errorf("%+v, %v", proven, err)
		}
	})
}
