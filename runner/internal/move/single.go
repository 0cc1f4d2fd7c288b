package move

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/lease"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/proof"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// The methods in this file are the steps of a move, one at a time, for flows
// that put something of their own between them.

// single starts a step on one connector of one cluster, which must exist.
func (m *Mover) single(ctx context.Context, cluster *Cluster, connector string) (*run, Side, error) {
	r := m.newRun(Request{Origin: cluster, Target: cluster, Connector: connector, Copy: m.Options.Copy})
	side, err := m.observeSide(ctx, cluster, connector)
	if err == nil && !side.Exists {
		err = missingConnector(cluster, connector, &connect.ResponseError{Status: 404})
	}
	r.result.OriginState = side.State()
	return r, side, err
}

const (
	stableReads = 2
	stableTries = 20
	stablePause = 250 * time.Millisecond
)

// GetOffsets reads a connector's offsets until two reads agree. Of a connector
// that runs they are those of a moment, and the result says so.
func (m *Mover) GetOffsets(ctx context.Context, cluster *Cluster, connector string) (offset.Document, event.ConnectorResult) {
	r, side, err := m.single(ctx, cluster, connector)
	if err != nil {
		return offset.Document{}, r.fail(ctx, err)
	}
	var document offset.Document
	stable := false
	err = r.step("read", func() (string, error) {
		c := &cutover{run: r, sink: side.sink()}
		if _, err := c.openOne(ctx, side); err != nil {
			return "", err
		}
		document, stable, err = readStable(ctx, c.fromPlace)
		return fmt.Sprintf("%d entries", document.Len()), err
	})
	if err != nil {
		return offset.Document{}, r.fail(ctx, err)
	}
	r.result.Entries = document.Len()
	r.result.OffsetsHash = &event.Hashes{Origin: document.SHA256()}
	message := fmt.Sprintf("%d offset entries", document.Len())
	switch {
	case !stable:
		message += ", which change while the connector runs"
	case !side.stopped():
		message += fmt.Sprintf(" of a connector that is %s, so they may change", side.State())
	}
	return document, r.end(event.Read, message)
}

func readStable(ctx context.Context, at place) (last offset.Document, stable bool, err error) {
	equal := 0
	for range stableTries {
		next, err := at.read(ctx)
		if err != nil {
			return offset.Document{}, false, err
		}
		if equal > 0 && offset.Equal(last, next) {
			equal++
		} else {
			equal = 1
		}
		last = next
		if equal == stableReads {
			return last, true, nil
		}
		if err := wait.For(ctx, stablePause); err != nil {
			return offset.Document{}, false, err
		}
	}
	return last, false, nil
}

// PutOffsets makes the offsets of a stopped connector equal to document and
// reads them back.
func (m *Mover) PutOffsets(ctx context.Context, cluster *Cluster, connector string, document offset.Document) event.ConnectorResult {
	return m.leasedOne(ctx, "connect-offsets-put", cluster, connector, func(ctx context.Context, cluster *Cluster) event.ConnectorResult {
		return m.putOffsets(ctx, cluster, connector, document)
	})
}

// leasedOne does something to one connector with its lease.
func (m *Mover) leasedOne(ctx context.Context, command string, cluster *Cluster, connector string,
	do func(context.Context, *Cluster) event.ConnectorResult,
) event.ConnectorResult {
	request := Request{Origin: cluster, Connector: connector}
	return m.leased(ctx, command, request, []lease.Key{{Cluster: cluster.Name, Connector: connector}}, false, func(ctx context.Context, request Request) event.ConnectorResult {
		return do(ctx, request.Origin)
	})
}

func (m *Mover) putOffsets(ctx context.Context, cluster *Cluster, connector string, document offset.Document) event.ConnectorResult {
	r, side, err := m.single(ctx, cluster, connector)
	if err == nil && !side.stopped() {
		err = refused(fmt.Sprintf("connector %q is %s on %s, and offsets can only be written while it is stopped without tasks; run `ferry flush-wait` first",
			connector, describe(side), cluster.Name))
	}
	if err == nil && len(document.Unreadable()) > 0 {
		err = refused(fmt.Sprintf("the document holds null offsets, first for %s: written, they would remove the partition", document.Unreadable()[0].Partition))
	}
	c := &cutover{run: r, sink: side.sink()}
	if err == nil {
		_, err = c.openOne(ctx, side)
	}
	if err == nil && c.way == ByTopic {
		document, err = offset.NewExact(document.Entries()...)
	}
	if err != nil {
		return r.fail(ctx, err)
	}
	var done written
	err = r.step("write", func() (string, error) {
		known, err := c.toPlace.read(ctx)
		if err == nil {
			done, err = makeEqual(ctx, cluster.Name, c.toPlace, document, known)
		}
		return fmt.Sprintf("%d written", done.entries), err
	})
	if err != nil {
		return r.fail(ctx, err)
	}
	r.result.Changed = done.entries > 0
	r.result.Entries = document.Len()
	hash := document.SHA256()
	r.result.OffsetsHash = &event.Hashes{Origin: hash, Target: hash}
	return r.end(event.Written, fmt.Sprintf("%d offset entries read back equal, %d written", document.Len(), done.entries))
}

