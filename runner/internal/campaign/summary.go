package campaign

import (
	"fmt"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
)

// summary says how many connectors of each wave ended how, and names the next command.
func (r *running) summary() string {
	var said []string
	for first, last := range r.waves() {
		said = append(said, fmt.Sprintf("wave %d: %s", r.moves[first].Wave, event.Count(r.results[first:last])))
	}
	if said == nil {
		return "the plan moves no connector"
	}
	return strings.Join(said, "; ") + "; " + r.next()
}

// next names the next command.
func (r *running) next() string {
	bad, left, moved := false, false, false
	for _, result := range r.results {
		bad = bad || result.Outcome.Bad()
		left = left || result.Outcome == event.NotBegun
		moved = moved || result.Outcome == event.Moved
	}
	last := r.moves[len(r.moves)-1].Wave
	switch {
	case r.forbidden:
		return "next: correct what refuses them and make the plan anew with `ferry plan`, or leave them out with --wave or --only"
	case (bad || left) && moved:
		return fmt.Sprintf("next: mend what failed, and run `%s` again, which goes on; or take moved ones back with `ferry rollback`", r.command())
	case bad || left:
		return fmt.Sprintf("next: mend what failed, and run `%s` again, which goes on", r.command())
	case r.Mode == Rehearse:
		return fmt.Sprintf("next: `%s`", r.part(r.Command))
	case r.Mode == Prepare:
		return fmt.Sprintf("next: `%s` makes the cut", r.part(r.Command))
	case r.Wave != 0 && last < len(r.Plan.Waves):
		return fmt.Sprintf("next: `%s --wave %d`", r.Command, last+1)
	default:
		return fmt.Sprintf("next: `ferry diff --origin %s --target %s` shows both clusters", pair.Shell(r.Plan.Origin.Name), pair.Shell(r.moves[len(r.moves)-1].Target))
	}
}

// command is how this very campaign is run again.
func (r *running) command() string {
	command := r.part(r.Command)
	switch r.Mode {
	case Rehearse:
		command += " --rehearse"
	case Prepare:
		command += " --until prepared"
	case Move:
	}
	return command
}

// part adds what selects a part of the plan.
func (r *running) part(command string) string {
	if r.Wave != 0 {
		command += fmt.Sprintf(" --wave %d", r.Wave)
	}
	if len(r.Only) > 3 {
		return command + " --only ..."
	}
	for _, only := range r.Only {
		command += " --only " + pair.Shell(only)
	}
	return command
}
