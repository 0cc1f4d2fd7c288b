package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/words"
)

// Group is the state of a consumer group.
type Group struct {
	State   string // "Empty", "Dead", "Stable", ...
	Members int
}

// Ended reports whether nothing consumes as this group any more. A group that
// does not exist is Dead.
func (g Group) Ended() bool { return g.Members == 0 && (g.State == "Empty" || g.State == "Dead") }

// Group returns the state of a consumer group, of either protocol.
func (c *Client) Group(ctx context.Context, name string) (Group, error) {
	described, err := c.admin.DescribeGroups(ctx, name)
	if err != nil {
		return Group{}, fmt.Errorf("kafka %s: describe group %q: %w", c.brokers, name, err)
	}
	group, ok := described[name]
	if !ok {
		return Group{}, fmt.Errorf("kafka %s: describe group %q: the answer does not name it", c.brokers, name)
	}
	if errors.Is(group.Err, kerr.GroupIDNotFound) || group.Err == nil && group.State == "Dead" {
		return c.newGroup(ctx, name)
	}
	if group.Err != nil {
		return Group{}, fmt.Errorf("kafka %s: describe group %q: %w", c.brokers, name, group.Err)
	}
	return Group{State: group.State, Members: len(group.Members)}, nil
}

// newGroup describes a group of the protocol of KIP-848 (Kafka 4), for which a
// broker tells those who ask in the old way that there is no such group.
func (c *Client) newGroup(ctx context.Context, name string) (Group, error) {
	known, err := c.supports(ctx, kmsg.ConsumerGroupDescribe)
	if err != nil {
		return Group{}, err
	}
	if !known {
		return Group{State: "Dead"}, nil
	}
	described, err := c.admin.DescribeConsumerGroups(ctx, name)
	if err != nil {
		return Group{}, fmt.Errorf("kafka %s: describe group %q: %w", c.brokers, name, err)
	}
	group, ok := described[name]
	switch {
	case !ok:
		return Group{}, fmt.Errorf("kafka %s: describe group %q: the answer does not name it", c.brokers, name)
	case errors.Is(group.Err, kerr.GroupIDNotFound), errors.Is(group.Err, kerr.UnsupportedVersion):
		return Group{State: "Dead"}, nil
	case group.Err != nil:
		return Group{}, fmt.Errorf("kafka %s: describe group %q: %w", c.brokers, name, group.Err)
	}
	return Group{State: group.State, Members: len(group.Members)}, nil
}

const retentionSetting = "offsets.retention.minutes"

// OffsetRetention returns how long the brokers keep the offsets of a group that has no members
// (KIP-211): the shortest, if they differ. It needs the right to describe the brokers' configs.
func (c *Client) OffsetRetention(ctx context.Context) (time.Duration, error) {
	refused := func(err error) (time.Duration, error) {
		return 0, fmt.Errorf("kafka %s: %s of the brokers: %w", c.brokers, retentionSetting, err)
	}
	brokers, err := c.admin.ListBrokers(ctx)
	if err != nil {
		return refused(err)
	}
	described, err := c.admin.DescribeBrokerConfigs(ctx, brokers.NodeIDs()...)
	if err != nil {
		return refused(err)
	}
	var shortest time.Duration
	for _, broker := range described {
		if broker.Err != nil {
			return refused(broker.Err)
		}
		for _, setting := range broker.Configs {
			if setting.Key != retentionSetting {
				continue
			}
			minutes, err := strconv.ParseInt(setting.MaybeValue(), 10, 32)
			if err != nil {
				return refused(err)
			}
			if kept := time.Duration(minutes) * time.Minute; shortest == 0 || kept < shortest {
				shortest = kept
			}
		}
	}
	if shortest == 0 {
		return refused(errors.New("the answer does not have it"))
	}
	return shortest, nil
}

// Members of Connect's form of a sink's offsets (SinkUtils).
const (
	topicMember     = "kafka_topic"
	partitionMember = "kafka_partition"
	offsetMember    = "kafka_offset"
)

