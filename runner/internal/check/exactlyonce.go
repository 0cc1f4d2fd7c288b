package check

import (
	"context"
	"fmt"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

const (
	exactlyOnceKey = "exactly.once.support"
	// notEnabled is how a worker without exactly.once.source.support=enabled refuses a
	// connector that requires it (DistributedHerder.validateExactlyOnceConfig).
	notEnabled = "does not have exactly-once source support enabled"
)

// exactlyOnce refuses a target on which an exactly-once source would silently become
// at-least-once. It has both clusters validate the config with the guarantee required,
// which workers refuse if they have it turned off. It also refuses a source that could
// not start again on one of the clusters, since a transaction hangs there.
func exactlyOnce(ctx context.Context, f *facts) (string, error) {
	if f.sink() {
		return "", nil
	}
	origin, target := f.request.Origin, f.request.Target
	ours, err := f.supportsExactlyOnce(ctx, 0)
	if err != nil || !ours {
		return "", err
	}
	if on, hanging := f.request.Hanging(ctx); hanging != nil {
		return "", cluster.Refused(fmt.Sprintf("%s: %s; %s", on, hanging, hanging.Advice()))
	}
	theirs, err := f.supportsExactlyOnce(ctx, 1)
	switch {
	case err != nil:
		return "", err
	case theirs:
		return "both clusters have it enabled", nil
	case f.request.AtLeastOnce:
		return target.Name + " does not have it enabled, which --at-least-once accepts", nil
	}
	return "", cluster.Refused(fmt.Sprintf("sources are exactly-once on %s and would be at-least-once on %s, so that a worker that dies there sends records twice; "+
		"set exactly.once.source.support=enabled on its workers (Kafka %s or later), or accept it with --at-least-once",
		origin.Name, target.Name, cluster.ExactlyOnce))
}

// supportsExactlyOnce asks one side, 0 the origin and 1 the target, once.
func (f *facts) supportsExactlyOnce(ctx context.Context, side int) (bool, error) {
	if f.exactly[side] == nil {
		on := []*cluster.Cluster{f.request.Origin, f.request.Target}[side]
		supports, err := supportsExactlyOnce(ctx, on, f.config())
		if err != nil {
			return false, err
		}
		f.exactly[side] = &supports
	}
	return *f.exactly[side], nil
}

func supportsExactlyOnce(ctx context.Context, on *cluster.Cluster, settings rawjson.Object) (bool, error) {
	if !on.Has(cluster.ExactlyOnce) {
		return false, nil
	}
	required := settings.With(exactlyOnceKey, rawjson.String("required"))
	answer, err := on.Client.Validate(ctx, config.Class(settings), required)
	if err != nil {
		return false, fmt.Errorf("ask %s whether sources are exactly-once: %w", on.Name, err)
	}
	for _, problem := range answer.Problems {
		if problem.Name == exactlyOnceKey && strings.Contains(strings.Join(problem.Errors, " "), notEnabled) {
			return false, nil
		}
	}
	return true, nil
}
