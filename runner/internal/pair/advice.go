package pair

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/config"
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

// BringBackCommand creates the origin's connector again, stopped, out of the copy on the target:
// with its own settings where they differ. The value of a secret is to be filled in.
func (r Request) BringBackCommand(seen Observation, defined map[string]connect.Definition) string {
	command := RecreateCommand(r.From(), r.To(), seen.WasOnTarget())
	origin, target := config.WithoutMarks(seen.Origin.Config).Without("name"), config.WithoutMarks(seen.Target.Config).Without("name")
	for _, key := range config.Differing(origin, target) {
		value, has := origin.Get(key)
		text, _ := value.Text()
		switch {
		case !has:
			command += " --unset " + Shell(key)
		case config.IsSecret(key, text, defined[key]):
			command += " --set " + Shell(key+"=SECRET")
		default:
			command += " --set " + Shell(key+"="+text)
		}
	}
	return command
}

// MoveFlags name the move to a command of ferry.
func (r Request) MoveFlags() string {
	text := "--origin " + Shell(r.Origin.Name) + " --target " + Shell(r.Target.Name) + " --connector " + Shell(r.Connector)
	if r.Connector != r.TargetName() {
		text += " --rename " + Shell(r.Connector+"="+r.TargetName())
	}
	return text
}

// Shell quotes a text for a shell if it has to be.
func Shell(text string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./=:@%+,", r)
	}
	if text != "" && strings.IndexFunc(text, func(r rune) bool { return !plain(r) }) < 0 {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
