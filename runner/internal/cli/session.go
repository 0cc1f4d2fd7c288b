package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	ucli "github.com/urfave/cli/v2"

	"github.com/connect-ferry/connect-ferry/runner/internal/campaign"
	"github.com/connect-ferry/connect-ferry/runner/internal/certificate"
	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/clusterfile"
	"github.com/connect-ferry/connect-ferry/runner/internal/command"
	"github.com/connect-ferry/connect-ferry/runner/internal/crash"
	"github.com/connect-ferry/connect-ferry/runner/internal/dial"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
	"github.com/connect-ferry/connect-ferry/runner/internal/move"
	"github.com/connect-ferry/connect-ferry/runner/internal/offsetstore"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
	"github.com/connect-ferry/connect-ferry/runner/internal/proof"
	"github.com/connect-ferry/connect-ferry/runner/internal/secret"
)

// session is one run of one command.
type session struct {
	command string
	request request
	dialer  *dial.Dialer
	mover   *move.Mover
	slots   *campaign.Slots
	// writes says that the command writes to a cluster.
	writes  bool
	endNATS func() []json.RawMessage
	// result takes what a command says besides its connectors.
	result *event.Result
	papers *certificates
}

// definition is a command: what it is called, what it may be told, and what it
// does. do returns what came of each connector, or an error if the command as a
// whole could not be carried out.
type definition struct {
	name, usage, description string
	flags                    []ucli.Flag
	certifies                bool // its --report is a folder for certificates
	writes                   bool // to a cluster, so that a lease is needed where there is one
	offline                  bool // needs no clusters file
	outIsFolder              bool // --out names a folder, which need not exist yet
	do                       func(ctx context.Context, s *session) ([]event.ConnectorResult, error)
}

func (d definition) command(stdout, stderr io.Writer, code *int) *ucli.Command {
	return &ucli.Command{
		Name: d.name, Usage: d.usage, Description: d.description, OnUsageError: onUsageError, HideHelpCommand: true,
		Flags: append(d.flags, flags(nil, d.common())...),
		Action: func(c *ucli.Context) error {
			if c.Args().Present() {
				// After a positional argument urfave/cli ignores every flag.
				return fmt.Errorf("%s takes no argument %q; names and files come by flag, see ferry %s --help", d.name, c.Args().First(), d.name)
			}
			*code = d.run(c.Context, c, stdout, stderr)
			return nil
		},
	}
}

// common is what it takes besides its own flags.
func (d definition) common() []string {
	if d.offline {
		return slices.DeleteFunc(slices.Clone(common), func(name string) bool { return name == "clusters" })
	}
	return common
}

func (d definition) run(ctx context.Context, c *ucli.Context, stdout, stderr io.Writer) int {
	mask := &secret.Mask{}
	stdout, stderr = mask.Writer(stdout), mask.Writer(stderr)
	result := event.Result{Schema: event.SchemaID, Command: d.name, Version: Version, StartedAt: time.Now().UTC(), Connectors: []event.ConnectorResult{}}
	asked, err := readRequest(c)
	if err == nil {
		if err = asked.differentFiles(); err != nil {
			asked.Result = ""
		}
	}
	out := newPrinter(asked.Output, stdout, stderr)
	papers := &certificates{mask: mask, events: out.events, about: certificate.About{Version: Version, By: event.ThisProcess(), ApprovedBy: asked.ApprovedBy, AcceptedBy: asked.AcceptedBy}}
	if err == nil {
		err = d.perform(ctx, asked, mask, out.events, papers, &result)
	}
	conclude(&result, err)
	papers.conclude(&result)
	tellUndelivered(asked, &result, out.events)
	result.EndedAt = time.Now().UTC()
	if asked.Result != "" {
		if err := writeResult(asked.Result, result, mask); err != nil {
			out.events.Emit(event.Note{Level: event.Error, Message: err.Error(), At: time.Now()})
			if result.ExitCode == exitDone {
				result.ExitCode, result.Outcome, result.Message = exitFailed, event.Failed, result.Message+", but "+err.Error()
			}
		}
	}
	out.result(result)
	return result.ExitCode
}

