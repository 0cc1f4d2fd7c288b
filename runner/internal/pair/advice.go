package pair

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
)

// DeletedOriginAdvice is for a connector of which only the idle copy of an earlier move is
// left.
func (r Request) DeletedOriginAdvice() string {
	return fmt.Sprintf("if it was deleted by mistake, its config is in the stopped copy on %s: bring it back, with its last offsets, with `%s`, then `%s`; do not start that copy by hand",
		r.Target.Name, RecreateCommand(r.From(), r.To(), connect.Running), StartCommand(r.From()))
}

// DeletedCopyAdvice is for a stopped connector without a copy on the target: perhaps it was
// stopped by its owner, perhaps by a move whose copy somebody has deleted since.
func (r Request) DeletedCopyAdvice() string {
	return fmt.Sprintf("if a copy ran on %s and was deleted, the newer offsets are there: bring it back with `%s`, then take it back with `ferry rollback`",
		r.Target.Name, RecreateCommand(r.To(), r.From(), connect.Running))
}

// RecreateCommand creates a connector again, stopped, for a move or rollback that ends in the
// state it had.
func RecreateCommand(gone, kept instance.Instance, was connect.State) string {
	was = cmp.Or(was, connect.Running)
	command := fmt.Sprintf("ferry create-stopped --cluster %s --from %s --connector %s --was-state %s", gone.On(), kept.On(), kept.Name, strings.ToLower(string(was)))
	if gone.Name != kept.Name {
		command += fmt.Sprintf(" --rename %s=%s", kept.Name, gone.Name)
	}
	return command
}

// StartCommand starts a connector on its cluster.
func StartCommand(of instance.Instance) string {
	return fmt.Sprintf("ferry start --cluster %s --connector %s", of.On(), of.Name)
}
