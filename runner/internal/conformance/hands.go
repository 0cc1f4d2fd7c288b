package conformance

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// Suite is one check of one subject, and the hands that checks have in common: each
// ends the test if it cannot do what it is asked for.
type Suite struct {
	*testing.T
	Subject
	ctx context.Context
}

// New returns the hands for a test of its own.
func New(t *testing.T, subject Subject) *Suite {
	return &Suite{T: t, Subject: subject, ctx: t.Context()}
}

// Must ends the test after an error.
func (s *Suite) Must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// Create creates a connector that is gone after the test, in the given state,
// and waits until it is there.
func (s *Suite) Create(config rawjson.Object, state connect.State) string {
	s.Helper()
	name := s.Topic() + "-connector"
	s.CreateNamed(name, config, state)
	return name
}

// CreateNamed is [Suite.Create] with a name of the caller's.
func (s *Suite) CreateNamed(name string, config rawjson.Object, state connect.State) {
	s.Helper()
	s.Must(s.CreateAgain(name, config, state))
	s.Cleanup(func() { s.Remove(context.WithoutCancel(s.ctx), name) })
	s.AwaitStatus(name, "its state "+string(state), func(status connect.Status) bool { return status.Connector.State == state })
}

// CreateAgain creates a connector, and again if the cluster is busy.
func (s *Suite) CreateAgain(name string, config rawjson.Object, state connect.State) error {
	var last error
	err := wait.Until(s.ctx, "create "+name, limit, func(ctx context.Context) (bool, string, error) {
		last = s.Client.Create(ctx, name, config, state)
		return last == nil || !connect.IsTemporary(last), "", nil
	})
	return errors.Join(err, last)
}

func (s *Suite) Remove(ctx context.Context, name string) {
	err := s.Client.RetryFor(limit).Delete(ctx, name)
	if err == nil {
		err = s.AwaitGone(ctx, name)
	}
	if err != nil {
		s.Errorf("remove %q: %v", name, err)
	}
}

func (s *Suite) AwaitGone(ctx context.Context, name string) error {
	return wait.Until(ctx, name+" to be gone", limit, func(ctx context.Context) (bool, string, error) {
		_, config := s.Client.Config(ctx, name)
		_, status := s.Client.Status(ctx, name)
		return connect.IsNotFound(config) && connect.IsNotFound(status), "it is still there", nil
	})
}

func (s *Suite) AwaitStatus(name, what string, condition func(connect.Status) bool) connect.Status {
	s.Helper()
	var status connect.Status
	s.Must(wait.Until(s.ctx, name+": "+what, limit, func(ctx context.Context) (bool, string, error) {
		var err error
		status, err = s.Client.Status(ctx, name)
		if connect.IsNotFound(err) {
			return false, "no status yet", nil
		}
		return err == nil && condition(status), string(status.Connector.State), err
	}))
	return status
}

func (s *Suite) AwaitAll(name string, state connect.State, tasks int) {
	s.Helper()
	s.AwaitStatus(name, "connector and tasks "+string(state), func(status connect.Status) bool {
		return status.Connector.State == state && len(status.Tasks) == tasks && (tasks == 0 || status.AllTasks(state))
	})
}

// Stop stops a connector and waits until it shows no tasks, in status and config.
func (s *Suite) Stop(name string) {
	s.Helper()
	s.Must(s.Client.Stop(s.ctx, name))
	s.AwaitAll(name, connect.Stopped, 0)
	s.WantTasks(name, 0)
}

func (s *Suite) WantTasks(name string, want int) {
	s.Helper()
	tasks, err := s.Client.Tasks(s.ctx, name)
	s.Must(err)
	if len(tasks) != want {
		s.Errorf("%d tasks configured, want %d", len(tasks), want)
	}
}

// ReadOffsets reads until two reads are equal, since the first read of a partition
// that is new to a worker can lack it.
func (s *Suite) ReadOffsets(name string) offset.Document {
	s.Helper()
	var last offset.Document
	s.Must(wait.Until(s.ctx, "equal reads of offsets", limit, func(ctx context.Context) (bool, string, error) {
		first, err := s.TryRead(ctx, name)
		if err != nil {
			return false, "", err
		}
		last, err = s.TryRead(ctx, name)
		return err == nil && offset.Equal(first, last), offset.Compare(first, last).String(), err
	}))
	return last
}

func (s *Suite) TryRead(ctx context.Context, name string) (offset.Document, error) {
	value, err := s.Client.Offsets(ctx, name)
	if err != nil {
		return offset.Document{}, err
	}
	return offset.Parse(value)
}

func (s *Suite) Patch(name, document string) {
	s.Helper()
	if _, err := s.Client.AlterOffsets(s.ctx, name, s.JSON(document)); err != nil {
		s.Fatalf("patch %s: %v", document, err)
	}
}

// JSON parses a document in which the key "n" stands for Subject.Number.
func (s *Suite) JSON(document string) rawjson.Value {
	s.Helper()
	value, err := rawjson.Parse([]byte(strings.ReplaceAll(document, `"n":`, rawjson.String(s.Number).String()+":")))
	s.Must(err)
	return value
}

func (s *Suite) WantOffsets(name, document string) {
	s.Helper()
	want, err := offset.Parse(s.JSON(document))
	s.Must(err)
	if have := s.ReadOffsets(name); !offset.Equal(want, have) {
		s.Errorf("offsets are %s, want %s", have.JSON(), document)
	}
}

// WantRefused checks that err is an answer of that status, 0 for any, which says that.
func (s *Suite) WantRefused(err error, status int, says string) {
	s.Helper()
	answer, ok := errors.AsType[*connect.ResponseError](err)
	if !ok || status != 0 && answer.Status != status || !strings.Contains(answer.Message, says) {
		s.Errorf("answer is %v, want %d with %q", err, status, says)
	}
}

// Position returns the number in the only offset of a source.
func (s *Suite) Position(document offset.Document) int64 {
	s.Helper()
	if document.Len() != 1 {
		s.Fatalf("offsets of one task are %s", document.JSON())
	}
	return s.number(document.Entries()[0].Offset)
}

// number returns what an offset of a source holds.
func (s *Suite) number(value rawjson.Value) int64 {
	s.Helper()
	object, err := value.Object()
	s.Must(err)
	member, _ := object.Get(s.Number)
	number, whole := member.Int()
	if !whole {
		s.Fatalf("offset %s holds no number as %q", value, s.Number)
	}
	return number
}

// HasWritten waits until a running source has written to its topic.
func (s *Suite) HasWritten(name, topic string) {
	s.Helper()
	s.Must(wait.Until(s.ctx, name+" to write to "+topic, limit, func(ctx context.Context) (bool, string, error) {
		topics, err := s.Client.ActiveTopics(ctx, name)
		return slices.Contains(topics, topic), "no active topic", err
	}))
}

// Has reports whether the cluster is of a version or later.
func (s *Suite) Has(since cluster.Version) bool {
	s.Helper()
	server, err := s.Client.Server(s.ctx)
	s.Must(err)
	version, ok := cluster.ParseVersion(server.Version)
	if !ok {
		s.Fatalf("version %q", server.Version)
	}
	return !version.Before(since)
}
