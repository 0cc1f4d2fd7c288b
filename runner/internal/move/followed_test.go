package move

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/offsetstore"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// TestManyEntries moves a connector of many entries. Where the offsets topics are known, the workers
// are asked for all of them once while it stands still.
func TestManyEntries(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.Run(connecttest.SourceConfig(topic, 2))
		w.addEntries(offsetstore.Many)
		cut, asked := false, map[string]int{}
		count := func(of *connecttest.Cluster) {
			of.Intercept(func(answer http.ResponseWriter, request *http.Request, next http.Handler) {
				switch _, last, _ := strings.Cut(request.URL.Path, orders+"/"); {
				case last == "pause":
					cut = true
				case last == "resume":
					cut = false
				case last == "offsets" && request.Method == http.MethodGet && cut:
					asked[of.Name()]++
				}
				next.ServeHTTP(answer, request)
			})
		}
		count(w.Global)
		count(w.Europe)
		mover := w.mover()
		mover.many = 0
		w.Expect(mover.Move(t.Context(), w.Request()), event.Moved, connect.Stopped, connect.Running)
		want := map[string]int{"global": 1, "europe": 0}
		if !w.Hard { // the reads of the timed proof, and the interlock
			want = map[string]int{"global": 5, "europe": 2}
		}
		if got := fmt.Sprint(asked["global"], asked["europe"]); got != fmt.Sprint(want["global"], want["europe"]) {
			t.Errorf("asked for all offsets %s times, want %v", got, want)
		}
		w.Exact()
	})
}

// addEntries adds offsets of partitions that the connector does not have any more.
func (w *world) addEntries(count int) {
	w.T.Helper()
	client := w.Global.Client()
	if err := client.Stop(w.T.Context(), orders); err != nil {
		w.T.Fatal(err)
	}
	w.Await(w.Global, connect.Stopped)
	entries := make([]string, count)
	for i := range entries {
		entries[i] = fmt.Sprintf(`{"partition":{"stream":"gone-%d"},"offset":{"sequence":%d}}`, i, i)
	}
	patch, err := rawjson.Parse([]byte(`{"offsets":[` + strings.Join(entries, ",") + `]}`))
	if err != nil {
		w.T.Fatal(err)
	}
	if _, err := client.AlterOffsets(w.T.Context(), orders, patch); err != nil {
		w.T.Fatal(err)
	}
	if err := client.Resume(w.T.Context(), orders); err != nil {
		w.T.Fatal(err)
	}
	w.Await(w.Global, connect.Running)
	w.Pass(70 * time.Second)
}
