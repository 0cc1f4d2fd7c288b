package connecttest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/internaltopic"
	"github.com/connect-ferry/connect-ferry/runner/internal/kafka"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
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

// RunConformance checks that a cluster behaves as the product relies on. The
// fake and real clusters pass the same checks, so what the fake claims is true.
func RunConformance(t *testing.T, setup Setup) {
	for _, part := range []struct {
		name  string
		check func(*suite)
	}{
		{"Server", (*suite).server},
		{"CreateStopped", (*suite).createStopped},
		{"CreateRunning", (*suite).createRunning},
		{"CreatePaused", (*suite).createPaused},
		{"CreateInUnknownState", (*suite).createInUnknownState},
		{"CreateTakenName", (*suite).createTakenName},
		{"CreateInvalid", (*suite).createInvalid},
		{"UnknownConnector", (*suite).unknownConnector},
		{"PauseAndResume", (*suite).pauseAndResume},
		{"StopAndResume", (*suite).stopAndResume},
		{"StopTwice", (*suite).stopTwice},
		{"PutConfig", (*suite).putConfig},
		{"Validate", (*suite).validate},
		{"Plugins", (*suite).plugins},
		{"Delete", (*suite).delete},
		{"PatchMerges", (*suite).patchMerges},
		{"PatchWantsStopped", (*suite).patchWantsStopped},
		{"PatchWantsEntries", (*suite).patchWantsEntries},
		{"PatchKeepsDigits", (*suite).patchKeepsDigits},
		{"PatchOrdersFields", (*suite).patchOrdersFields},
		{"PatchRefusesNested", (*suite).patchRefusesNested},
		{"PatchIsUsed", (*suite).patchIsUsed},
		{"ResetOffsets", (*suite).resetOffsets},
		{"OrderedMap", (*suite).orderedMap},
		{"ActiveTopics", (*suite).activeTopics},
		{"SinkOffsets", (*suite).sinkOffsets},
		{"Names", (*suite).names},
		{"StatusTopic", (*suite).statusTopic},
		{"PausedBeforeStopped", (*suite).pausedBeforeStopped},
		{"BlockedPoll", (*suite).blockedPoll},
	} {
		t.Run(part.name, func(t *testing.T) {
			setup(t, func(t *testing.T, subject Subject) {
				part.check(&suite{T: t, Subject: subject, ctx: t.Context()})
			})
		})
	}
}

// limit is far beyond what a cluster needs, so that a slow machine fails nothing.
const limit = time.Minute

// suite is one check of one subject.
type suite struct {
	*testing.T
	Subject
	ctx context.Context
}

func (s *suite) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// create creates a connector that is gone after the test, in the given state,
// and waits until it is there.
func (s *suite) create(config rawjson.Object, state connect.State) string {
	s.Helper()
	name := s.Topic() + "-connector"
	s.createNamed(name, config, state)
	return name
}

func (s *suite) createNamed(name string, config rawjson.Object, state connect.State) {
	s.Helper()
	s.must(s.createAgain(name, config, state))
	s.Cleanup(func() { s.remove(context.WithoutCancel(s.ctx), name) })
	s.awaitStatus(name, "its state "+string(state), func(status connect.Status) bool { return status.Connector.State == state })
}

// createAgain creates a connector, and again if the cluster is busy.
func (s *suite) createAgain(name string, config rawjson.Object, state connect.State) error {
	var last error
	err := wait.Until(s.ctx, "create "+name, limit, func(ctx context.Context) (bool, string, error) {
		last = s.Client.Create(ctx, name, config, state)
		return last == nil || !connect.IsTemporary(last), "", nil
	})
	return errors.Join(err, last)
}

func (s *suite) remove(ctx context.Context, name string) {
	err := s.Client.RetryFor(limit).Delete(ctx, name)
	if err == nil {
		err = s.awaitGone(ctx, name)
	}
	if err != nil {
		s.Errorf("remove %q: %v", name, err)
	}
}

func (s *suite) awaitGone(ctx context.Context, name string) error {
	return wait.Until(ctx, name+" to be gone", limit, func(ctx context.Context) (bool, string, error) {
		_, config := s.Client.Config(ctx, name)
		_, status := s.Client.Status(ctx, name)
		return connect.IsNotFound(config) && connect.IsNotFound(status), "it is still there", nil
	})
}

