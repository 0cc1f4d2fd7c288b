package single

import (
	"strings"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/command"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/offsetstore"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair/pairtest"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

func steps() Steps {
	return Steps{Setup: &command.Setup{Options: command.DefaultOptions(), Events: event.Discard{}}}
}

// TestByHand moves a connector step by step. What would lose or repeat records on the way is
// refused, and changes nothing.
func TestByHand(t *testing.T) {
	pairtest.InWorld(t, func(t *testing.T, w *pairtest.World) {
		w.Run(pairtest.SlowSource())
		request := w.Request()
		from, to := request.From(), request.To()
		refused := func(result event.ConnectorResult, reason string) {
			t.Helper()
			if result.Outcome != event.Refused || result.Changed || !strings.Contains(result.Message, reason) {
				t.Errorf("%s, changed %t, want %q: %s", result.Outcome, result.Changed, reason, result.Message)
			}
		}
		settings, err := steps().ReadConfig(t.Context(), from)
		if err != nil {
			t.Fatal(err)
		}
		w.Expect(steps().CreateStopped(t.Context(), request, settings, ""), event.Created, connect.Running, connect.Stopped)
		w.Expect(steps().CreateStopped(t.Context(), request, settings, ""), event.Unchanged, connect.Running, connect.Stopped)
		refused(steps().CreateStopped(t.Context(), request, settings.With("rate", rawjson.String("9")), ""), "is taken on europe")
		refused(steps().Start(t.Context(), to, request.Origin), "both would run")
		refused(steps().PutOffsets(t.Context(), from, offsetstore.Auto, offset.Document{}), "while it is stopped")

		w.Expect(steps().FlushWait(t.Context(), from, offsetstore.Auto), event.Quiesced, connect.Stopped, connect.Stopped)
		refused(steps().Start(t.Context(), to, request.Origin), "offsets on europe differ from those on global")
		document, read := steps().GetOffsets(t.Context(), from, offsetstore.Auto)
		if read.Outcome != event.Read || document.Len() != 2 {
			t.Fatalf("%d entries, %s: %s", document.Len(), read.Outcome, read.Message)
		}
		w.Expect(steps().PutOffsets(t.Context(), to, offsetstore.Auto, document), event.Written, connect.Stopped, connect.Stopped)
		w.Expect(steps().Start(t.Context(), to, request.Origin), event.Started, connect.Stopped, connect.Running)
		w.Exact()
	})
}

// TestFlushWaitPutsBack: a connector that cannot be proven at rest in time runs on as before.
func TestFlushWaitPutsBack(t *testing.T) {
	pairtest.InWorld(t, func(t *testing.T, w *pairtest.World) {
		w.Run(connecttest.SourceConfig(pairtest.Topic, 2).With("poll.block.ms", rawjson.String("600000")))
		short := steps()
		short.Options.Proof.Timeout = 5 * time.Second
		result := short.FlushWait(t.Context(), w.Request().From(), offsetstore.Auto)
		w.Expect(result, event.NotProven, connect.Running, "")
		if !strings.Contains(result.Message, "orders is RUNNING as before") || !strings.Contains(result.Instructions, "--timeout") {
			t.Errorf("%s; %s", result.Message, result.Instructions)
		}
	})
}
