package move

import (
	"context"
	"fmt"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

const (
	exactlyOnceKey = "exactly.once.support"
	// notEnabled is what a worker without exactly.once.source.support=enabled says
	// of a connector that requires it (DistributedHerder.validateExactlyOnceConfig).
	notEnabled = "does not have exactly-once source support enabled"
)

// checkExactlyOnce refuses a target on which an exactly-once source would silently
// become at-least-once. It asks both clusters to validate the config as if it
// required the guarantee, which the workers of one that has it turned off refuse.
// It refuses too what could not start again on one of the two, stopped once.
func (m *Mover) checkExactlyOnce(ctx context.Context, request Request, found *checked) error {
	if found.kind == "sink" {
		return nil
	}
	ours, err := exactlyOnce(ctx, request.Origin, found.config)
	if err != nil || !ours {
		return err
	}
	if cluster, hanging := request.hanging(ctx); hanging != nil {
		return refused(fmt.Sprintf("%s: %s; %s", cluster.Name, hanging, hanging.Advice()))
	}
	theirs, err := exactlyOnce(ctx, request.Target, found.config)
	switch {
	case err != nil:
		return err
	case theirs:
		found.pass("exactly_once", "both clusters have it enabled")
		return nil
	case request.AtLeastOnce:
		found.pass("exactly_once", request.Target.Name+" has it not enabled, as --at-least-once accepts")
		return nil
	}
	return refused(fmt.Sprintf("sources are exactly-once on %s and would be at-least-once on %s, so that a worker that dies there sends records twice; "+
		"set exactly.once.source.support=enabled on its workers (Kafka %s or later), or accept it with --at-least-once",
		request.Origin.Name, request.Target.Name, exactlyOnceSince))
}

func exactlyOnce(ctx context.Context, cluster *Cluster, config rawjson.Object) (bool, error) {
	if !cluster.has(exactlyOnceSince) {
		return false, nil
	}
	required := config.With(exactlyOnceKey, rawjson.String("required"))
	problems, err := cluster.Client.Validate(ctx, config.Text("connector.class"), required)
	if err != nil {
		return false, fmt.Errorf("ask %s whether sources are exactly-once: %w", cluster.Name, err)
	}
	for _, problem := range problems {
		if problem.Name == exactlyOnceKey && strings.Contains(strings.Join(problem.Errors, " "), notEnabled) {
			return false, nil
		}
	}
	return true, nil
}