// GroupOffsets returns the committed offsets of a group in Connect's form:
// partition {"kafka_topic","kafka_partition"}, offset {"kafka_offset"}. Of a
// group that does not exist there are none. Commits of a transaction that is
// still open are waited for.
func (c *Client) GroupOffsets(ctx context.Context, group string) (offset.Document, error) {
	committed, err := c.admin.FetchOffsets(kadm.RequireStable(ctx), group)
	if err == nil {
		err = committed.Error()
	}
	if errors.Is(err, kerr.GroupIDNotFound) {
		return offset.Document{}, nil
	}
	if err != nil {
		return offset.Document{}, fmt.Errorf("kafka %s: offsets of group %q: %w", c.brokers, group, err)
	}
	var entries []offset.Entry
	for _, response := range committed.Sorted() {
		if response.At < 0 {
			continue // asked for and never committed
		}
		entries = append(entries, offset.Entry{
			Partition: rawjson.Object{}.With(topicMember, rawjson.String(response.Topic)).
				With(partitionMember, rawjson.Int(int64(response.Partition))).Value(),
			Offset: rawjson.Object{}.With(offsetMember, rawjson.Int(response.At)).Value(),
		})
	}
	document, err := offset.New(entries...)
	if err != nil {
		return offset.Document{}, fmt.Errorf("kafka %s: offsets of group %q: %w", c.brokers, group, err)
	}
	return document, nil
}

// CommitGroupOffsets commits the offsets of the patch, which is in the form of
// [Client.GroupOffsets]; a null offset deletes a commit. It is an error if the
// group has members, as they would not notice and commit over it.
//
// After an error any part of the patch may have been committed: read it back.
func (c *Client) CommitGroupOffsets(ctx context.Context, group string, patch offset.Document) error {
	commits, deletes, err := groupPatch(patch)
	if err != nil {
		return fmt.Errorf("offsets for group %q: %w", group, err)
	}
	state, err := c.Group(ctx, group)
	if err != nil {
		return err
	}
	if !state.Ended() {
		return fmt.Errorf("kafka %s: group %q is %s with %s, and offsets are committed only to a group without members: stop what consumes as this group",
			c.brokers, group, state.State, words.Count(state.Members, "member"))
	}
	if err := c.commit(ctx, group, commits); err != nil {
		return fmt.Errorf("kafka %s: commit offsets of group %q: %w", c.brokers, group, err)
	}
	if err := c.deleteCommits(ctx, group, deletes); err != nil {
		return fmt.Errorf("kafka %s: delete offsets of group %q: %w", c.brokers, group, err)
	}
	return nil
}

func (c *Client) commit(ctx context.Context, group string, commits kadm.Offsets) error {
	if len(commits) == 0 {
		return nil
	}
	committed, err := c.admin.CommitOffsets(ctx, group, commits)
	if err != nil {
		return err
	}
	for _, answer := range committed.Sorted() {
		if answer.Err != nil {
			return fmt.Errorf("%s partition %d: %w", answer.Topic, answer.Partition, answer.Err)
		}
	}
	return nil
}

func (c *Client) deleteCommits(ctx context.Context, group string, deletes kadm.TopicsSet) error {
	if len(deletes) == 0 {
		return nil
	}
	deleted, err := c.admin.DeleteOffsets(ctx, group, deletes)
	if errors.Is(err, kerr.GroupIDNotFound) {
		return nil // nothing is there to be deleted
	}
	return cmp.Or(err, deleted.Error())
}

// groupPatch takes a document in Connect's form apart.
func groupPatch(patch offset.Document) (kadm.Offsets, kadm.TopicsSet, error) {
	commits, deletes := kadm.Offsets{}, kadm.TopicsSet{}
	for _, entry := range patch.Entries() {
		topic, partition, err := topicPartition(entry.Partition)
		if err != nil {
			return nil, nil, err
		}
		if entry.Offset.IsNull() {
			deletes.Add(topic, partition)
			continue
		}
		object, err := entry.Offset.Object()
		if err != nil {
			return nil, nil, err
		}
		at, ok := object.Int(offsetMember)
		if !ok || at < 0 || object.Len() != 1 {
			return nil, nil, fmt.Errorf(`offset %s: expected {"kafka_offset":N}`, entry.Offset)
		}
		commits.AddOffset(topic, partition, at, -1)
	}
	return commits, deletes, nil
}

func topicPartition(partition rawjson.Value) (string, int32, error) {
	object, err := partition.Object()
	if err != nil {
		return "", 0, err
	}
	number, ok := object.Int(partitionMember)
	topic := object.Text(topicMember)
	if topic == "" || !ok || number < 0 || number > math.MaxInt32 || object.Len() != 2 {
		return "", 0, fmt.Errorf(`partition %s: expected {"kafka_topic":"NAME","kafka_partition":N}`, partition)
	}
	return topic, int32(number), nil
}
