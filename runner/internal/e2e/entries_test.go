package e2e

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
)

var moves = flag.Int("moves", 3, "how often TestManyEntries moves its connector")

// TestManyEntries moves a connector with 20,000 offset entries to and fro. A worker that walks its partitions while records of the offsets topic come in answers
// 500 (a ConcurrentModificationException in Worker): that is passing, and refuses no move.
func TestManyEntries(t *testing.T) {
	t.Parallel()
	const entries = 20_000
	s := newStage(t, true)
	connector, topic := inTopic(t, "source"), inTopic(t, "records")
	s.run(connector, lab.NumberedSource(topic, 2, 100))
	s.flows(topic, 20)
	s.want(s.ferry("flush-wait", "--cluster", "global", "--connector", connector), 0, event.Quiesced)

	file := filepath.Join(t.TempDir(), "offsets.json")
	s.want(s.ferry("connect-offsets-get", "--cluster", "global", "--connector", connector, "--out", file), 0, event.Read)
	document, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var more strings.Builder
	for i := range entries {
		fmt.Fprintf(&more, `{"partition":{"stream":"another-%d"},"offset":{"sequence":%d}},`, i, i)
	}
	list := `"offsets":[`
	at := strings.Index(string(document), list) + len(list)
	if err := os.WriteFile(file, []byte(string(document[:at])+more.String()+string(document[at:])), 0o600); err != nil {
		t.Fatal(err)
	}
	s.want(s.ferry("connect-offsets-put", "--cluster", "global", "--connector", connector, "--offsets", file), 0, event.Written)
	s.want(s.ferry("start", "--cluster", "global", "--connector", connector), 0, event.Started)

	from, to := "global", "europe"
	for number := range *moves {
		s.flows(topic, 20)
		moved := s.ferry("move", "--origin", from, "--target", to, "--connector", connector)
		s.want(moved, 0, event.Moved)
		one := moved.Result.Connectors[0]
		if one.Entries != entries+2 || one.DowntimeMS == nil {
			t.Fatalf("move %d: %+v", number, one)
		}
		t.Logf("move %d to %s: %d entries, down for %d ms", number+1, to, one.Entries, *one.DowntimeMS)
		from, to = to, from
	}
	s.exact(connector, topic)
}
