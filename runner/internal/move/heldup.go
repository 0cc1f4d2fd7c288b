package move

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/kafka"
)

// heldUpLimit bounds the look for what may have made a run fail, as the clusters may
// be out of reach.
const heldUpLimit = 5 * time.Second

// heldUp returns the [kafka.HangingError] that keeps a connector's tasks on the
// cluster from starting, nil if none is known to. Workers with exactly-once support
// read the offsets topics committed, up to the end, before they start a connector or
// a task (KafkaBasedLog), and the end of what is committed is before what hangs. What
// cannot be looked at is not known to hold anything up.
func (c *Cluster) heldUp(ctx context.Context, connector string) error {
	if c.Offsets == nil {
		return nil
	}
	if status, err := c.Client.Status(ctx, connector); err == nil && status.Type == "sink" {
		return nil // its offsets are a consumer group's
	}
	topics := []string{""}
	if config, err := c.Client.Config(ctx, connector); err == nil && ownTopic(config) != "" {
		topics = append(topics, ownTopic(config))
	}
	for _, topic := range topics {
		log, err := c.Offsets(topic)
		if err != nil {
			continue
		}
		if hanging, ok := errors.AsType[*kafka.HangingError](log.Hanging(ctx)); ok {
			return hanging
		}
	}
	return nil
}

// hanging returns what holds the connector up on one of its clusters, and on which;
// nil if nothing is known to.
func (r Request) hanging(ctx context.Context) (*Cluster, *kafka.HangingError) {
	for _, side := range []struct {
		cluster   *Cluster
		connector string
	}{{r.Origin, r.Connector}, {r.Target, r.targetName()}} {
		if side.cluster == nil {
			continue // a single step has one side
		}
		if hanging, ok := errors.AsType[*kafka.HangingError](side.cluster.heldUp(ctx, side.connector)); ok {
			return side.cluster, hanging
		}
	}
	return nil, nil
}

// toldHanging adds to the result of a run that did not go well what hangs on one of
// the clusters and how that is ended; false if nothing is known to.
func (r *run) toldHanging(ctx context.Context, err error) bool {
	hanging, ok := errors.AsType[*kafka.HangingError](err)
	if !ok {
		if !slices.Contains([]event.Outcome{event.Failed, event.NotProven, event.RolledBack}, r.result.Outcome) {
			return false
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), heldUpLimit)
		defer cancel()
		var cluster *Cluster
		if cluster, hanging = r.request.hanging(ctx); hanging == nil {
			return false
		}
		if said := event.OneLine(hanging.Error()); !strings.Contains(r.result.Message, said) {
			r.result.Message += "; on " + cluster.Name + ": " + said
		}
	}
	r.result.Instructions = hanging.Advice()
	return true
}