func (s *suite) awaitStatus(name, what string, condition func(connect.Status) bool) connect.Status {
	s.Helper()
	var status connect.Status
	s.must(wait.Until(s.ctx, name+": "+what, limit, func(ctx context.Context) (bool, string, error) {
		var err error
		status, err = s.Client.Status(ctx, name)
		if connect.IsNotFound(err) {
			return false, "no status yet", nil
		}
		return err == nil && condition(status), string(status.Connector.State), err
	}))
	return status
}

func (s *suite) awaitAll(name string, state connect.State, tasks int) {
	s.Helper()
	s.awaitStatus(name, "connector and tasks "+string(state), func(status connect.Status) bool {
		return status.Connector.State == state && len(status.Tasks) == tasks && (tasks == 0 || status.AllTasks(state))
	})
}

// stop stops a connector and waits until it shows no tasks, in status and config.
func (s *suite) stop(name string) {
	s.Helper()
	s.must(s.Client.Stop(s.ctx, name))
	s.awaitAll(name, connect.Stopped, 0)
	s.wantTasks(name, 0)
}

func (s *suite) wantTasks(name string, want int) {
	s.Helper()
	tasks, err := s.Client.Tasks(s.ctx, name)
	s.must(err)
	if len(tasks) != want {
		s.Errorf("%d tasks configured, want %d", len(tasks), want)
	}
}

// offsets reads until two reads are equal, since the first read of a partition
// that is new to a worker can lack it.
func (s *suite) offsets(name string) offset.Document {
	s.Helper()
	var last offset.Document
	s.must(wait.Until(s.ctx, "equal reads of offsets", limit, func(ctx context.Context) (bool, string, error) {
		first, err := s.read(ctx, name)
		if err != nil {
			return false, "", err
		}
		last, err = s.read(ctx, name)
		return err == nil && offset.Equal(first, last), offset.Compare(first, last).String(), err
	}))
	return last
}

func (s *suite) read(ctx context.Context, name string) (offset.Document, error) {
	value, err := s.Client.Offsets(ctx, name)
	if err != nil {
		return offset.Document{}, err
	}
	return offset.Parse(value)
}

func (s *suite) patch(name, document string) {
	s.Helper()
	if _, err := s.Client.AlterOffsets(s.ctx, name, s.json(document)); err != nil {
		s.Fatalf("patch %s: %v", document, err)
	}
}

// json parses a document in which the key "n" stands for Subject.Number.
func (s *suite) json(document string) rawjson.Value {
	s.Helper()
	value, err := rawjson.Parse([]byte(strings.ReplaceAll(document, `"n":`, rawjson.String(s.Number).String()+":")))
	s.must(err)
	return value
}

func (s *suite) wantOffsets(name, document string) {
	s.Helper()
	want, err := offset.Parse(s.json(document))
	s.must(err)
	if have := s.offsets(name); !offset.Equal(want, have) {
		s.Errorf("offsets are %s, want %s", have.JSON(), document)
	}
}

// wantRefused checks that err is an answer of that status, 0 for any, which says that.
func (s *suite) wantRefused(err error, status int, says string) {
	s.Helper()
	answer, ok := errors.AsType[*connect.ResponseError](err)
	if !ok || status != 0 && answer.Status != status || !strings.Contains(answer.Message, says) {
		s.Errorf("answer is %v, want %d with %q", err, status, says)
	}
}

// position returns the number in the only offset of a source.
func (s *suite) position(document offset.Document) int64 {
	s.Helper()
	if document.Len() != 1 {
		s.Fatalf("offsets of one task are %s", document.JSON())
	}
	object, err := document.Entries()[0].Offset.Object()
	s.must(err)
	value, _ := object.Get(s.Number)
	position, whole := value.Int()
	if !whole {
		s.Fatalf("offset %s holds no number as %q", object, s.Number)
	}
	return position
}

// hasWritten waits until a running source has written to its topic.
func (s *suite) hasWritten(name, topic string) {
	s.Helper()
	s.must(wait.Until(s.ctx, name+" to write to "+topic, limit, func(ctx context.Context) (bool, string, error) {
		topics, err := s.Client.ActiveTopics(ctx, name)
		return slices.Contains(topics, topic), "no active topic", err
	}))
}
