package check

import (
	"context"
	"fmt"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
)

// versions refuses workers that are too old, or of mixed versions.
func versions(ctx context.Context, f *facts) (string, error) {
	origin, err := f.request.Origin.Server(ctx)
	if err != nil {
		return "", err
	}
	target, err := f.request.Target.Server(ctx)
	if err != nil {
		return "", err
	}
	if err := f.request.Origin.Need(origin, cluster.Oldest, "ferry"); err != nil {
		return "", err
	}
	if err := canHoldCopy(f.request.Target, target); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s on %s, %s on %s", origin.Version, f.request.Origin.Name, target.Version, f.request.Target.Name), nil
}

// canHoldCopy refuses workers that cannot create a connector stopped, neither by REST nor
// through the config topic.
func canHoldCopy(target *cluster.Cluster, answer connect.Server) error {
	if err := target.Need(answer, cluster.Oldest, "ferry"); err != nil {
		return err
	}
	if err := target.Need(answer, cluster.InitialState, "to create a connector stopped"); err != nil {
		if _, unknown := target.ConfigTopic(); unknown != nil {
			return cluster.Refused(fmt.Sprintf("%s; or: %s", err, unknown))
		}
	}
	return nil
}

// otherKafka refuses a source whose copy would write to another Kafka.
func otherKafka(ctx context.Context, f *facts) (string, error) {
	if f.sink() || f.oneKafka() {
		return "", nil
	}
	if f.request.OtherKafka {
		return "its records will go to another Kafka cluster, which --other-kafka accepts", nil
	}
	if f.seen.Origin.Config.Text(config.ProducerServers) != "" && !f.request.Changes(config.ProducerServers) {
		return "its records go to a Kafka of its own, as before", nil
	}
	origin, err := f.request.Origin.Client.Server(ctx)
	if err != nil {
		return "", err
	}
	target, err := f.request.Target.Client.Server(ctx)
	if err != nil {
		return "", err
	}
	return "", cluster.Refused(fmt.Sprintf("%s and %s belong to different Kafka clusters (%s and %s), so the connector's records would go to another one from then on; "+
		"accept it with --other-kafka, or set %s", f.request.Origin.Name, f.request.Target.Name, origin.KafkaClusterID, target.KafkaClusterID, config.ProducerServers))
}
