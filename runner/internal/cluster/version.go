package cluster

import (
	"context"
	"fmt"
	"regexp"
	"strconv"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
)

// Version is an Apache Kafka version.
type Version struct{ Major, Minor int }

func (v Version) String() string { return fmt.Sprintf("%d.%d", v.Major, v.Minor) }

// Before reports whether v is older than other.
func (v Version) Before(other Version) bool {
	return v.Major < other.Major || v.Major == other.Major && v.Minor < other.Minor
}

// The versions from which workers can do something.
var (
	Oldest       = Version{2, 8} // the oldest that ferry is tested with
	ExactlyOnce  = Version{3, 3} // exactly-once sources (KIP-618)
	Stop         = Version{3, 5} // PUT stop, GET offsets (KIP-875)
	AlterOffsets = Version{3, 6} // PATCH offsets (KIP-875)
	InitialState = Version{3, 7} // POST with initial_state (KIP-980)
	PatchConfig  = Version{3, 8} // PATCH config (KIP-477)
	PluginPins   = Version{4, 1} // several versions of a plugin, connector.plugin.version (KIP-891)
)

var versionPattern = regexp.MustCompile(`^(\d+)\.(\d+)(?:\.\d+)*(?:-(ccs|ce)\b)?`)

// ParseVersion parses the version in the answer to GET /. Confluent numbers its builds
// differently: 7.N is Apache Kafka 3.N, and 8.N is 4.N.
func ParseVersion(text string) (Version, bool) {
	found := versionPattern.FindStringSubmatch(text)
	if found == nil {
		return Version{}, false
	}
	major, errMajor := strconv.Atoi(found[1])
	minor, errMinor := strconv.Atoi(found[2])
	if found[3] != "" {
		major -= 4
	}
	if errMajor != nil || errMinor != nil || major < 0 {
		return Version{}, false
	}
	return Version{major, minor}, true
}

// Server asks every worker for GET / and returns the first one's answer. It refuses
// workers of mixed versions: an older worker takes STOPPED for PAUSED
// (KafkaConfigBackingStore writes both states for it).
func (c *Cluster) Server(ctx context.Context) (connect.Server, error) {
	var first connect.Server
	for i, worker := range c.Client.Workers() {
		answer, err := c.Client.On(i).Server(ctx)
		if err != nil {
			return connect.Server{}, fmt.Errorf("cluster %s: %w", c.Name, err)
		}
		if i == 0 {
			first = answer
		}
		if answer.Version != first.Version {
			return connect.Server{}, refusedf("cluster %s mixes versions (%s, and %s on %s), wait until its upgrade is over",
				c.Name, first.Version, answer.Version, worker)
		}
		if answer.KafkaClusterID != first.KafkaClusterID {
			return connect.Server{}, refusedf("cluster %s: the workers %s and %s belong to different Kafka clusters, correct connect_url",
				c.Name, c.Client.Workers()[0], worker)
		}
	}
	return first, nil
}

// Need returns a [RefusedError] if the version in answer is too old for a step.
func (c *Cluster) Need(answer connect.Server, since Version, step string) error {
	found, ok := ParseVersion(answer.Version)
	if !ok {
		return refusedf("cluster %s reports version %q, which is no Apache Kafka version; %s needs %s or later", c.Name, answer.Version, step, since)
	}
	if found.Before(since) {
		return refusedf("cluster %s has version %s, %s needs Apache Kafka %s or later", c.Name, answer.Version, step, since)
	}
	return nil
}

// Version returns the version of the workers, which it reads once.
func (c *Cluster) Version(ctx context.Context) (Version, error) {
	if known := c.version.Load(); known != nil {
		return *known, nil
	}
	answer, err := c.Client.Server(ctx)
	if err != nil {
		return Version{}, err
	}
	found, ok := ParseVersion(answer.Version)
	if !ok {
		return Version{}, refusedf("cluster %s reports version %q, which is no Apache Kafka version", c.Name, answer.Version)
	}
	c.version.Store(&found)
	c.kafkaSeen.Store(&answer.KafkaClusterID)
	return found, nil
}

// Seen returns the version that [Cluster.Version] has read, for messages.
func (c *Cluster) Seen() string { return c.version.Load().String() }

// Has reports whether the workers have that version or a later one. Call it only once
// [Cluster.Version] has read the version.
func (c *Cluster) Has(since Version) bool {
	known := c.version.Load()
	return known == nil || !known.Before(since)
}

// OtherKafka reports whether two clusters are on different Kafka clusters. Call it only
// once [Cluster.Version] has read both.
func (c *Cluster) OtherKafka(other *Cluster) bool {
	ours, theirs := c.kafkaSeen.Load(), other.kafkaSeen.Load()
	return ours != nil && theirs != nil && *ours != *theirs
}
