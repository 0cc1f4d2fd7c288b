package move

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

const (
	icebergClass = "org.apache.iceberg.connect.IcebergSinkConnector"
	coordinators = "connect-orders-coord" // the second group
)

// inWorldOfIceberg runs a test in a world whose sink keeps a second position, with access
// to Kafka or without.
func inWorldOfIceberg(t *testing.T, hard bool, test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		with := []connecttest.Option{icebergPlugin()}
		w := newWorldOf(t, hard, with, with)
		w.Kafka.Produce("in", 2, 50_000)
		w.Run(icebergSink())
		test(w)
	})
}

func icebergPlugin() connecttest.Option {
	plugin := connecttest.Plugin{Plugin: connect.Plugin{Class: icebergClass, Type: "sink", Version: "1.12.0"}}
	return connecttest.WithPlugins(append(connecttest.DefaultPlugins(), plugin)...)
}

func icebergSink() rawjson.Object {
	return connecttest.SinkConfig("in", topic).With("poll.block.ms", rawjson.String("100")).With("connector.class", rawjson.String(icebergClass))
}

func checked(result event.ConnectorResult, text string, warning bool) bool {
	return slices.ContainsFunc(result.Checks, func(check event.Check) bool {
		return check.OK && check.Warning == warning && strings.Contains(check.Reason, text)
	})
}

// TestSecondPositionStays: a sink with a second position moves there and back under its
// name, and its second group is part of the proof.
func TestSecondPositionStays(t *testing.T) {
	inWorldOfIceberg(t, true, func(w *world) {
		result := w.move()
		w.Expect(result, event.Moved, connect.Stopped, connect.Running)
		if result.Proof.Group != "connect-orders" || !slices.Equal(result.Proof.FurtherGroups, []string{coordinators}) {
			w.T.Errorf("proof %+v", result.Proof)
		}
		if !checked(result, "(group "+coordinators+"), which stays", false) {
			w.T.Errorf("the checks do not say that it stays: %+v", result.Checks)
		}
		back := w.rollback()
		w.Expect(back, event.RolledBack, connect.Running, connect.Stopped)
		if !slices.Equal(back.Proof.FurtherGroups, []string{coordinators}) {
			w.T.Errorf("proof %+v", back.Proof)
		}
		w.Exact()
	})
}

// TestSecondGroupIsNotAtRest: what still reads the control topic may still commit, so there
// is no proof and the origin is put back.
func TestSecondGroupIsNotAtRest(t *testing.T) {
	inWorldOfIceberg(t, true, func(w *world) {
		left := connecttest.SinkConfig("control", "elsewhere").With("consumer.override.group.id", rawjson.String(coordinators))
		w.Kafka.Produce("control", 1, 10)
		if err := w.Global.Client().PutConfig(w.T.Context(), "left", left); err != nil {
			w.T.Fatal(err)
		}
		result := w.move()
		w.Expect(result, event.NotProven, connect.Running, "")
		if !strings.Contains(result.Message, "consumer group "+coordinators+" still has members") {
			w.T.Error(result.Message)
		}
		if err := w.Global.Client().Delete(w.T.Context(), "left"); err != nil {
			w.T.Fatal(err)
		}
		w.Expect(w.move(), event.Moved, connect.Stopped, connect.Running)
		w.Exact()
	})
}

// TestSecondGroupThatCannotBeRead is found before anything stops, and where no group can
// be read, the check says so.
func TestSecondGroupThatCannotBeRead(t *testing.T) {
	inWorldOfIceberg(t, true, func(w *world) {
		w.Kafka.Intercept(func(_ context.Context, access connecttest.Access, do func() error) error {
			if access.Name == coordinators {
				return errors.New("GROUP_AUTHORIZATION_FAILED")
			}
			return do()
		})
		result := w.move()
		w.Expect(result, event.Failed, connect.Running, "")
		if len(result.Steps) > 1 || !strings.Contains(result.Message, "GROUP_AUTHORIZATION_FAILED") {
			w.T.Errorf("%+v: %s", result.Steps, result.Message)
		}
	})
	inWorldOfIceberg(t, false, func(w *world) {
		result := w.move()
		w.Expect(result, event.Moved, connect.Stopped, connect.Running)
		if !checked(result, "whether group "+coordinators+" is at rest too cannot be seen", true) {
			w.T.Errorf("%+v", result.Checks)
		}
	})
}

// TestSecondPositionElsewhere: under another name the copy would look for another group,
// unless it is told its name; on another Kafka it is refused whatever is said of the log.
func TestSecondPositionElsewhere(t *testing.T) {
	inWorldOfIceberg(t, true, func(w *world) {
		request := w.Request()
		request.TargetConnector = "renamed"
		refused := w.mover().Move(w.T.Context(), request)
		w.Expect(refused, event.Refused, connect.Running, "")
		if !strings.Contains(refused.Message, "group "+coordinators+", and the copy would look for that of group connect-renamed-coord") ||
			!strings.Contains(refused.Message, "--set iceberg.connect.group-id=connect-orders") {
			w.T.Error(refused.Message)
		}
		request.Set = map[string]string{"iceberg.connect.group-id": "connect-orders"}
		if moved := w.mover().Move(w.T.Context(), request); moved.Outcome != event.Moved {
			w.T.Error(moved.Message)
		}
	})
	inWorldOfIceberg(t, true, func(w *world) {
		w.Europe = connecttest.New(connecttest.WithName("europe"), icebergPlugin())
		w.T.Cleanup(w.Europe.Close)
		w.SameLog = true
		refused := w.move()
		w.Expect(refused, event.Refused, connect.Running, "")
		if !strings.Contains(refused.Message, "is not true of another Kafka cluster") {
			w.T.Error(refused.Message)
		}
	})
}
