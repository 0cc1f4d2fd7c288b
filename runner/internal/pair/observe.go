package pair

import (
	"context"
	"fmt"

	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
	"github.com/connect-ferry/connect-ferry/runner/internal/kafka"
	"github.com/connect-ferry/connect-ferry/runner/internal/mirror"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/offsetstore"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/secret"
)

// Observe reads what both clusters say of the connector. The mask, which may be nil,
// learns the secrets in the configs.
func (r Request) Observe(ctx context.Context, mask *secret.Mask) (seen Observation, err error) {
	if seen.Origin, err = r.From().Observe(ctx, mask); err != nil {
		return Observation{}, fmt.Errorf("connector %q on %s: %w", r.Connector, r.Origin.Name, err)
	}
	if seen.Target, err = r.To().Observe(ctx, mask); err != nil {
		return Observation{}, fmt.Errorf("connector %q on %s: %w", r.TargetName(), r.Target.Name, err)
	}
	return r.ObserveOffsets(ctx, seen)
}

// ObserveOffsets completes an observation with the offsets of two connectors at rest: they tell
// Copied from HalfCopied. Those of a running connector keep changing and tell nothing.
func (r Request) ObserveOffsets(ctx context.Context, seen Observation) (Observation, error) {
	var err error
	if seen.Origin.AtRest() && seen.Target.AtRest() {
		if seen.OriginOffsets, seen.TargetOffsets, err = r.restingOffsets(ctx, seen); err != nil {
			return Observation{}, err
		}
		seen.Translated = r.translated(ctx, seen)
	}
	return seen, nil
}

// restingOffsets reads the offsets of two connectors at rest. If REST cannot carry them
// and the topics are not known, it returns them with the nulls that REST shows.
func (r Request) restingOffsets(ctx context.Context, seen Observation) (ours, theirs offset.Document, err error) {
	stores, err := r.Stores(seen)
	if err != nil {
		return ours, theirs, err
	}
	if stores.Method == offsetstore.ByREST {
		if ours, err = readWithNulls(ctx, r.From()); err != nil {
			return ours, theirs, err
		}
		if len(ours.Unreadable()) == 0 || r.Copy == offsetstore.ByREST || r.TopicsKnown() != nil {
			theirs, err = readWithNulls(ctx, r.To())
			return ours, theirs, err
		}
		if stores, err = r.StoresBy(offsetstore.ByTopic, seen); err != nil {
			return ours, theirs, err
		}
	}
	if ours, err = stores.From.Read(ctx); err != nil {
		return ours, theirs, fmt.Errorf("offsets of %q on %s: %w", r.Connector, r.Origin.Name, err)
	}
	if theirs, err = stores.To.Read(ctx); err != nil {
		return ours, theirs, fmt.Errorf("offsets of %q on %s: %w", r.TargetName(), r.Target.Name, err)
	}
	return ours, theirs, nil
}

func readWithNulls(ctx context.Context, of instance.Instance) (offset.Document, error) {
	document, err := offsetstore.ReadWithNulls(ctx, of.Cluster.Client, of.Name)
	if err != nil {
		return offset.Document{}, fmt.Errorf("offsets of %q on %s: %w", of.Name, of.On(), err)
	}
	return document, nil
}

// translated compares the offsets of a sink at rest on two Kafka clusters. It returns nil
// if the target's are not a translation of the origin's, or if that cannot be determined:
// then the move checks and copies everything again.
func (r Request) translated(ctx context.Context, seen Observation) *mirror.Translation {
	if !seen.Origin.Sink() || r.SameLog || !r.Origin.OtherKafka(r.Target) || seen.TargetOffsets.Len() == 0 {
		return nil
	}
	path, err := mirror.Find(ctx, r.MirrorSearch(seen.OriginOffsets, seen.Origin.Config, seen.Target.Config))
	if err != nil {
		return nil
	}
	return path.Accounts(ctx, seen.OriginOffsets, seen.TargetOffsets)
}

// MirrorSearch is the search for the MirrorMaker that mirrors the sink's topics to the
// target. committed are the sink's offsets on the origin.
func (r Request) MirrorSearch(committed offset.Document, origin, copied rawjson.Object) mirror.Search {
	return mirror.Search{
		Origin: r.Origin, Target: r.Target, Group: config.Group(r.Connector, origin), Committed: committed, Config: origin, Copy: copied,
	}
}

// Definitions are what the target's worker says of the settings of a config: which are passwords
// it knows best. Without its answer one could be shown under a name that does not look like one.
func (r Request) Definitions(ctx context.Context, settings rawjson.Object) (map[string]connect.Definition, error) {
	answer, err := r.Target.Client.Validate(ctx, config.Class(settings), settings)
	if err != nil {
		return nil, fmt.Errorf("which settings are secrets, %s must tell by validating the config: %w", r.Target.Name, err)
	}
	return answer.Definitions, nil
}

// Hanging returns the hanging transaction that keeps the connector from starting on one
// of its clusters, and the name of that cluster; nil if none is known.
func (r Request) Hanging(ctx context.Context) (on string, hanging *kafka.HangingError) {
	for _, side := range []instance.Instance{r.From(), r.To()} {
		if hanging := side.Cluster.Hanging(ctx, side.Name); hanging != nil {
			return side.On(), hanging
		}
	}
	return "", nil
}
