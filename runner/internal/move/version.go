package move

import (
	"context"
	"fmt"
	"regexp"
	"strconv"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/proof"
)

// version is an Apache Kafka version.
type version struct{ major, minor int }

func (v version) String() string { return fmt.Sprintf("%d.%d", v.major, v.minor) }

func (v version) before(other version) bool {
	return v.major < other.major || v.major == other.major && v.minor < other.minor
}

// What a step needs (KIP-618, KIP-875 in two parts, KIP-980).
var (
	oldest            = version{2, 8} // that ferry is tested with
	exactlyOnceSince  = version{3, 3} // of sources (KIP-618)
	stopSince         = version{3, 5} // PUT stop, GET offsets
	alterOffsetsSince = version{3, 6} // PATCH offsets
	initialStateSince = version{3, 7} // POST with initial_state
)

var versionPattern = regexp.MustCompile(`^(\d+)\.(\d+)(?:\.\d+)*(?:-(ccs|ce)\b)?`)

// parseVersion reads what GET / answers. Confluent's builds count otherwise:
// 7.N is Apache Kafka 3.N, and 8.N is 4.N.
func parseVersion(text string) (version, bool) {
	found := versionPattern.FindStringSubmatch(text)
	if found == nil {
		return version{}, false
	}
	major, errMajor := strconv.Atoi(found[1])
	minor, errMinor := strconv.Atoi(found[2])
	if found[3] != "" {
		major -= 4
	}
	if errMajor != nil || errMinor != nil || major < 0 {
		return version{}, false
	}
	return version{major, minor}, true
}

// server asks every worker of a cluster who it is. Workers of two versions are
// refused: an older worker takes STOPPED for PAUSED (KafkaConfigBackingStore
// writes both states for it).
func server(ctx context.Context, cluster *Cluster) (connect.Server, error) {
	var first connect.Server
	for i, worker := range cluster.Client.Workers() {
		answer, err := cluster.Client.On(i).Server(ctx)
		if err != nil {
			return connect.Server{}, fmt.Errorf("cluster %s: %w", cluster.Name, err)
		}
		if i == 0 {
			first = answer
		}
		if answer.Version != first.Version {
			return connect.Server{}, refused(fmt.Sprintf("cluster %s mixes versions (%s, and %s on %s), wait until its upgrade is over",
				cluster.Name, first.Version, answer.Version, worker))
		}
		if answer.KafkaClusterID != first.KafkaClusterID {
			return connect.Server{}, refused(fmt.Sprintf("cluster %s: the workers %s and %s belong to different Kafka clusters, correct connect_url",
				cluster.Name, cluster.Client.Workers()[0], worker))
		}
	}
	return first, nil
}

// need refuses a worker that is too old for a step.
func need(cluster *Cluster, answer connect.Server, since version, step string) error {
	found, ok := parseVersion(answer.Version)
	if !ok {
		return refused(fmt.Sprintf("cluster %s reports version %q, which is no Apache Kafka version; %s needs %s or later",
			cluster.Name, answer.Version, step, since))
	}
	if found.before(since) {
		return refused(fmt.Sprintf("cluster %s has version %s, %s needs Apache Kafka %s or later", cluster.Name, answer.Version, step, since))
	}
	return nil
}

// versionOf returns the version of a cluster, which is asked for once.
func (c *Cluster) versionOf(ctx context.Context) (version, error) {
	if known := c.version.Load(); known != nil {
		return *known, nil
	}
	answer, err := c.Client.Server(ctx)
	if err != nil {
		return version{}, err
	}
	found, ok := parseVersion(answer.Version)
	if !ok {
		return version{}, refused(fmt.Sprintf("cluster %s reports version %q, which is no Apache Kafka version", c.Name, answer.Version))
	}
	c.version.Store(&found)
	c.kafkaSeen.Store(&answer.KafkaClusterID)
	return found, nil
}

// otherKafka reports whether two clusters, whose versions are known, are on
// different Kafka clusters.
func (c *Cluster) otherKafka(other *Cluster) bool {
	ours, theirs := c.kafkaSeen.Load(), other.kafkaSeen.Load()
	return ours != nil && theirs != nil && *ours != *theirs
}

// has reports whether a cluster is of a version or later. It may only be asked
// of a cluster whose version is known, as every observed one's is.
func (c *Cluster) has(since version) bool {
	known := c.version.Load()
	return known == nil || !known.before(since)
}

// restState is the state in which a connector rests on a cluster.
func (c *Cluster) restState() connect.State {
	if c.has(stopSince) {
		return connect.Stopped
	}
	return connect.Paused
}

// notResting names what speaks against a connector being at rest on a cluster: no
// task that runs, holds offsets, or is in a consumer group. "" if nothing does.
func (c *Cluster) notResting(ctx context.Context, connector string) (string, error) {
	if c.has(stopSince) {
		return proof.NotStopped(ctx, c.Client, connector)
	}
	return proof.NotPaused(ctx, c.Client, connector)
}
