package move

import (
	"context"
	"errors"
	"fmt"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
)

// translatedFor compares the offsets of a sink at rest on two Kafka clusters: the
// target's are a translation of the origin's if they are for the same partitions and
// no further than a translation of now, which is at most more exact than one of
// earlier. It returns what it costs to go on from them, and nil if they are not, or if
// that cannot be told: in that state everything is looked at and copied again.
func translatedFor(ctx context.Context, request Request, observed Observation) *translated {
	if !observed.Origin.sink() || request.SameLog || !request.Origin.otherKafka(request.Target) || observed.Target.Offsets.Len() == 0 {
		return nil
	}
	group := sinkGroup(request.Connector, observed.Origin.Config)
	path, err := request.mirrorPath(ctx, group, observed.Origin.Offsets, observed.Origin.Config, observed.Target.Config)
	if err != nil {
		return nil
	}
	result, err := path.forward(ctx, observed.Origin.Offsets)
	if err != nil {
		return nil
	}
	wanted, errWanted := positionsOf(result.document)
	have, errHave := positionsOf(observed.Target.Offsets)
	if errors.Join(errWanted, errHave) != nil || len(have) != len(wanted) || len(wanted.ahead(have)) > 0 {
		return nil
	}
	for where, at := range have {
		result.again += wanted[where] - at
	}
	return &result
}

// translates makes the cutover translate, and tell what that costs.
func (c *cutover) translates(through func(ctx context.Context, final offset.Document) (translated, error)) {
	c.translate = func(ctx context.Context, final offset.Document) (offset.Document, error) {
		result, err := through(ctx, final)
		if err != nil {
			return offset.Document{}, fmt.Errorf("translate the offsets for %s: %w", c.to.Name, err)
		}
		c.again, c.said = result.counted(), result.String()
		c.result.SentAgain = c.again
		level := event.Warn
		if c.again != nil && *c.again == 0 {
			level = event.Info
		}
		c.note(c.request.Connector, level, "at least once: %s", result)
		return result.document, c.tellAhead(result.document)
	}
}

// tellAhead tells of offsets on the other side that are further than the
// translation, as MirrorMaker writes them (sync.group.offsets.enabled) or an earlier
// move left them. They are written over: that nothing is lost is only known of the
// translation.
func (c *cutover) tellAhead(want offset.Document) error {
	wanted, errWanted := positionsOf(want)
	have, errHave := positionsOf(c.onTo)
	if err := errors.Join(errWanted, errHave); err != nil {
		return err
	}
	var further []string
	for _, where := range wanted.ahead(have) {
		further = append(further, where.String())
	}
	if len(further) > 0 {
		c.note(c.request.Connector, event.Info, "on %s the group has offsets that are not known to lose nothing (%s); they are replaced by the translated ones",
			c.to.Name, abbreviated(further))
	}
	return nil
}

// sum adds numbers that may not be known.
func sum(numbers ...*int64) *int64 {
	var total int64
	for _, number := range numbers {
		if number == nil {
			return nil
		}
		total += *number
	}
	return &total
}
