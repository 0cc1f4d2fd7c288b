package kestratest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// liveness is how soon the engine takes a worker for dead and gives its tasks to
// another; Kestra's own defaults are 45 s, and 5 min more.
var liveness = map[string]string{
	"kestra.server.liveness.interval":            "1s",
	"kestra.server.liveness.timeout":             "8s",
	"kestra.server.liveness.initial-delay":       "1s",
	"kestra.server.liveness.heartbeat-interval":  "1s",
	"kestra.server.worker-task-restart-strategy": "IMMEDIATELY",
}

// Worker is a worker of an [Engine] in a process of its own.
type Worker struct {
	command *exec.Cmd
	log     *os.File
	ended   chan struct{}
}

// StartWorker starts a worker and returns when it takes tasks. It ends with
// [Worker.Kill], and with this process.
func (e *Engine) StartWorker(ctx context.Context, name string) (*Worker, error) {
	properties := maps.Clone(liveness)
	properties["engine.folder"] = e.folder
	properties["engine.port"] = strconv.Itoa(e.port)
	properties["kestra.server-type"] = "WORKER"
	// As on a real worker, which reaches what it needs through the controller.
	properties["kestra.repository.type"] = "none"
	properties["kestra.queue.type"] = "none"
	command, err := jvm(context.WithoutCancel(ctx), e.options, e.folder, properties, "engine.WorkerProcess", []string{e.options.Plugins})
	if err != nil {
		return nil, err
	}
	command.Env = append(command.Env, e.options.secrets()...)
	worker := &Worker{command: command, ended: make(chan struct{})}
	if worker.log, err = os.Create(filepath.Join(e.folder, name+".log")); err != nil { // #nosec G304 -- in our own folder
		return nil, err
	}
	command.Stderr = worker.log
	if _, err := command.StdinPipe(); err != nil { // it ends when this is closed
		return nil, err
	}
	output, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := launch(command); err != nil {
		return nil, err
	}
	said := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(output)
		for first := true; lines.Scan(); first = false {
			if first {
				said <- lines.Text()
			}
		}
		_ = command.Wait() // killed, as it does not end by itself
		close(worker.ended)
	}()
	select {
	case line := <-said:
		if !strings.Contains(line, `"ready"`) {
			err = errors.New(line)
		}
	case <-worker.ended:
		err = errors.New("it ended")
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if err != nil {
		tail, _ := os.ReadFile(worker.log.Name())
		return nil, errors.Join(fmt.Errorf("kestratest: worker %s of Kestra %s: %w; the last lines of its log are:\n%s", name, e.options.Version, err, lastLines(tail, 15)), worker.Kill())
	}
	return worker, nil
}

// Kill ends the worker as a crash does (SIGKILL). What its tasks started lives on.
func (w *Worker) Kill() error {
	err := w.command.Process.Kill()
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	<-w.ended
	return errors.Join(err, w.log.Close())
}
