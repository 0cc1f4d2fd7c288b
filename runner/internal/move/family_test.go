package move

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

const (
	queueClass    = "com.ibm.eventstreams.connect.mqsource.MQSourceConnector"
	debeziumClass = "io.debezium.connector.postgresql.PostgresConnector"
)

// inWorldOfClasses runs a test with workers that load NumberedSource under other names.
func inWorldOfClasses(t *testing.T, test func(t *testing.T, w *world), classes ...string) {
	t.Helper()
	plugins := connecttest.DefaultPlugins()
	for _, class := range classes {
		plugins = append(plugins, connecttest.Plugin{Plugin: connect.Plugin{Class: class, Type: "source", Version: "1.0.0"}})
	}
	with := []connecttest.Option{connecttest.WithPlugins(plugins...)}
	for name, hard := range map[string]bool{"hard": true, "timed": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, newWorldOf(t, hard, with, with)) })
		})
	}
}

func ofClass(class string, settings ...string) rawjson.Object {
	config := connecttest.SourceConfig(topic, 1).With("connector.class", rawjson.String(class))
	for _, setting := range settings {
		key, value, _ := strings.Cut(setting, "=")
		config = config.With(key, rawjson.String(value))
	}
	return config
}

// A queue's connector is moved although its offsets could not be: they mean nothing.
func TestWhatAcknowledgesElsewhereMovesWithoutOffsets(t *testing.T) {
	inWorldOfClasses(t, func(t *testing.T, w *world) {
		w.Run(ofClass(queueClass, "key.order=linked"))
		result := w.move()
		w.Expect(result, event.Moved, connect.Stopped, connect.Running)
		if result.Copy != "none" || result.Entries != 0 {
			t.Errorf("copy %q of %d entries", result.Copy, result.Entries)
		}
		said := ""
		for _, check := range result.Checks {
			said += check.Reason + "\n"
		}
		if !strings.Contains(said, "acknowledges in the system it reads from") {
			t.Errorf("the checks do not say where the position is:\n%s", said)
		}
		w.Expect(w.rollback(), event.RolledBack, connect.Running, connect.Stopped)
	}, queueClass)
}

func TestWhatWouldBeLostIsRefusedBeforeAnythingStops(t *testing.T) {
	inWorldOfClasses(t, func(t *testing.T, w *world) {
		w.Run(ofClass(debeziumClass, "slot.drop.on.stop=true"))
		mover := w.mover()
		mover.Options.Proof.AllowDuplicates = true // accepts no loss
		result := mover.Move(t.Context(), w.Request())
		w.Expect(result, event.Refused, connect.Running, "")
		if !strings.Contains(result.Message, "slot would be dropped") {
			t.Error(result.Message)
		}
		w.Exact()
	}, debeziumClass)
}

func TestWhatWouldBeSentAgainIsRefusedUntilItIsAccepted(t *testing.T) {
	inWorldOfClasses(t, func(t *testing.T, w *world) {
		w.Run(ofClass(debeziumClass, "topic.prefix=a"))
		request := w.Request()
		request.Set = map[string]string{"topic.prefix": "b"}
		result := w.mover().Move(t.Context(), request)
		w.Expect(result, event.Refused, connect.Running, "")
		if !strings.Contains(result.Message, "topic.prefix differs") || !strings.Contains(result.Message, "--allow-duplicates") {
			t.Error(result.Message)
		}
		mover := w.mover()
		mover.Options.Proof.AllowDuplicates = true
		w.Expect(mover.Move(t.Context(), request), event.Moved, connect.Stopped, connect.Running)
	}, debeziumClass)
}
