package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// startLimit bounds the start of one process. It is for a machine that does a
// lot besides: alone, the slowest takes a few seconds.
const startLimit = 3 * time.Minute

// Process is a child of the lab. It can be ended and started again, on the same
// port and with its data. Its methods are safe for concurrent use.
type Process struct {
	name    string
	logPath string
	command func() (*exec.Cmd, error)
	answers func(ctx context.Context) error

	mu  sync.Mutex
	run *run // nil: never started
}

// run is one life of a process.
type run struct {
	command *exec.Cmd
	ended   chan struct{}
	err     error // what the process ended with; only once ended is closed
}

// Pid returns the process's id, 0 if it does not run.
func (p *Process) Pid() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.running() {
		return 0
	}
	return p.run.command.Process.Pid
}

// Log returns the path of the file that the process logs to.
func (p *Process) Log() string { return p.logPath }

// Start starts the process and returns when it answers. If it runs already,
// only the latter.
func (p *Process) Start(ctx context.Context) error {
	r, err := p.spawn()
	if err != nil {
		return fmt.Errorf("lab: %s: %w", p.name, err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-r.ended:
			cancel(fmt.Errorf("it ended: %w", r.err))
		case <-ctx.Done():
		}
	}()
	err = wait.Until(ctx, "lab: start of "+p.name, startLimit, func(ctx context.Context) (bool, string, error) {
		if err := p.answers(ctx); err != nil {
			return false, err.Error(), nil
		}
		return true, "", nil
	})
	if err != nil {
		return fmt.Errorf("%w; the last lines of %s are:\n%s", err, p.logPath, p.tail())
	}
	return nil
}

// Kill ends the process at once (SIGKILL) and returns when it is gone.
func (p *Process) Kill() error { return p.end(context.Background(), os.Kill) }

// Stop asks the process to end in an orderly way (SIGTERM) and returns when it
// is gone. When ctx ends first, the process may still run.
func (p *Process) Stop(ctx context.Context) error { return p.end(ctx, syscall.SIGTERM) }

func (p *Process) end(ctx context.Context, signal os.Signal) error {
	p.mu.Lock()
	r := p.run
	p.mu.Unlock() // a kill must get through while a stop waits
	if r == nil {
		return nil
	}
	if err := r.command.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("lab: %s: %w", p.name, err)
	}
	select {
	case <-r.ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("lab: stop of %s: %w", p.name, context.Cause(ctx))
	}
}

func (p *Process) spawn() (*run, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running() {
		return p.run, nil
	}
	command, err := p.command()
	if err != nil {
		return nil, err
	}
	log, err := os.OpenFile(p.logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer log.Close() // the child has its own
	command.Stderr = log
	if command.Stdout == nil {
		command.Stdout = log
	}
	r, err := launch(command)
	if err != nil {
		return nil, err
	}
	p.run = r
	return r, nil
}

// launch starts the command so that it ends when this process does.
//
// The kernel ties the child's parent-death signal to the thread that made the
// child, not to the whole process, so that thread is kept as long as the child.
func launch(command *exec.Cmd) (*run, error) {
	r := &run{command: command, ended: make(chan struct{})}
	attributes := dieWithParent()
	if command.SysProcAttr != nil {
		attributes.Credential = command.SysProcAttr.Credential
	}
	command.SysProcAttr = attributes
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		err := command.Start()
		started <- err
		if err != nil {
			return
		}
		r.err = command.Wait()
		close(r.ended)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return r, nil
}

func (p *Process) running() bool {
	if p.run == nil {
		return false
	}
	select {
	case <-p.run.ended:
		return false
	default:
		return true
	}
}

func (p *Process) tail() string {
	text, err := os.ReadFile(p.logPath)
	if err != nil {
		return err.Error()
	}
	return lastLines(text, 15)
}
