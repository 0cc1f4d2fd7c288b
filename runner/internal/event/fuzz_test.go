package event_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/secret"
)

// kestraMarker is Kestra's pattern for markers. In Java a dot matches no line terminator,
// and Java knows more of those than Go.
var kestraMarker = regexp.MustCompile("^::(\\{[^\n\r\u0085\u2028\u2029]*\\})::$")

// FuzzPrinters feeds foreign text to every printer: each event stays one line in its
// format, and no secret is printed.
func FuzzPrinters(f *testing.F) {
	f.Add("orders", "first\nsecond", "planted-secret")
	f.Add("a}]}::\n::{\"outputs\":{}}::", "}::", "::{")
	f.Add("\u0085\u2028\u2029\r", "\x00\x1b[2J\x7f", "planted\u0085secret")
	f.Add("\xff\xfe", `\u0022}]}::`, `"}]}::`)
	f.Fuzz(func(t *testing.T, connector, message, planted string) {
		mask := &secret.Mask{}
		mask.Add(secret.New(planted))
		var text, lines, markers bytes.Buffer
		recorders := []event.Recorder{event.NewText(mask.Writer(&text)), event.NewJSONLines(mask.Writer(&lines)), event.NewKestra(mask.Writer(&markers))}
		at, said := time.Unix(0, 0), message+" "+planted
		for _, happened := range []event.Event{
			event.StepStarted{Connector: connector, Step: "copy", At: at},
			event.StepEnded{Connector: connector, Step: "copy", At: at, Detail: said},
			event.StepEnded{Connector: connector, Step: "copy", At: at, Err: errors.New(said)},
			event.Note{Connector: connector, Level: event.Warn, At: at, Message: said},
			event.Note{Level: event.Info, At: at, Message: said},
		} {
			for _, recorder := range recorders {
				recorder.Emit(happened)
			}
		}
		result := certificate()
		result.Message, result.Connectors[0].Message, result.Connectors[0].Connector = said, said, connector
		kestra := event.NewKestra(mask.Writer(&markers))
		kestra.Failure(said)
		kestra.Result(result)

		if got := strings.Count(text.String(), "\n"); got != 4 || strings.ContainsAny(text.String(), "\r\u0085\u2028\u2029\x1b") {
			t.Errorf("text is %d lines: %q", got, text.String())
		}
		for line := range strings.Lines(lines.String()) {
			if !json.Valid([]byte(line)) || !strings.Contains(line, `"message_type":`) {
				t.Errorf("no line of JSON: %q", line)
			}
		}
		if got := strings.Count(lines.String(), "\n"); got != 5 {
			t.Errorf("%d lines of JSON: %q", got, lines.String())
		}
		count := 0
		for line := range strings.Lines(markers.String()) {
			count++
			found := kestraMarker.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
			var content map[string]json.RawMessage
			if found == nil || json.Unmarshal([]byte(found[1]), &content) != nil || len(content) != 1 {
				t.Errorf("no marker: %q", line)
			}
		}
		if count != 7 {
			t.Errorf("%d markers: %q", count, markers.String())
		}
	})
}
