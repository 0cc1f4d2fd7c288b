package cli

import (
	"fmt"

	ucli "github.com/urfave/cli/v2"
)

const bashCompletion = `_ferry() {
  local words
  words=$("${COMP_WORDS[@]:0:$COMP_CWORD}" --generate-bash-completion 2>/dev/null)
  COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[$COMP_CWORD]}"))
}
complete -o bashdefault -o default -F _ferry ferry
`

const zshCompletion = `#compdef ferry
_ferry() {
  local -a words
  words=("${(@f)$(${words[1,$CURRENT-1]} --generate-bash-completion 2>/dev/null)}")
  _describe command words
}
if [ "$funcstack[1]" = _ferry ]; then _ferry "$@"; else compdef _ferry ferry; fi
`

// completionCommand prints what a shell sources.
func completionCommand(app *ucli.App) *ucli.Command {
	scripts := map[string]func() (string, error){
		"bash": func() (string, error) { return bashCompletion, nil },
		"zsh":  func() (string, error) { return zshCompletion, nil },
		"fish": app.ToFishCompletion,
	}
	return &ucli.Command{
		Name: "completion", Usage: "print the completion script for a shell (reads only)", UsageText: "source <(ferry completion --shell bash)",
		HideHelpCommand: true,
		Flags:           []ucli.Flag{&ucli.StringFlag{Name: "shell", Value: "bash", Usage: "`SHELL`: bash, zsh or fish"}},
		Action: func(c *ucli.Context) error {
			script, ok := scripts[c.String("shell")]
			if !ok {
				return fmt.Errorf("--shell is bash, zsh or fish, not %q", c.String("shell"))
			}
			text, err := script()
			if err == nil {
				_, err = fmt.Fprint(c.App.Writer, text)
			}
			return err
		},
	}
}
