package move

import (
	"net/http"
	"strings"
	"testing"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect/connecttest"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
)

// TestStartedOnTheOriginWithTheCopy has somebody resume the origin in the moment
// in which the copy is started, after the last look at the origin.
func TestStartedOnTheOriginWithTheCopy(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.run(connecttest.SourceConfig(topic, 2))
		request := w.request()
		client, err := connect.New(connect.Options{Workers: w.europe.URLs(), Transport: roundTripper(func(sent *http.Request) (*http.Response, error) {
			if strings.HasSuffix(sent.URL.Path, "/resume") {
				if err := w.global.Client().Resume(t.Context(), orders); err != nil {
					t.Error(err)
				}
			}
			return w.europe.Transport().RoundTrip(sent)
		})})
		if err != nil {
			t.Fatal(err)
		}
		request.Target.Client = client
		w.expect(w.mover().Move(t.Context(), request), event.RunningTwice, connect.Running, connect.Stopped)
		if overlaps := w.kafka.Overlaps(); len(overlaps) == 0 {
			t.Error("nothing ran twice, so this has shown nothing")
		}
	})
}
