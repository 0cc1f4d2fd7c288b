package pair

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
	"github.com/connect-ferry/connect-ferry/runner/internal/kept"
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

// AcceptedAdvice says how to roll back a move whose copy on the origin was accepted away.
func (r Request) AcceptedAdvice() string {
	return fmt.Sprintf("or, if `ferry accept` removed it: do what bring_back says in %s, which is in its --certificate folder, in Kestra in `files` of the task Accept; "+
		"then roll back again", kept.FileName(r.Origin.Name, r.Connector))
}

// MoveFlags name the move to a command of ferry.
func (r Request) MoveFlags() string {
	return MoveFlags(r.Origin.Name, r.Target.Name, r.Connector, r.TargetName())
}

// MoveFlags name to a command of ferry the move of a connector that has a name on the target.
func MoveFlags(origin, target, connector, name string) string {
	text := "--origin " + Shell(origin) + " --target " + Shell(target) + " --connector " + Shell(connector)
	if connector != name {
		text += " --rename " + Shell(connector+"="+name)
	}
	return text
}

// plain are the characters that no shell reads as anything but themselves.
var plain = regexp.MustCompile(`^[A-Za-z0-9_./:@%+,=-]+$`)

// Shell returns a word of a command as a shell takes it.
func Shell(word string) string {
	if plain.MatchString(word) && !strings.HasPrefix(word, "-") {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