// CreateStopped creates a connector that is stopped and proves that it has no
// task. from is the cluster the config came from, or nil; with it, the copy
// remembers whether its origin is paused or stopped.
func (m *Mover) CreateStopped(ctx context.Context, request Request, config rawjson.Object) event.ConnectorResult {
	return m.leasedOne(ctx, "create-stopped", request.Target, request.targetName(), func(ctx context.Context, target *Cluster) event.ConnectorResult {
		request.Target = target
		return m.createStopped(ctx, request, config)
	})
}

func (m *Mover) createStopped(ctx context.Context, request Request, config rawjson.Object) event.ConnectorResult {
	r := m.newRun(request)
	target, name := request.Target, request.targetName()
	config = copyConfig(config, request)
	learn(m.Mask, config)
	err := m.checkCreate(ctx, target, name, config)
	var existing Side
	if err == nil {
		existing, err = m.observeSide(ctx, target, name)
	}
	if err == nil && existing.Exists {
		if differing := differingKeys(withoutMarks(existing.Config), config); len(differing) > 0 && !request.Overwrite || !existing.stopped() {
			err = refused(fmt.Sprintf("name %q is taken on %s by a connector that is %s and differs in %q; choose another name, or replace a stopped one with --overwrite",
				name, target.Name, describe(existing), differing))
		}
	}
	if err == nil && request.Origin != nil {
		var observed Observation
		if observed, err = m.Observe(ctx, request); err == nil {
			if was := observed.was(); was == connect.Paused || was == connect.Stopped {
				config = withKeepState(config, was)
			}
		}
	}
	if err != nil {
		return r.fail(ctx, err)
	}
	created := false
	err = r.step("create", func() (string, error) {
		var err error
		created, err = createStopped(ctx, target, name, config, existing.Exists)
		return "no tasks", err
	})
	if err != nil {
		return r.fail(ctx, err)
	}
	replaced := existing.Exists && !rawjson.Equal(existing.Config.Value(), config.Value())
	r.result.Changed, r.result.TargetState = created || replaced, target.restState()
	r.result.ConfigHash = &event.Hashes{Target: withoutMarks(config).Value().SHA256()}
	if replaced {
		return r.end(event.Created, fmt.Sprintf("config of the stopped connector on %s replaced", target.Name))
	}
	if !created {
		return r.end(event.Unchanged, fmt.Sprintf("is stopped on %s already", target.Name))
	}
	return r.end(event.Created, fmt.Sprintf("created stopped on %s, without tasks", target.Name))
}

func (m *Mover) checkCreate(ctx context.Context, target *Cluster, name string, config rawjson.Object) error {
	answer, err := server(ctx, target)
	if err != nil {
		return err
	}
	if err := able(Request{Origin: target, Target: target}, answer, answer); err != nil {
		return err
	}
	found := &checked{config: config}
	request := Request{Origin: target, Target: target, Connector: name}
	if err := m.checkPlugin(ctx, request, found); err != nil {
		return err
	}
	return m.checkValidation(ctx, request, found)
}

// FlushWait brings a connector to rest, proves that its offsets are final, and
// leaves it stopped. If it cannot be proven, the connector is put back.
func (m *Mover) FlushWait(ctx context.Context, cluster *Cluster, connector string) event.ConnectorResult {
	return m.leasedOne(ctx, "flush-wait", cluster, connector, func(ctx context.Context, cluster *Cluster) event.ConnectorResult {
		return m.flushWait(ctx, cluster, connector)
	})
}

func (m *Mover) flushWait(ctx context.Context, cluster *Cluster, connector string) event.ConnectorResult {
	r, side, err := m.single(ctx, cluster, connector)
	if err == nil {
		if _, err = server(ctx, cluster); err == nil {
			err = m.needHard(cluster)
		}
	}
	c := &cutover{
		run: r, from: cluster, fromName: connector, config: side.Config, subject: proof.Subject{Connector: connector},
		keep: side.State(), sink: side.sink(),
	}
	if c.sink {
		c.subject.Group = sinkGroup(connector, side.Config)
	}
	if err == nil {
		c.subject.Snapshot, err = c.openOne(ctx, side)
	}
	if err != nil {
		return r.fail(ctx, err)
	}
	if err := c.rest(ctx); err != nil {
		return r.flushFailed(ctx, c, err)
	}
	rest := cluster.restState()
	r.result.Changed = side.State() != rest
	r.result.WasState, r.result.OriginState = side.State(), rest
	r.result.OffsetsHash = &event.Hashes{Origin: c.final.SHA256()}
	return r.end(event.Quiesced, fmt.Sprintf("%s, offsets final by %s proof, %d entries", strings.ToLower(string(rest)), c.proof.Kind, c.final.Len()))
}

// openOne opens the place of the offsets of the one connector of a single step,
// and reads them.
func (c *cutover) openOne(ctx context.Context, side Side) (offset.Document, error) {
	request := c.request.patient(windowPatience)
	request.Target = request.Origin
	opened, err := request.open(ctx, Observation{Origin: side, Target: side})
	if err != nil {
		return offset.Document{}, err
	}
	c.fromPlace, c.toPlace, c.way = opened.from, opened.to, opened.way
	if !c.sink {
		return opened.document, nil
	}
	return offset.Document{}, nil
}

