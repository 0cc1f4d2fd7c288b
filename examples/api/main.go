// Command api runs a flow by Kestra's API, with the standard library alone: it starts the
// flow, follows it, answers what it asks, and prints its outputs.
//
//	export KESTRA_URL=http://localhost:8080 KESTRA_USER=name:password
//	go run ./examples/api start migrate-connectors origin=global target=europe 'connectors=["orders"]'
//	go run ./examples/api resume EXECUTION decision=APPROVE plan=HASH who=Ann why=...
//	go run ./examples/api outputs EXECUTION TASK
//
// It ends with 0 after a success, with 1 after a failure, and with 3 if the execution waits for an answer.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

const (
	exitFailed  = 1
	exitUsage   = 2
	exitWaiting = 3
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	kestra := &Kestra{URL: os.Getenv("KESTRA_URL"), Tenant: cmp.Or(os.Getenv("KESTRA_TENANT"), "main"), Namespace: "connect.ferry"}
	kestra.User, kestra.Password, _ = strings.Cut(os.Getenv("KESTRA_USER"), ":")
	code, err := run(ctx, kestra, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "api:", err)
		code = cmp.Or(code, exitFailed)
	}
	os.Exit(code)
}

func run(ctx context.Context, kestra *Kestra, arguments []string, out io.Writer) (int, error) {
	if len(arguments) < 2 {
		return exitUsage, errors.New("expected start FLOW, resume EXECUTION or outputs EXECUTION TASK, and inputs as name=value")
	}
	command, id, rest := arguments[0], arguments[1], arguments[2:]
	if command == "outputs" {
		if len(rest) != 1 {
			return exitUsage, errors.New("expected outputs EXECUTION TASK")
		}
		outputs, err := kestra.TaskOutputs(ctx, id, rest[0])
		if err != nil {
			return exitFailed, err
		}
		fmt.Fprintf(out, "%s\n", outputs)
		return 0, nil
	}
	inputs, err := pairs(rest)
	if err != nil {
		return exitUsage, err
	}
	states := 0
	switch command {
	case "start":
		if id, err = kestra.Start(ctx, id, inputs); err != nil {
			return exitFailed, err
		}
		fmt.Fprintln(out, "execution", id)
	case "resume":
		before, err := kestra.Get(ctx, id)
		if err != nil {
			return exitFailed, err
		}
		states = len(before.State.Histories)
		if err := kestra.Resume(ctx, id, inputs); err != nil {
			return exitFailed, err
		}
	default:
		return exitUsage, fmt.Errorf("unknown command %q, expected start, resume or outputs", command)
	}

	execution, err := kestra.Follow(ctx, id, states, func(state string) { fmt.Fprintln(out, state) })
	if err != nil {
		return exitFailed, fmt.Errorf("execution %s goes on, but cannot be followed: %w", id, err)
	}
	if execution.Waits() {
		fmt.Fprintf(out, "waits for an answer: resume %s NAME=VALUE...\n", id)
		return exitWaiting, nil
	}
	fmt.Fprintf(out, "%s\n", execution.Outputs)
	if !execution.Succeeded() {
		return exitFailed, nil
	}
	return 0, nil
}

func pairs(arguments []string) ([][2]string, error) {
	var found [][2]string
	for _, argument := range arguments {
		name, value, ok := strings.Cut(argument, "=")
		if !ok {
			return nil, fmt.Errorf("input %q is not name=value", argument)
		}
		found = append(found, [2]string{name, value})
	}
	return found, nil
}
