package labcmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

const (
	numberedTopic = "numbered"
	machinesTopic = "machines"
	rate          = 50 // records a second of each stream

	upLimit   = 30 * time.Minute // with a download over a slow line
	downLimit = 30 * time.Second
)

// up starts the process that the lab belongs to, and returns when it is ready.
func (c *command) up(ctx context.Context) error {
	if err := os.MkdirAll(string(c.folder), 0o755); err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	if pid := c.folder.holder(); pid != 0 {
		return fmt.Errorf("lab: one is up already, process %d: see status, or end it with down", pid)
	}
	if err := c.folder.clear(); err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	log, err := os.Create(c.folder.log())
	if err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	defer log.Close()
	server, err := c.detach(log)
	if err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Wait() }()
	if err := c.follow(ctx, ended); err != nil {
		return errors.Join(err, ignoreDone(server.Process.Signal(syscall.SIGTERM)))
	}
	return c.status()
}

// detach starts this program again as serve, in a session of its own, so that
// neither the end of this process nor a terminal's end reaches it.
func (c *command) detach(log *os.File) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	// Not tied to the context: it is to outlive this process.
	server := exec.Command(self, "serve", "--state", string(c.folder), "--connect", strings.Join(c.connect, ","),
		"--workers", strconv.Itoa(c.workers), "--version", c.version)
	server.Stdout, server.Stderr = log, log
	server.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return server, server.Start()
}

// follow prints what the server logs until it is ready.
func (c *command) follow(ctx context.Context, ended <-chan error) error {
	log, err := os.Open(c.folder.log())
	if err != nil {
		return err
	}
	defer log.Close()
	return wait.Until(ctx, "lab: start", upLimit, func(context.Context) (bool, string, error) {
		_, stateErr := os.Stat(c.folder.state())
		var endErr error
		select {
		case err := <-ended:
			endErr = fmt.Errorf("lab: the process of the lab ended before it was ready: %w: see %s", errEnded(err), c.folder.log())
		default:
		}
		if _, err := io.Copy(c.stderr, log); err != nil {
			return false, "", err
		}
		return stateErr == nil, "it is not ready", endErr
	})
}

// errEnded is what a process ended with, also if that was no error to it.
func errEnded(err error) error {
	if err == nil {
		return errors.New("exit status 0")
	}
	return err
}

// serve is the process that the lab belongs to.
func (c *command) serve(ctx context.Context) error {
	release, err := c.folder.take(ctx)
	if err != nil {
		return err
	}
	defer release()
	l, err := lab.Start(ctx, c.config())
	if err != nil {
		return err
	}
	traffic, err := c.fill(ctx, l)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	<-ctx.Done()
	_, err = traffic.Stop()
	return errors.Join(err, l.Close(), c.folder.clear())
}

func (c *command) config() lab.Config {
	config := lab.Config{
		Kafka:    []lab.KafkaSpec{{Name: "central"}, {Name: "factory"}},
		Dir:      c.folder.data(),
		Progress: c.stderr,
	}
	for _, name := range c.connect {
		config.Connect = append(config.Connect, lab.ConnectSpec{
			Name: name, Kafka: "central", Workers: c.workers, Version: c.version,
		})
	}
	return config
}

// fill gives the lab connectors and traffic, and says that it is ready.
func (c *command) fill(ctx context.Context, l *lab.Lab) (*lab.Traffic, error) {
	factory, central, origin := l.Kafka("factory"), l.Kafka("central"), l.Connect(c.connect[0])
	traffic, err := lab.StartTraffic(ctx, lab.TrafficSpec{
		Bootstrap: factory.Bootstrap(), Topic: machinesTopic, Stream: "machines", Rate: rate,
	})
	if err != nil {
		return nil, err
	}
	// A mirror finds only topics that exist.
	if err := lab.AwaitSequence(ctx, factory.Bootstrap(), machinesTopic, "machines", 0, downLimit); err != nil {
		return traffic, err
	}
	if err := origin.Run(ctx, "numbered", lab.NumberedSource(numberedTopic, 2, rate)); err != nil {
		return traffic, err
	}
	if err := origin.Run(ctx, "machines", lab.MirrorSource(factory, central, machinesTopic)); err != nil {
		return traffic, err
	}
	if err := l.WriteClusters(c.folder.clusters(), true); err != nil {
		return traffic, err
	}
	s := state{
		Pid: os.Getpid(), Clusters: c.folder.clusters(), Logs: l.LogDir(), Origin: origin.Name(),
		Kafka:   map[string]string{"central": central.Bootstrap(), "factory": factory.Bootstrap()},
		Connect: map[string][]string{},
	}
	for _, connect := range l.Connects() {
		s.Connect[connect.Name()] = connect.URLs()
	}
	return traffic, c.folder.write(s)
}

// down ends the process that the lab belongs to, which takes all others with it.
func (c *command) down(ctx context.Context) error {
	pid := c.folder.holder()
	if pid == 0 {
		fmt.Fprintln(c.stdout, "lab: none is up")
		return nil
	}
	if err := ignoreDone(syscall.Kill(pid, syscall.SIGTERM)); err != nil {
		return fmt.Errorf("lab: process %d: %w", pid, err)
	}
	gone := func(context.Context) (bool, string, error) { return c.folder.holder() == 0, "it still runs", nil }
	err := wait.Until(ctx, fmt.Sprintf("lab: end of process %d", pid), downLimit, gone)
	if _, late := errors.AsType[*wait.TimeoutError](err); late {
		// Its children end with it (on Linux).
		if err := ignoreDone(syscall.Kill(pid, syscall.SIGKILL)); err != nil {
			return fmt.Errorf("lab: process %d: %w", pid, err)
		}
		err = wait.Until(ctx, fmt.Sprintf("lab: end of process %d", pid), downLimit, gone)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(c.stdout, "lab: ended, process %d and all that it started\n", pid)
	return nil
}

// ignoreDone takes it as success that a process to be signalled is gone.
func ignoreDone(err error) error {
	if errors.Is(err, syscall.ESRCH) || errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}
