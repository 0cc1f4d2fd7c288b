// Package cli is ferry's command line: flags, files, signals, output and exit
// codes. It decides nothing about connectors (package move and those beside it
// do) and opens nothing (package dial does).
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	ucli "github.com/urfave/cli/v2"

	"github.com/connect-ferry/connect-ferry/runner/internal/crash"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
)

// Version is that of the runner, the plugin and the image.
const Version = "0.1.0"

const exitStatus = `EXIT STATUS
   0    done, or nothing to do
   1    failed; what was begun has been put back, unless the message says otherwise
   2    usage or invalid input; nothing was read or changed
   10   refused by a check; nothing was changed
   11   the offsets could not be proven final; put back
   12   the copy failed after its start and was rolled back with its progress
   13   the plan no longer matches the clusters
   14   another run holds the lease, or this run lost it
   15   running twice: the connector runs on both clusters
   16   down: the connector should run and does not, or its tasks have failed
   130  interrupted; what was begun has been put back
   An unknown code means failure. Every command may be killed and run again.
`

// Main runs one command and returns its exit code.
func Main(ctx context.Context, arguments []string, stdout, stderr io.Writer) int {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := cancelOnSignal(cancel)
	defer stop()
	// Whoever reads the output may die, as a Kestra worker can. A connector that
	// stands still at that moment must not be left behind: writing fails, ferry goes on.
	signal.Ignore(syscall.SIGPIPE)

	code := exitDone
	app := newApp(stdout, stderr, &code)
	err := recoveredRun(ctx, app, arguments)
	if err == nil {
		return code
	}
	_, _ = fmt.Fprintf(stderr, "ferry: %s\n", err)
	if _, ok := errors.AsType[*crash.Error](err); ok {
		return exitFailed
	}
	return exitUsage
}

func recoveredRun(ctx context.Context, app *ucli.App, arguments []string) (err error) {
	defer crash.Catch(&err)
	return app.RunContext(ctx, arguments)
}

// cancelOnSignal ends the context at the first SIGINT or SIGTERM. Further ones
// change nothing: the first has begun the putting back, which is bounded, and
// which only SIGKILL should be able to cut short.
func cancelOnSignal(cancel context.CancelCauseFunc) (stop func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		if received, open := <-signals; open {
			cancel(fmt.Errorf("%w by signal %q", event.ErrInterrupted, received))
		}
	}()
	return func() {
		signal.Stop(signals)
		close(signals)
	}
}

func newApp(stdout, stderr io.Writer, code *int) *ucli.App {
	app := &ucli.App{
		Name:  "ferry",
		Usage: "move Kafka Connect connectors between Connect clusters, nothing lost, nothing sent twice",
		UsageText: "ferry COMMAND --clusters FILE [flags]\n" +
			"ferry move --clusters clusters.yaml --origin global --target europe --connector orders",
		Description: "Each command says whether it reads or writes, and where. Files come by flag; positional arguments are refused.\n" +
			"All flags may also come from a JSON file (--request), under the same names with _ for -.",
		Version:                   Version,
		Writer:                    stdout,
		ErrWriter:                 stderr,
		HideHelpCommand:           true,
		EnableBashCompletion:      true,
		DisableSliceFlagSeparator: true, // or --set topics=a,b becomes two settings
		Suggest:                   true,
		ExitErrHandler:            func(*ucli.Context, error) {}, // or cli.Exit would end the process from within
		OnUsageError:              onUsageError,
		CustomAppHelpTemplate:     ucli.AppHelpTemplate + "\n" + exitStatus,
		Action: func(c *ucli.Context) error {
			if c.Args().Present() {
				return fmt.Errorf("unknown command %q, see ferry --help", c.Args().First())
			}
			return ucli.ShowAppHelp(c)
		},
	}
	for _, build := range []func() definition{
		planCommand, reportCommand, applyCommand, checkCommand, moveCommand, consolidateCommand, splitCommand, rollbackCommand, statusCommand, diffCommand, watchCommand,
		handoverCommand, acceptCommand, notifyCommand,
		createStoppedCommand, flushWaitCommand, offsetsGetCommand, offsetsPutCommand, startCommand,
	} {
		app.Commands = append(app.Commands, build().command(stdout, stderr, code))
	}
	app.Commands = append(app.Commands, historyCommand(stdout, stderr, code), completionCommand(app))
	return app
}

// onUsageError names the command's help, and for an unknown flag the nearest one.
func onUsageError(c *ucli.Context, err error, _ bool) error {
	message, help := strings.TrimSuffix(err.Error(), "\n"), "see `"+c.Command.HelpName+" --help`"
	unknown, is := strings.CutPrefix(message, "flag provided but not defined: -") // what package flag says
	if !is {
		return errors.New(message + ", " + help)
	}
	message = "unknown flag --" + strings.TrimLeft(unknown, "-")
	if c.Command.HelpName == c.App.HelpName {
		return errors.New(message + "; flags come after the command, " + help)
	}
	if near := ucli.SuggestFlag(c.Command.Flags, unknown, true); near != "" {
		return errors.New(message + ", did you mean " + near + "? " + help)
	}
	return errors.New(message + ", " + help)
}
