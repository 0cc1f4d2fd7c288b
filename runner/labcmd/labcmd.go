// Package labcmd is the command line of examples/lab: a lab that stays up while
// a person works with it. It is public only because Go keeps packages under
// runner/internal from examples/.
//
// The lab's processes belong to one detached process (serve.go), which holds a
// lock for as long as it lives; up, status and down are about that process.
package labcmd

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
)

const usage = `A lab of real Kafka and Kafka Connect clusters on this machine, to try ferry on.

  go run ./examples/lab up        start it; it stays until down
  go run ./examples/lab status    show what is up, and where
  go run ./examples/lab count     count a topic: records, lost, duplicated
  go run ./examples/lab down      end it and all its processes

It needs Java 17 or later and Maven: the first time, Apache Kafka's jars are
downloaded into a cache folder (` + lab.CacheVariable + ` moves it). All ports are on
loopback. Two connectors run on the first Connect cluster: "numbered", which
sends numbered records to topic numbered, and "machines", which mirrors topic
machines, written to all the time, from the Kafka cluster factory to central.

Flags of all commands:
  --state DIR      where the lab's state, data and logs are
                   (default: up/ in the cache folder)
Flags of up:
  --connect NAMES  Connect clusters, all with their state in the Kafka cluster
                   central (default: global,europe,americas,asia)
  --workers N      workers of each (default: 1)
  --version V      Kafka version of the workers (default: ` + lab.KafkaVersion + `)
Flags of count:
  --topic NAME     topic to count (default: numbered)
  --kafka NAME     Kafka cluster it is in (default: central)
`

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

var errUsage = errors.New("see --help")

// command is what the arguments ask for.
type command struct {
	name    string
	folder  folder
	connect []string
	workers int
	version string
	topic   string
	kafka   string
	stdout  io.Writer
	stderr  io.Writer
}

// Main runs the command and returns its exit code.
func Main(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	c, err := parse(args, stdout, stderr)
	if err == nil {
		err = c.run(ctx)
	}
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, usage)
		return exitOK
	case errors.Is(err, errUsage):
		fmt.Fprintf(stderr, "lab: %v\n", err)
		return exitUsage
	default:
		fmt.Fprintln(stderr, err)
		return exitFailed
	}
}

func parse(args []string, stdout, stderr io.Writer) (*command, error) {
	if len(args) == 0 || args[0] == "-h" || args[0] == "-help" || args[0] == "--help" || args[0] == "help" {
		return nil, flag.ErrHelp
	}
	c := &command{name: args[0], stdout: stdout, stderr: stderr}
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	state := flags.String("state", "", "")
	c.connect = []string{"global", "europe", "americas", "asia"}
	switch c.name {
	case "up", "serve":
		flags.Func("connect", "", func(list string) (err error) {
			c.connect, err = names(list)
			return err
		})
		flags.IntVar(&c.workers, "workers", 1, "")
		flags.StringVar(&c.version, "version", lab.KafkaVersion, "")
	case "count":
		flags.StringVar(&c.topic, "topic", numberedTopic, "")
		flags.StringVar(&c.kafka, "kafka", "central", "")
	case "status", "down":
	default:
		return nil, fmt.Errorf("there is no command %q: %w", c.name, errUsage)
	}
	if err := flags.Parse(args[1:]); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil, err
		}
		return nil, fmt.Errorf("%s: %w: %w", c.name, err, errUsage)
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("%s takes flags only, not %q: %w", c.name, flags.Arg(0), errUsage)
	}
	if *state == "" {
		cache, err := lab.CacheDir()
		if err != nil {
			return nil, err
		}
		*state = filepath.Join(cache, "up")
	}
	absolute, err := filepath.Abs(*state)
	c.folder = folder(absolute)
	return c, err
}

// names splits a list of clusters, whose names become names of files and topics.
func names(list string) ([]string, error) {
	all := strings.Split(list, ",")
	for i, name := range all {
		if name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return nil, fmt.Errorf("%q is no name of small letters, digits and dashes", name)
		}
		if slices.Contains(all[:i], name) {
			return nil, fmt.Errorf("%q is there twice", name)
		}
	}
	return all, nil
}

func (c *command) run(ctx context.Context) error {
	switch c.name {
	case "up":
		return c.up(ctx)
	case "serve":
		return c.serve(ctx)
	case "count":
		return c.count(ctx)
	case "down":
		return c.down(ctx)
	default:
		return c.status()
	}
}

// status prints what is up. That nothing is, is an error.
func (c *command) status() error {
	state, err := c.current()
	if err != nil {
		return err
	}
	state.print(c.stdout)
	return nil
}

// current returns the lab that is up.
func (c *command) current() (state, error) {
	if c.folder.holder() == 0 {
		return state{}, errors.New("lab: none is up: start one with: go run ./examples/lab up")
	}
	s, err := c.folder.read()
	if errors.Is(err, os.ErrNotExist) {
		return state{}, fmt.Errorf("lab: it is still starting: see %s", c.folder.log())
	}
	if err != nil {
		return state{}, fmt.Errorf("lab: %w", err)
	}
	return s, nil
}

func (c *command) count(ctx context.Context) error {
	state, err := c.current()
	if err != nil {
		return err
	}
	bootstrap, ok := state.Kafka[c.kafka]
	if !ok {
		return fmt.Errorf("lab: there is no Kafka cluster %q: %w", c.kafka, errUsage)
	}
	tally, err := lab.Count(ctx, bootstrap, c.topic)
	if err != nil {
		return err
	}
	printTally(c.stdout, tally)
	return nil
}