func (d definition) perform(ctx context.Context, asked request, mask *secret.Mask, events event.Recorder, papers *certificates, result *event.Result) (err error) {
	defer crash.Catch(&err)
	result.Origin, result.Target, result.Cluster = asked.Origin, asked.Target, asked.Cluster
	if err := canWrite("result", asked.Result); err != nil {
		return err
	}
	canWriteOut := canWrite
	if d.outIsFolder {
		canWriteOut = canWriteInto
	}
	if err := canWriteOut("out", asked.Out); err != nil {
		return err
	}
	if err := canWriteInto("certificate", asked.Certificate); err != nil {
		return err
	}
	for _, file := range [][2]string{{"report", asked.Report}, {"markdown", asked.Markdown}} {
		if file[0] == "report" && d.certifies {
			continue
		}
		if err := canWrite(file[0], file[1]); err != nil {
			return err
		}
	}
	if d.certifies {
		papers.folder = asked.Report
	}
	if err := papers.prepare(); err != nil {
		return err
	}
	var clusters clusterfile.Clusters
	if !d.offline {
		if clusters, err = asked.clusters(); err != nil {
			return err
		}
		mask.Add(clusters.Secrets()...)
	}
	options := command.DefaultOptions()
	if options.Proof.Timeout, err = duration("timeout", asked.Timeout, options.Proof.Timeout); err != nil {
		return err
	}
	options.Proof.Mode, options.Proof.AllowDuplicates = proof.Mode(asked.Proof), asked.AllowDuplicates
	slots := campaign.NewSlots(asked.Concurrency)
	s := &session{
		command: d.name, slots: slots, request: asked, writes: d.writes, result: result, endNATS: func() []json.RawMessage { return nil },
		dialer: &dial.Dialer{Clusters: clusters, Mask: mask, Events: events},
		mover:  &move.Mover{Setup: &command.Setup{Options: options, Events: events, Mask: mask}, BeforeWatch: slots.Release},
	}
	if s.papers = papers; papers.folder != "" {
		s.mover.Certify = papers.write
	}
	defer s.dialer.Close()
	defer func() { result.Undelivered = s.endNATS() }()
	connectors, err := d.do(ctx, s)
	if connectors != nil {
		result.Connectors = connectors
	}
	return err
}

// differentFiles refuses a file to write that another flag names too: one would overwrite the
// other.
func (r *request) differentFiles() error {
	named := map[string]string{} // the flag, by the file
	clusters, _ := r.Clusters.Text()
	for _, file := range []struct {
		flag, path string
		written    bool
	}{
		{"clusters", clusters, false}, {"config", r.Config, false}, {"offsets", r.Offsets, false}, {"rules", r.Rules, false}, {"plan", r.Plan, false}, {"of", r.Of, false},
		{"out", r.Out, true}, {"certificate", r.Certificate, true}, {"report", r.Report, true}, {"markdown", r.Markdown, true}, {"result", r.Result, true},
	} {
		if file.path == "" || file.path == os.DevNull {
			continue
		}
		path, err := filepath.Abs(file.path)
		if err != nil {
			path = file.path
		}
		if other := named[path]; other != "" && file.written {
			return usagef("--%s and --%s are both %s, and one would overwrite the other", other, file.flag, file.path)
		}
		named[path] = file.flag
	}
	return nil
}

// canWrite refuses a file to write whose folder is not there, before anything
// has been done that the file is to tell of.
func canWrite(flag, file string) error {
	if file == "" {
		return nil
	}
	folder := filepath.Dir(file)
	if info, err := os.Stat(folder); err != nil || !info.IsDir() {
		return usagef("--%s %s cannot be written: there is no folder %s", flag, file, folder)
	}
	if info, err := os.Stat(file); err == nil && info.IsDir() {
		return usagef("--%s %s cannot be written: it is a folder", flag, file)
	}
	return nil
}

// canWriteInto refuses a folder to write into that is a file, or whose own folder is not there.
func canWriteInto(flag, folder string) error {
	if folder == "" {
		return nil
	}
	if info, err := os.Stat(folder); err == nil && info.IsDir() {
		return nil
	} else if err == nil && info.Mode().IsRegular() {
		return usagef("--%s %s is a file, and a folder is to be written there", flag, folder)
	}
	return canWrite(flag, folder)
}

