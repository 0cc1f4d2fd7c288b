package event

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/connect-ferry/connect-ferry/runner/internal/words"
)

// Text writes events as lines for people. It is a [Recorder].
type Text struct {
	mu  sync.Mutex
	out io.Writer
}

// NewText returns a recorder that writes to out.
func NewText(out io.Writer) *Text { return &Text{out: out} }

// Emit writes one line for a step that ended and for a note.
func (t *Text) Emit(happened Event) {
	line := ""
	switch e := happened.(type) {
	case StepStarted, MoveStarted, MoveEnded:
		return
	case StepEnded:
		line = stepLine(e)
	case Note:
		line = noteLine(e)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	_, _ = fmt.Fprintln(t.out, clock(happened)+" "+OneLine(line))
}

// OneLine puts the text of a worker, a plugin or a library on one line. Control
// characters, which could rewrite what a terminal shows, become U+FFFD.
func OneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return unicode.ReplacementChar
		}
		return r
	}, strings.Join(strings.Fields(text), " "))
}

func stepLine(e StepEnded) string {
	text := fmt.Sprintf("%s: %s %s", e.Connector, e.Step, short(e.Took))
	if e.Err != nil {
		return text + ": " + e.Err.Error()
	}
	if e.Detail != "" {
		return text + ": " + e.Detail
	}
	return text
}

func noteLine(e Note) string {
	text := e.Message
	if e.Connector != "" {
		text = e.Connector + ": " + text
	}
	if e.Level == Info {
		return text
	}
	return strings.ToLower(string(e.Level)) + ": " + text
}

func clock(happened Event) string {
	var at time.Time
	switch e := happened.(type) {
	case StepStarted:
		at = e.At
	case StepEnded:
		at = e.At
	case MoveStarted:
		at = e.At
	case MoveEnded:
		at = e.At
	case Note:
		at = e.At
	}
	return at.UTC().Format("15:04:05.000")
}

func short(d time.Duration) string {
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(10 * time.Millisecond).String()
}

// Summary writes a result for people: a line for each connector, then one for the
// command.
func Summary(out io.Writer, result Result) {
	for _, connector := range result.Connectors {
		_, _ = fmt.Fprintf(out, "%s  %s: %s\n", mark(result.Command, connector.Outcome), connector.Connector, OneLine(connector.Message))
		for _, check := range connector.Checks {
			if !check.OK || result.Command == "check" {
				_, _ = fmt.Fprintf(out, "    %s %s: %s\n", checkMark(check), check.Check, OneLine(check.Reason))
			}
		}
		for _, found := range connector.Findings {
			_, _ = fmt.Fprintf(out, "    %s\n", OneLine(found.String()))
		}
		if connector.Instructions != "" {
			_, _ = fmt.Fprintf(out, "    %s\n", connector.Instructions)
		}
	}
	_, _ = fmt.Fprintln(out, result.Command+": "+OneLine(result.Message))
}

func mark(command string, outcome Outcome) string {
	if command == "rollback" && outcome == RolledBack {
		return "ok" // what was asked for
	}
	switch {
	case outcome == NotBegun:
		return "--"
	case outcome.Bad():
		return "!!"
	default:
		return "ok"
	}
}

// String is a finding for people: its code, since when, and what it means.
func (f Finding) String() string {
	since := ""
	if !f.Since.IsZero() {
		since = " since " + f.Since.UTC().Format(time.RFC3339)
	}
	return f.Code + since + ": " + f.Means
}

func checkMark(check Check) string {
	switch {
	case !check.OK:
		return "no"
	case check.Warning:
		return "??"
	default:
		return "ok"
	}
}

const namesShown = 5

// Abbreviated joins names for a message, only the first few if there are many.
func Abbreviated(names []string) string {
	if len(names) <= namesShown {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:namesShown], ", ") + ", ..."
}

// Entries is a count of offset entries for a message.
func Entries(count int) string {
	return words.Count(count, "offset entry")
}

// Count says how many connectors ended how: "2 moved, 1 refused".
func Count(connectors []ConnectorResult) string {
	numbers := map[Outcome]int{}
	var order []Outcome
	for _, connector := range connectors {
		if numbers[connector.Outcome] == 0 {
			order = append(order, connector.Outcome)
		}
		numbers[connector.Outcome]++
	}
	parts := make([]string, len(order))
	for i, outcome := range order {
		said := strings.ReplaceAll(string(outcome), "_", " ")
		if outcome == Quiesced {
			said = "at rest"
		}
		parts[i] = fmt.Sprintf("%d %s", numbers[outcome], said)
	}
	return strings.Join(parts, ", ")
}
