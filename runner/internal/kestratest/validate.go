package kestratest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// Refusal is a flow file that a Kestra version does not take.
type Refusal struct {
	File   string
	Reason string
}

// Validate parses and checks the flow files of some folders as a server does.
// It returns the number of files it read and those that were refused.
func Validate(ctx context.Context, version, plugins string, flows []string) (int, []Refusal, error) {
	folder, remove, err := scratch()
	if err != nil {
		return 0, nil, err
	}
	defer remove()
	command, err := javaCommand(ctx, Options{Version: version, Plugins: plugins, Flows: flows}, folder, 0, "engine.Validate")
	if err != nil {
		return 0, nil, err
	}
	var output, log bytes.Buffer
	command.Stdout, command.Stderr = &output, &log
	err = command.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || exit.ExitCode() != 1) {
		return 0, nil, fmt.Errorf("kestratest: engine.Validate on Kestra %s: %w:\n%s", version, err, lastLines(log.Bytes(), 15))
	}
	files := 0
	var refusals []Refusal
	for line := range strings.Lines(output.String()) {
		verdict, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		file, reason, _ := strings.Cut(strings.TrimSpace(rest), ": ")
		files++
		if verdict != "OK" {
			refusals = append(refusals, Refusal{File: filepath.Base(file), Reason: reason})
		}
	}
	return files, refusals, nil
}
