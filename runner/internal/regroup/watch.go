package regroup

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/family"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/outcome"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
	"github.com/connect-ferry/connect-ferry/runner/internal/words"
)

const watchEvery = 200 * time.Millisecond

// watch makes sure that the connectors keep running, that none of the other side does, and that
// they read what was read before.
func (c *carry) watch(ctx context.Context) (string, error) {
	twice := make([]instance.Suspicion, len(c.from.members))
	for ends := time.Now().Add(c.Options.Watch); ; {
		if err := c.to.each(func(m *member) error {
			status, err := m.RetryLonger().Cluster.Client.Status(ctx, m.Name)
			if err == nil {
				err = status.Failure()
			}
			return err
		}); err != nil {
			return "", fmt.Errorf("watch on %s: %w", c.to.cluster.Name, err)
		}
		for i, m := range c.from.members {
			state := m.AwakeEverywhere(ctx)
			if state == connect.Paused { // by a late pause of this run, and sends nothing
				state = ""
			}
			if twice[i].See(state != "") {
				return "", c.stopStarted(ctx, m, state)
			}
		}
		if time.Now().After(ends) && !slices.ContainsFunc(twice, func(one instance.Suspicion) bool { return one.Open() }) {
			break
		}
		if err := wait.For(ctx, watchEvery); err != nil {
			return "", err
		}
	}
	if err := c.compareOffsets(ctx); err != nil {
		return "", err
	}
	return c.comparePartitions(ctx)
}

// stopStarted stops the connectors of to, which this run started: somebody started one of from.
func (c *carry) stopStarted(ctx context.Context, other *member, state connect.State) error {
	c.result.Instructions = fmt.Sprintf("find out who started %s on %s, then run this again", other.Name, other.On())
	reason := fmt.Sprintf("another run or somebody started %s on %s (%s) just as the others were started", other.Name, other.On(), state)
	if err := c.to.each(func(m *member) error { _, err := m.AskToRest(ctx, cluster.PutBackRetry); return err }); err != nil {
		c.result.Instructions = "stop one side now"
		return &instance.RunningTwiceError{Reason: fmt.Sprintf("%s; records are sent twice, and %s could not be stopped: %s", reason, c.to.names(everyone), err)}
	}
	return &instance.RunningTwiceError{Reason: fmt.Sprintf("%s; %s has been stopped again", reason, c.to.names(everyone))}
}

// compareOffsets makes sure that no connector fell behind what it was given: a plugin that does
// not take offsets begins anew.
func (c *carry) compareOffsets(ctx context.Context) error {
	if c.keepOwn {
		return nil
	}
	return c.to.each(func(m *member) error {
		var behind []offset.Entry
		for range 2 { // a worker that lags behind may answer the first
			now, err := m.read(ctx)
			if err != nil {
				return err
			}
			if behind = family.For(m.config).Regressed(m.want, now); len(behind) == 0 {
				return nil
			}
		}
		return &outcome.RegressedError{What: fmt.Sprintf("%s fell behind the offsets that were given, first %s; it has sent records again", words.Count(len(behind), "partition"), behind[0].Partition)}
	})
}

// comparePartitions compares what tasks read now with what tasks read before.
func (c *carry) comparePartitions(ctx context.Context) (string, error) {
	if len(c.assigned) == 0 {
		return "", nil
	}
	now := map[string]bool{}
	for _, m := range c.to.members {
		partitions, known := c.partitionsOf(ctx, m)
		if !known {
			return "what the tasks read cannot be seen", nil
		}
		for _, partition := range partitions {
			now[partition] = true
		}
	}
	var missing []string
	for _, partition := range c.assigned {
		if !now[partition] {
			missing = append(missing, partition)
		}
		delete(now, partition)
	}
	if len(missing) > 0 && !c.undoing && !c.reversing {
		return "", fmt.Errorf("%d were read before and are read no more: %s", len(missing), event.Abbreviated(missing))
	}
	if more := len(now); more > 0 {
		c.note(event.Warn, "%d more are read than before", more)
	}
	return fmt.Sprintf("the same %d are read", len(c.assigned)-len(missing)), nil
}