// flushFailed puts the connector back. It has no copy that might run.
func (r *run) flushFailed(ctx context.Context, c *cutover, cause error) event.ConnectorResult {
	if c.attempt == nil || lease.IsLost(cause) {
		return r.fail(ctx, cause)
	}
	if err := c.putBack(ctx); err != nil {
		return r.fail(ctx, &notPutBackError{cause, err})
	}
	result := r.fail(ctx, cause)
	result.Message += fmt.Sprintf("; %s is %s as before", c.fromName, c.keep)
	return result
}

// Start lets a stopped or paused connector run and sees it do so. With an
// origin, the copy there must be stopped without tasks and have equal offsets.
func (m *Mover) Start(ctx context.Context, cluster *Cluster, connector string, origin *Cluster) event.ConnectorResult {
	request, places := Request{Origin: cluster, Connector: connector}, []lease.Key{{Cluster: cluster.Name, Connector: connector}}
	if origin != nil { // nobody is to start the copy there meanwhile
		places = append(places, lease.Key{Cluster: origin.Name, Connector: connector})
	}
	return m.leased(ctx, "start", request, places, false, func(ctx context.Context, request Request) event.ConnectorResult {
		return m.start(ctx, request.Origin, connector, origin)
	})
}

func (m *Mover) start(ctx context.Context, cluster *Cluster, connector string, origin *Cluster) event.ConnectorResult {
	r, side, err := m.single(ctx, cluster, connector)
	if err == nil && origin != nil {
		err = r.step("interlock", func() (string, error) { return "", m.interlockFor(ctx, origin, cluster, connector, side) })
	}
	if err != nil {
		return r.fail(ctx, err)
	}
	if keepState(side.Config) != "" && side.stopped() {
		if err := unmark(ctx, cluster, connector); err != nil {
			return r.fail(ctx, err)
		}
	}
	err = r.step("start", func() (string, error) {
		return startConnector(ctx, cluster, connector, connect.Running, 0, m.Options.Start)
	})
	if err == nil {
		c := &cutover{run: r, to: cluster, toName: connector, shared: true}
		err = r.step("watch", func() (string, error) { return "", c.watch(ctx) })
	}
	if err != nil {
		r.result.Changed = true
		return r.fail(ctx, err)
	}
	r.result.Changed = side.State() != connect.Running
	r.result.WasState, r.result.OriginState = side.State(), connect.Running
	return r.end(event.Started, fmt.Sprintf("runs on %s", cluster.Name))
}

func (m *Mover) interlockFor(ctx context.Context, origin, cluster *Cluster, connector string, side Side) error {
	if side.active() && side.State() != connect.Paused {
		return nil // it runs already, and whether twice is for status to say
	}
	other, err := m.observeSide(ctx, origin, connector)
	if err != nil {
		return fmt.Errorf("%s: %w", origin.Name, err)
	}
	if !other.Exists {
		return missingConnector(origin, connector, &connect.ResponseError{Status: 404})
	}
	if !other.stopped() {
		return refused(fmt.Sprintf("connector is %s on %s, and both would run; stop it there with `ferry flush-wait` first", describe(other), origin.Name))
	}
	if other.Status.Type == "sink" {
		return nil
	}
	opened, err := (Request{Origin: origin, Target: cluster, Connector: connector}).open(ctx, Observation{Origin: other, Target: side})
	if err != nil {
		return err
	}
	theirs := opened.document
	ours, err := opened.to.read(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", cluster.Name, err)
	}
	if difference := offset.Compare(theirs, ours); !difference.None() {
		return refused(fmt.Sprintf("offsets on %s differ from those on %s (%s); copy them with `ferry connect-offsets-get` and `connect-offsets-put` first",
			cluster.Name, origin.Name, difference))
	}
	return nil
}

// Status tells where a move stands. It writes nothing.
func (m *Mover) Status(ctx context.Context, request Request) event.ConnectorResult {
	r := m.newRun(request)
	observed, err := m.Observe(ctx, request)
	if err != nil {
		return r.fail(ctx, err)
	}
	state := observed.State()
	r.result.State = string(state)
	r.result.OriginState, r.result.TargetState = observed.Origin.State(), observed.Target.State()
	message := fmt.Sprintf("%s: %s on %s, %s on %s", state, describe(observed.Origin), request.Origin.Name, describe(observed.Target), request.Target.Name)
	if state == RunningTwice {
		return r.end(event.RunningTwice, message)
	}
	return r.end(event.Observed, message)
}

// ReadConfig reads a connector's config for a copy of it.
func (m *Mover) ReadConfig(ctx context.Context, cluster *Cluster, connector string) (rawjson.Object, error) {
	config, err := cluster.Client.Config(ctx, connector)
	if err != nil {
		return rawjson.Object{}, missingConnector(cluster, connector, err)
	}
	learn(m.Mask, config)
	return config, nil
}
