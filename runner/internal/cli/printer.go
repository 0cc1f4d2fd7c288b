package cli

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
)

// printer writes a command's events while it runs and its result at the end.
type printer struct {
	events event.Recorder
	result func(event.Result)
}

// newPrinter returns the printer for an output format. Text and JSON keep
// standard output for the result and tell about progress on standard error;
// Kestra reads everything from standard output.
func newPrinter(format string, stdout, stderr io.Writer) printer {
	switch format {
	case "kestra":
		markers := event.NewKestra(stdout)
		return printer{events: markers, result: func(result event.Result) {
			for _, line := range failures(result) {
				markers.Failure(line)
			}
			markers.Result(result)
		}}
	case "json":
		return printer{events: event.NewJSONLines(stderr), result: func(result event.Result) {
			encoder := json.NewEncoder(stdout)
			encoder.SetEscapeHTML(false)
			_ = encoder.Encode(result)
			printFailures(stderr, result)
		}}
	default:
		return printer{events: event.NewText(stderr), result: func(result event.Result) {
			if result.Outcome == event.Done || result.Outcome != event.Invalid && len(result.Connectors) > 0 {
				event.Summary(stdout, result)
			}
			printFailures(stderr, result)
		}}
	}
}

func printFailures(stderr io.Writer, result event.Result) {
	for _, line := range failures(result) {
		_, _ = fmt.Fprintln(stderr, "ferry "+result.Command+": "+event.OneLine(line))
	}
}

// failures returns a line for each thing that went wrong.
func failures(result event.Result) []string {
	if len(result.Connectors) == 0 && result.ExitCode != exitDone {
		return []string{result.Message}
	}
	var lines []string
	for _, connector := range result.Connectors {
		if bad(result.Command, connector.Outcome) {
			line := connector.Connector + ": " + connector.Message
			if connector.Instructions != "" {
				line += "; " + connector.Instructions
			}
			lines = append(lines, line)
		}
	}
	return lines
}
