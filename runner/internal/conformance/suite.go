// Package conformance is the suite that the in-memory cluster and real Kafka Connect
// clusters share, so that what the fake claims is true.
//
// [Run] asks a cluster of Kafka 3.7 or later, over REST and in its status topic, for what
// the product relies on. [RunOld] asks an older one how it says that it cannot do something.
// [RunRaw] looks into Kafka too, at any version: how a connector comes to rest by a pause
// and a restart of its tasks, and what raw offsets, target states and group commits do.
//
// The suite does not cover faults, several Connect clusters at once, rebalances that move
// running tasks, and time: how long a cluster takes for anything is its own.
package conformance

import (
	"context"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/internaltopic"
	"github.com/connect-ferry/connect-ferry/runner/internal/kafka"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// Subject is a cluster to be checked, of Kafka 3.7 or later. Its
// offset.flush.interval.ms is the default of a minute.
type Subject struct {
	Client *connect.Client
	Status StatusTopic
	Grace  time.Duration // task.shutdown.graceful.timeout.ms
	// Topic returns the name of a topic nobody used before.
	Topic func() string
	// Source returns the config of a source with that many tasks and source
	// partitions, each of one field, which writes to topic from when it starts,
	// with polls of less than a second.
	Source func(topic string, tasks int) rawjson.Object
	// Number is the member of its offsets that holds a number, which grows with
	// each record. The class takes offsets that have it, and whatever else is in
	// them.
	Number string
	// Required is a setting that the class of Source cannot do without.
	Required string
	// OrderedMap returns the config of a source as above whose partitions have
	// fields in an order that Connect does not keep.
	OrderedMap func(topic string) rawjson.Object
	// Listed returns the config of a source as above with a task, and a source partition
	// {"stream": name}, for each of these streams.
	Listed func(topic string, streams ...string) rawjson.Object
	// Blocking returns the config of a source with one task whose polls block for
	// that long, then return records; once limit records were sent they block and
	// return nothing. 0 is no limit.
	Blocking func(topic string, block time.Duration, limit int) rawjson.Object
	// Sink returns the config of a sink with one task that consumes topic.
	Sink func(topic string) rawjson.Object
}

// StatusTopic is a cluster's status topic; [StatusLog] and [kafka.StatusLog] are.
type StatusTopic interface {
	Tail(ctx context.Context) (kafka.Tail, error)
	History(ctx context.Context, connector string) ([]internaltopic.Status, error)
}

// Setup runs a test with a subject, in a testing/synctest bubble or not.
type Setup func(t *testing.T, test func(*testing.T, Subject))

// Run checks that a cluster behaves as the product relies on. The
// fake and real clusters pass the same checks, so what the fake claims is true.
func Run(t *testing.T, setup Setup) {
	for _, part := range []struct {
		name  string
		check func(*Suite)
	}{
		{"Server", (*Suite).server},
		{"CreateStopped", (*Suite).createStopped},
		{"CreateRunning", (*Suite).createRunning},
		{"CreatePaused", (*Suite).createPaused},
		{"CreateInUnknownState", (*Suite).createInUnknownState},
		{"CreateTakenName", (*Suite).createTakenName},
		{"CreateInvalid", (*Suite).createInvalid},
		{"UnknownConnector", (*Suite).unknownConnector},
		{"PauseAndResume", (*Suite).pauseAndResume},
		{"StopAndResume", (*Suite).stopAndResume},
		{"StopTwice", (*Suite).stopTwice},
		{"PutConfig", (*Suite).putConfig},
		{"PatchConfig", (*Suite).patchConfig},
		{"Validate", (*Suite).validate},
		{"Plugins", (*Suite).plugins},
		{"Delete", (*Suite).delete},
		{"PatchMerges", (*Suite).patchMerges},
		{"PatchWantsStopped", (*Suite).patchWantsStopped},
		{"PatchWantsEntries", (*Suite).patchWantsEntries},
		{"PatchKeepsDigits", (*Suite).patchKeepsDigits},
		{"PatchOrdersFields", (*Suite).patchOrdersFields},
		{"PatchRefusesNested", (*Suite).patchRefusesNested},
		{"PatchIsUsed", (*Suite).patchIsUsed},
		{"ListedStreams", (*Suite).listedStreams},
		{"ResetOffsets", (*Suite).resetOffsets},
		{"OrderedMap", (*Suite).orderedMap},
		{"ActiveTopics", (*Suite).activeTopics},
		{"SinkOffsets", (*Suite).sinkOffsets},
		{"Names", (*Suite).names},
		{"StatusTopic", (*Suite).statusTopic},
		{"PausedBeforeStopped", (*Suite).pausedBeforeStopped},
		{"BlockedPoll", (*Suite).blockedPoll},
	} {
		t.Run(part.name, func(t *testing.T) {
			setup(t, func(t *testing.T, subject Subject) {
				part.check(New(t, subject))
			})
		})
	}
}

// limit is far beyond what a cluster needs, so that a slow machine fails nothing.
const limit = time.Minute
