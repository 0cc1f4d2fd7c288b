package kafka

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connect-ferry/connect-ferry/runner/internal/lab/labtest"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

func sinkOffsets(t *testing.T, texts ...string) offset.Document {
	t.Helper()
	document, err := offset.New(exact(t, texts...).Entries()...)
	if err != nil {
		t.Fatal(err)
	}
	return document
}

func TestGroupOffsets(t *testing.T) {
	client := open(t)
	topic := newTopic(t, client, 3, nil)
	group := labtest.Name(t)
	if none, err := client.GroupOffsets(t.Context(), group); err != nil || none.Len() != 0 {
		t.Errorf("a group that does not exist: %s, %v", none.JSON(), err)
	}
	partition := func(number string) string { return `{"kafka_topic":"` + topic + `","kafka_partition":` + number + `}` }
	first := sinkOffsets(t, partition("0"), `{"kafka_offset":9007199254740993}`, partition("2"), `{"kafka_offset":0}`)
	if err := client.CommitGroupOffsets(t.Context(), group, first); err != nil {
		t.Fatal(err)
	}
	read, err := client.GroupOffsets(t.Context(), group)
	if err != nil || !offset.Equal(read, first) {
		t.Errorf("committed %s, read %s, %v", first.JSON(), read.JSON(), err)
	}
	patch := sinkOffsets(t, partition("0"), `null`, partition("1"), `{"kafka_offset":7}`)
	if err := client.CommitGroupOffsets(t.Context(), group, patch); err != nil {
		t.Fatal(err)
	}
	want := sinkOffsets(t, partition("1"), `{"kafka_offset":7}`, partition("2"), `{"kafka_offset":0}`)
	if read, err := client.GroupOffsets(t.Context(), group); err != nil || !offset.Equal(read, want) {
		t.Errorf("after the patch: %s, %v", read.JSON(), err)
	}
	if err := client.CommitGroupOffsets(t.Context(), "nobody", sinkOffsets(t, partition("0"), `null`)); err != nil {
		t.Errorf("deleting what is not there: %v", err)
	}
	err = client.CommitGroupOffsets(t.Context(), group, sinkOffsets(t, `{"kafka_topic":"no-such-topic","kafka_partition":0}`, `{"kafka_offset":7}`))
	if err == nil || !strings.Contains(err.Error(), "no-such-topic partition 0: UNKNOWN_TOPIC_OR_PARTITION") {
		t.Errorf("a topic that does not exist: %v", err)
	}
	counts, err := client.Partitions(t.Context(), topic, "no-such-topic")
	if err != nil || len(counts) != 1 || counts[topic] != 3 {
		t.Errorf("partitions: %v, %v", counts, err)
	}
}

// Both protocols of consumer groups: a broker says of a group of the new one,
// to those who ask in the old way, that there is none.
func TestAGroupWithMembers(t *testing.T) {
	client := open(t)
	for _, protocol := range []string{"classic", "consumer"} {
		t.Run(protocol, func(t *testing.T) {
			topic := newTopic(t, client, 1, nil)
			group := labtest.Name(t)
			ctx := t.Context()
			if protocol == "consumer" {
				ctx = context.WithValue(ctx, "opt_in_kafka_next_gen_balancer_beta", true) //nolint:revive,staticcheck // kgo's own name
			}
			consumer, err := kgo.NewClient(append(client.options, kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.WithContext(ctx))...)
			if err != nil {
				t.Fatal(err)
			}
			defer consumer.Close()
			err = wait.Until(t.Context(), "a member", 30*time.Second, func(ctx context.Context) (bool, string, error) {
				state, err := client.Group(ctx, group)
				return state.Members == 1, state.State, err
			})
			if err != nil {
				t.Fatal(err)
			}
			patch := sinkOffsets(t, `{"kafka_topic":"`+topic+`","kafka_partition":0}`, `{"kafka_offset":7}`)
			if err := client.CommitGroupOffsets(t.Context(), group, patch); err == nil || !strings.Contains(err.Error(), "with 1 member, and offsets are committed only to a group without members") {
				t.Errorf("commit to a group with a member: %v", err)
			}
			consumer.Close()
			err = wait.Until(t.Context(), "no member", 30*time.Second, func(ctx context.Context) (bool, string, error) {
				state, err := client.Group(ctx, group)
				return state.Ended(), state.State, err
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := client.CommitGroupOffsets(t.Context(), group, patch); err != nil {
				t.Errorf("commit to a group without members: %v", err)
			}
		})
	}
}

func TestGroupPatchRefuses(t *testing.T) {
	for _, texts := range [][2]string{
		{`{"kafka_topic":"t"}`, `{"kafka_offset":1}`},
		{`{"kafka_topic":"t","kafka_partition":"0"}`, `{"kafka_offset":1}`},
		{`{"kafka_topic":"t","kafka_partition":-1}`, `{"kafka_offset":1}`},
		{`{"kafka_topic":"t","kafka_partition":2147483648}`, `{"kafka_offset":1}`},
		{`{"kafka_topic":"","kafka_partition":0}`, `{"kafka_offset":1}`},
		{`{"kafka_topic":"t","kafka_partition":0,"x":1}`, `{"kafka_offset":1}`},
		{`{"kafka_topic":"t","kafka_partition":0}`, `{"kafka_offset":-1}`},
		{`{"kafka_topic":"t","kafka_partition":0}`, `{"kafka_offset":1.0}`},
		{`{"kafka_topic":"t","kafka_partition":0}`, `{"kafka_offset":1,"x":1}`},
		{`{"kafka_topic":"t","kafka_partition":0}`, `{}`},
	} {
		if commits, deletes, err := groupPatch(sinkOffsets(t, texts[0], texts[1])); err == nil {
			t.Errorf("%s %s is taken for %v %v", texts[0], texts[1], commits, deletes)
		}
	}
}

// TestOffsetRetention: the brokers of the lab have the default, a week.
func TestOffsetRetention(t *testing.T) {
	if kept, err := open(t).OffsetRetention(t.Context()); err != nil || kept != 7*24*time.Hour {
		t.Errorf("%s, %v", kept, err)
	}
}
