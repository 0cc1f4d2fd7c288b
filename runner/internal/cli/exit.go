package cli

import (
	"errors"
	"fmt"
	"slices"

	"github.com/connect-ferry/connect-ferry/runner/internal/campaign"
	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/clusterfile"
	"github.com/connect-ferry/connect-ferry/runner/internal/dial"
	"github.com/connect-ferry/connect-ferry/runner/internal/drift"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/plan"
	"github.com/connect-ferry/connect-ferry/runner/internal/rules"
)

const (
	exitDone         = 0
	exitFailed       = 1
	exitUsage        = 2
	exitRefused      = 10
	exitNotProven    = 11
	exitRolledBack   = 12
	exitOutdated     = 13
	exitHeld         = 14
	exitRunningTwice = 15
	exitDown         = 16
	exitInterrupted  = 130
)

// severity lists what can go wrong with a connector, the worst first. A command
// over several connectors ends as its worst one.
var severity = []struct {
	outcome event.Outcome
	code    int
}{
	{event.Down, exitDown},
	{event.RunningTwice, exitRunningTwice},
	{event.Interrupted, exitInterrupted},
	{event.Failed, exitFailed},
	{event.NotProven, exitNotProven},
	{event.RolledBack, exitRolledBack},
	{event.Held, exitHeld},
	{event.Refused, exitRefused},
}

// usageError is a mistake in how a command was called.
type usageError struct{ message string }

func (e *usageError) Error() string { return e.message }

func usagef(format string, arguments ...any) error {
	return &usageError{fmt.Sprintf(format, arguments...)}
}

// conclude fills in how the command ended as a whole.
func conclude(result *event.Result, err error) {
	if err != nil {
		result.Message = err.Error()
		result.Outcome, result.ExitCode = concludeError(err)
		return
	}
	result.Outcome, result.ExitCode = event.Done, exitDone
	for _, worst := range severity {
		if worst.outcome == event.RolledBack && result.Command == "rollback" {
			continue // what was asked for
		}
		if slices.ContainsFunc(result.Connectors, func(c event.ConnectorResult) bool { return c.Outcome == worst.outcome }) {
			result.Outcome, result.ExitCode = worst.outcome, worst.code
			break
		}
	}
	if result.Command == "apply" && result.Outcome == event.Refused && slices.ContainsFunc(result.Connectors, func(c event.ConnectorResult) bool { return c.Changed && !c.Outcome.Bad() }) {
		result.Outcome, result.ExitCode = event.Failed, exitFailed // refused would say that nothing was changed
	}
	switch {
	case result.Message != "": // the command has said it
	case result.Command == "diff":
		result.Message = drift.Summary(result.Origin, result.Target, result.Connectors)
	default:
		result.Message = event.Count(result.Connectors)
	}
}

func concludeError(err error) (event.Outcome, int) {
	if errors.Is(err, event.ErrInterrupted) {
		return event.Interrupted, exitInterrupted
	}
	if _, ok := errors.AsType[*usageError](err); ok {
		return event.Invalid, exitUsage
	}
	if _, ok := errors.AsType[*dial.UnknownClusterError](err); ok {
		return event.Invalid, exitUsage
	}
	if _, ok := errors.AsType[*clusterfile.InputError](err); ok {
		return event.Invalid, exitUsage
	}
	if _, ok := errors.AsType[*rules.MatchError](err); ok {
		return event.Invalid, exitUsage
	}
	if _, ok := errors.AsType[*campaign.SelectionError](err); ok {
		return event.Invalid, exitUsage
	}
	if _, ok := errors.AsType[*plan.OutdatedError](err); ok {
		return event.Outdated, exitOutdated
	}
	if cluster.IsRefused(err) {
		return event.Refused, exitRefused
	}
	return event.Failed, exitFailed
}

// bad reports whether a connector's outcome is one a person must look at.
func bad(command string, outcome event.Outcome) bool {
	if outcome == event.RolledBack && command == "rollback" {
		return false
	}
	return outcome.Bad()
}
