package cluster

import (
	"context"
	"fmt"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
)

// LeaseChecked returns the cluster with a check before every write to it. A write is not
// sent if the check fails.
func (c *Cluster) LeaseChecked(check func(context.Context) error) *Cluster {
	topic := func(topic OffsetTopic) OffsetTopic { return checkedTopic{topic, check} }
	kafka := c.Kafka
	kafka.Offsets = mapped(kafka.Offsets, topic)
	kafka.Topic = mapped(kafka.Topic, func(open func(string) OffsetTopic) func(string) OffsetTopic {
		return func(name string) OffsetTopic { return topic(open(name)) }
	})
	kafka.Configs = mapped(kafka.Configs, func(configs ConfigTopic) ConfigTopic { return checkedConfigs{configs, check} })
	kafka.SinkOffsets = mapped(kafka.SinkOffsets, func(groups GroupOffsets) GroupOffsets { return checkedGroups{groups, check} })
	kafka.Fencer = mapped(kafka.Fencer, func(fencer Fencer) Fencer { return checkedFencer{fencer, check} })
	return c.with(c.Client.Guarded(check), kafka)
}

type checkedTopic struct {
	OffsetTopic
	check func(context.Context) error
}

func (t checkedTopic) Write(ctx context.Context, connector string, patch offset.Document) error {
	if err := t.check(ctx); err != nil {
		return fmt.Errorf("offsets topic %s: not written: %w", t.Name(), err)
	}
	return t.OffsetTopic.Write(ctx, connector, patch)
}

type checkedConfigs struct {
	ConfigTopic
	check func(context.Context) error
}

func (t checkedConfigs) SetTargetState(ctx context.Context, connector string, state connect.State) error {
	if err := t.check(ctx); err != nil {
		return fmt.Errorf("config topic: not written: %w", err)
	}
	return t.ConfigTopic.SetTargetState(ctx, connector, state)
}

type checkedGroups struct {
	groups
	check func(context.Context) error
}

// groups is another name for GroupOffsets: embedded under its own, it would hide its
// method of the same name.
type groups interface{ GroupOffsets }

func (g checkedGroups) CommitGroupOffsets(ctx context.Context, group string, patch offset.Document) error {
	if err := g.check(ctx); err != nil {
		return fmt.Errorf("group %s: not written: %w", group, err)
	}
	return g.groups.CommitGroupOffsets(ctx, group, patch)
}

type checkedFencer struct {
	fencer Fencer
	check  func(context.Context) error
}

func (f checkedFencer) Fence(ctx context.Context, connector string) ([]string, error) {
	if err := f.check(ctx); err != nil {
		return nil, fmt.Errorf("transactional ids of %s: not fenced: %w", connector, err)
	}
	return f.fencer.Fence(ctx, connector)
}
