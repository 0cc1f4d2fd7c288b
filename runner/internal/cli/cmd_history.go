package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	ucli "github.com/urfave/cli/v2"

	"github.com/connect-ferry/connect-ferry/runner/internal/clusterfile"
	"github.com/connect-ferry/connect-ferry/runner/internal/crash"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/history"
	"github.com/connect-ferry/connect-ferry/runner/internal/natsstore"
	"github.com/connect-ferry/connect-ferry/runner/internal/secret"
)

// historyCommand is the one command that is not about connectors of a cluster, but
// about what NATS holds of them.
func historyCommand(stdout, stderr io.Writer, code *int) *ucli.Command {
	return &ucli.Command{
		Name: "history", Usage: "show from NATS who moved what, and when (reads only)", OnUsageError: onUsageError, HideHelpCommand: true,
		Description: "One story for each move and rollback: who ran it, its steps, its proof, its downtime and its outcome.\n" +
			"Needs the nats section of the clusters file; no cluster is asked.\n\n" +
			"Example: ferry history --clusters clusters.yaml --connector orders --since 24h",
		Flags: flags(map[string]string{
			"connector": "`NAME` of a connector on its origin; repeat it for several; all if not given",
			"result":    "write the history document to `FILE` (schemas/history.schema.json)",
			"output":    "`FORMAT` of the output: text, json (schemas/history.schema.json) or kestra",
		}, []string{"connector", "since"}, common),
		Action: func(c *ucli.Context) error {
			if c.Args().Present() {
				return fmt.Errorf("history takes no argument %q; names and files come by flag, see ferry history --help", c.Args().First())
			}
			*code = runHistory(c.Context, c, stdout, stderr)
			return nil
		},
	}
}

func runHistory(ctx context.Context, c *ucli.Context, stdout, stderr io.Writer) int {
	mask := &secret.Mask{}
	stdout, stderr = mask.Writer(stdout), mask.Writer(stderr)
	asked, err := readRequest(c)
	var stories history.Stories
	if err == nil {
		err = canWrite("result", asked.Result)
	}
	if err == nil {
		stories, err = readHistory(ctx, asked, mask)
	}
	if err == nil && asked.Result != "" {
		err = writeHistory(asked.Result, stories, mask)
	}
	if err == nil {
		printHistory(stdout, asked.Output, stories)
		return exitDone
	}
	outcome, code := concludeError(err)
	if asked.Output == "kestra" {
		markers := event.NewKestra(stdout)
		markers.Failure(err.Error())
		markers.Result(event.Result{Command: "history", ExitCode: code, Outcome: outcome, Message: err.Error()})
		return code
	}
	_, _ = fmt.Fprintln(stderr, "ferry history: "+event.OneLine(err.Error()))
	return code
}

// historyTime is how long reading it may take.
const historyTime = 2 * time.Minute

func readHistory(ctx context.Context, asked request, mask *secret.Mask) (stories history.Stories, err error) {
	defer crash.Catch(&err)
	since, err := sinceTime(asked.Since, time.Now())
	if err != nil {
		return stories, err
	}
	clusters, err := asked.clusters()
	if err != nil {
		return stories, err
	}
	mask.Add(clusters.Secrets()...)
	if clusters.NATS() == nil {
		return stories, &clusterfile.InputError{File: "clusters", Err: fmt.Errorf("the section nats is missing, and it is there that the history is kept")}
	}
	options, err := natsOptions(clusters.NATS())
	if err != nil {
		return stories, err
	}
	store, err := natsstore.OpenToRead(ctx, options)
	if err != nil {
		return stories, err
	}
	defer store.Close()
	ctx, cancel := context.WithTimeout(ctx, historyTime)
	defer cancel()
	return history.Read(ctx, store, since, asked.Connectors...)
}

func writeHistory(path string, stories history.Stories, mask *secret.Mask) error {
	content, err := json.MarshalIndent(stories, "", "  ")
	if err != nil {
		return fmt.Errorf("history %s: %w", path, err)
	}
	return writeFile(path, []byte(mask.Text(string(content))+"\n"))
}

// sinceTime reads a time of the past, or how long ago it was; "" is the zero time.
func sinceTime(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	ago, err := duration("since", text, 0)
	if err != nil {
		return time.Time{}, usagef("--since is a time such as 24h, PT24H or 2026-11-24T18:00:00Z, not %q", text)
	}
	return now.Add(-ago), nil
}

func printHistory(out io.Writer, format string, stories history.Stories) {
	switch format {
	case "json":
		encoder := json.NewEncoder(out)
		encoder.SetEscapeHTML(false)
		_ = encoder.Encode(stories)
	case "kestra":
		stories.Kestra(out)
	default:
		stories.Text(out)
	}
}