// both dials origin and target.
func (s *session) both(ctx context.Context, needKafka bool) (origin, target *cluster.Cluster, err error) {
	asked := s.request
	if err := required([2]string{"origin", asked.Origin}, [2]string{"target", asked.Target}); err != nil {
		return nil, nil, err
	}
	if asked.Origin == asked.Target {
		return nil, nil, usagef("--origin and --target are both %q, a move needs two clusters", asked.Origin)
	}
	if origin, err = s.dialer.Dial(ctx, asked.Origin, needKafka); err != nil {
		return nil, nil, err
	}
	s.mover.Others = func() []*cluster.Cluster { return s.dialer.Others(asked.Origin, asked.Target) }
	target, err = s.dialer.Dial(ctx, asked.Target, needKafka)
	return origin, target, err
}

// pair dials origin and target and returns a request for each connector.
func (s *session) pair(ctx context.Context, needKafka bool) ([]pair.Request, error) {
	asked := s.request
	if err := required([2]string{"origin", asked.Origin}, [2]string{"target", asked.Target}); err != nil {
		return nil, err
	}
	if len(asked.Connectors) == 0 {
		return nil, errNoConnector
	}
	origin, target, err := s.both(ctx, needKafka)
	if err != nil {
		return nil, err
	}
	if err := s.useNATS(ctx); err != nil {
		return nil, err
	}
	if s.command == "rollback" {
		s.dialer.Warn(target)
	} else {
		s.dialer.Warn(origin)
	}
	s.takeTurns(origin)
	s.mover.Together = append(slices.Clone(asked.Connectors), slices.Collect(maps.Values(asked.Rename))...)
	requests := make([]pair.Request, len(asked.Connectors))
	for i, connector := range asked.Connectors {
		requests[i] = pair.Request{
			Origin: origin, Target: target, Connector: connector, TargetConnector: asked.Rename[connector],
			Set: asked.Set, Unset: asked.Unset, Overwrite: asked.Overwrite,
			Copy: offsetstore.Method(asked.Copy), SameLog: asked.SameLog, OtherKafka: asked.OtherKafka, AtLeastOnce: asked.AtLeastOnce,
		}
	}
	return requests, nil
}

// single dials the one cluster of a single step and returns its one connector.
func (s *session) single(ctx context.Context, needKafka bool) (of instance.Instance, err error) {
	if err := required([2]string{"cluster", s.request.Cluster}); err != nil {
		return of, err
	}
	switch len(s.request.Connectors) {
	case 0:
		return of, errNoConnector
	case 1:
		of.Name = s.request.Connectors[0]
	default:
		return of, usagef("%s takes one --connector, not %d", s.command, len(s.request.Connectors))
	}
	if of.Cluster, err = s.dialer.Dial(ctx, s.request.Cluster, needKafka); err != nil {
		return of, err
	}
	s.dialer.Warn(of.Cluster)
	return of, s.useNATS(ctx)
}

// each does the same for every request, several at a time, and keeps the order.
func (s *session) each(ctx context.Context, requests []pair.Request, do func(context.Context, pair.Request) event.ConnectorResult) []event.ConnectorResult {
	results := make([]event.ConnectorResult, len(requests))
	names := make([]string, len(requests))
	for i, request := range requests {
		names[i] = request.Connector
	}
	s.slots.Each(ctx, names, func(i int, begun bool) {
		if !begun {
			results[i] = event.ConnectorResult{Connector: names[i], Outcome: event.Interrupted, Message: "not begun: " + context.Cause(ctx).Error()}
			return
		}
		results[i] = campaign.Recovered(names[i], func() event.ConnectorResult { return do(ctx, requests[i]) })
	})
	return results
}

// writeResult writes the result document, whole or not at all. Where the folder
// takes no new file, as in a container whose user owns only the file, it is
// written in place.
func writeResult(path string, result event.Result, mask *secret.Mask) error {
	content, err := json.MarshalIndent(result, "", "  ")
	if err != nil {
		return fmt.Errorf("result %s: %w", path, err)
	}
	text := []byte(mask.Text(string(content)) + "\n")
	return writeFile(path, text)
}

func writeFile(path string, content []byte) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if errors.Is(err, fs.ErrPermission) {
		if err := os.WriteFile(path, content, 0o644); err != nil { // #nosec G306 -- holds no secret, and others are to read it
			return fmt.Errorf("write %s: %s", path, reason(err))
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("write %s: %s", path, reason(err))
	}
	defer func() { _ = os.Remove(temporary.Name()) }() // gone after the rename
	_, err = temporary.Write(content)
	err = errors.Join(err, temporary.Chmod(0o644), temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
