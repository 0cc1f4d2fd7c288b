package proof

import (
	"context"
	"fmt"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
	"github.com/connect-ferry/connect-ferry/runner/internal/kafka"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// Attempt is one attempt to bring a connector to rest and prove it. Close it.
type Attempt struct {
	prover  *Prover
	subject Subject
	found   connect.State
	tasks   *taskTracker
	tail    kafka.Tail
	// pausedSeen is set once every task was seen PAUSED or FAILED.
	pausedSeen bool
	pausing    time.Duration
	ending     time.Duration // how long the tasks took to end after the stop
	// emptyGroups are the sink's groups that were seen empty, its own first.
	emptyGroups []string
	stillSince  time.Time
	inTurn      bool
}

// Begin waits for its turn (see [Turns]), opens the status topic if it is known, and
// reads the connector's status, all while the connector still runs. It writes nothing. It
// keeps the turn until [Attempt.EndTurn], unless the connector was found stopped: that
// one stands still already, and its proof may take long.
func (p *Prover) Begin(ctx context.Context, subject Subject) (*Attempt, error) {
	attempt := &Attempt{prover: p, subject: subject, tasks: newTaskTracker(subject.Connector)}
	if err := attempt.takeTurn(ctx); err != nil {
		return nil, fmt.Errorf("while another connector had its turn: %w", err)
	}
	var err error
	if p.Allow != nil {
		err = p.Allow()
	}
	if err == nil {
		err = attempt.look(ctx)
	}
	if err != nil {
		attempt.Close()
		attempt.EndTurn()
		return nil, err
	}
	if attempt.found == connect.Stopped {
		attempt.EndTurn()
	}
	return attempt, nil
}

func (a *Attempt) look(ctx context.Context) error {
	p := a.prover
	if p.hard() || p.Options.Mode == OnlyHard {
		topic, err := p.Cluster.StatusTopic()
		if err != nil {
			return err
		}
		// Opened before the status is read, so that no record is missed in between.
		tail, err := topic.Tail(ctx)
		if err != nil {
			return fmt.Errorf("open the status topic: %w", err)
		}
		a.tail = tail
	}
	status, err := p.client().Status(ctx, a.subject.Connector)
	if err != nil {
		return fmt.Errorf("status before the stop: %w", err)
	}
	a.found = status.Connector.State
	a.tasks.expect(status.Tasks)
	return nil
}

// Found is the state the connector was in when the attempt began.
func (a *Attempt) Found() connect.State { return a.found }

// TasksFound is the number of tasks the connector had when the attempt began.
func (a *Attempt) TasksFound() int { return a.tasks.len() }

// StillSince is when the connector was asked to stop; zero if it was already at rest when
// the attempt began.
func (a *Attempt) StillSince() time.Time { return a.stillSince }

// Pausing is how long the pause took before that, until every task was seen PAUSED: each
// task finishes its current poll and sends what it got.
func (a *Attempt) Pausing() time.Duration { return a.pausing }

// Close closes the reader of the status topic.
func (a *Attempt) Close() {
	if a.tail != nil {
		a.tail.Close()
		a.tail = nil
	}
}

func (p *Prover) hard() bool { return p.Cluster.Kafka.Status.Known() && p.Options.Mode != OnlyTimed }

func (p *Prover) client() *connect.Client { return p.Cluster.Client }

// Quiesce pauses the connector, waits until every task is paused, stops it, and waits
// until the cluster shows no tasks. It returns a [NotProvenError] if the tasks do not
// pause in time; then nothing was stopped.
//
// On workers that cannot stop, it restarts the paused tasks instead, and the connector
// stays paused.
func (a *Attempt) Quiesce(ctx context.Context) error {
	if a.found == connect.Stopped {
		return a.stop(ctx)
	}
	asked := time.Now()
	if err := a.pause(ctx); err != nil {
		return err
	}
	if err := a.takeTurn(ctx); err != nil {
		return err
	}
	if a.found != connect.Paused {
		a.stillSince = time.Now()
		a.pausing = a.stillSince.Sub(asked)
	}
	if linger := min(a.subject.Linger, a.prover.Options.Timeout); linger > 0 {
		a.note(event.Info, fmt.Sprintf("paused for %s, as long as its producer may hold records back", linger))
		if err := wait.For(ctx, linger); err != nil {
			return err
		}
	}
	if !a.prover.Cluster.Has(cluster.Stop) {
		return a.restartTasks(ctx)
	}
	return a.stop(ctx)
}

func (a *Attempt) ask(ctx context.Context, state connect.State) error {
	return instance.Instance{Cluster: a.prover.Cluster, Name: a.subject.Connector}.Ask(ctx, state, cluster.DowntimeRetry)
}

// longPoll is how long a pause may take before other connectors get their turn.
const longPoll = time.Second

func (a *Attempt) pause(ctx context.Context) error {
	name := a.subject.Connector
	if err := a.ask(ctx, connect.Paused); err != nil {
		return fmt.Errorf("pause: %w", err)
	}
	asked := time.Now()
	looked := asked
	progress := newProgress(a.prover.Events, name)
	err := wait.Until(ctx, "every task paused", a.prover.Options.Timeout, func(ctx context.Context) (bool, string, error) {
		status, err := a.prover.client().Status(ctx, name)
		if err != nil {
			return false, "", fmt.Errorf("status after pause: %w", err)
		}
		a.tasks.expect(status.Tasks)
		if status.Connector.State == connect.Stopped {
			a.found = connect.Stopped
			return true, "", nil
		}
		missing := status.NotPaused()
		if missing != "" {
			progress.report("waiting for the current poll to end: " + missing)
		}
		if time.Since(asked) > longPoll {
			a.EndTurn()
		}
		if status.Starting() && time.Since(looked) > instance.LookHanging {
			looked = time.Now()
			if hanging := a.prover.Cluster.Hanging(ctx, name); hanging != nil {
				return false, "", &NotProvenError{Reason: "its tasks cannot start, so they cannot be seen to rest either", Err: hanging}
			}
		}
		return missing == "", missing, nil
	})
	if timeout, ok := asTimeout(err); ok {
		if a.prover.Options.AllowDuplicates {
			a.note(event.Warn, "not every task paused; continuing anyway, as --allow-duplicates says: "+timeout.Missing)
			return nil
		}
		return &NotProvenError{Reason: "a task that is still in its poll cannot be stopped, since its last offsets could not be known", Err: timeout}
	}
	if err != nil {
		return err
	}
	if a.found == connect.Stopped {
		a.note(event.Warn, "another run or somebody stopped the connector before every task was seen paused")
		return nil
	}
	a.pausedSeen = true
	return nil
}

// restopAfter is when the stop is sent again if the connector is not at rest. The leader
// writes the empty task list and the state as two records, so a leader that dies in
// between leaves one without the other.
const restopAfter = 10 * time.Second

func (a *Attempt) stop(ctx context.Context) error {
	name, client := a.subject.Connector, a.prover.client()
	if a.found != connect.Stopped {
		if err := a.ask(ctx, connect.Stopped); err != nil {
			return fmt.Errorf("stop: %w", err)
		}
	}
	asked := time.Now()
	sent := asked
	progress := newProgress(a.prover.Events, name)
	err := wait.Until(ctx, "the connector to stop", a.prover.Options.Timeout, func(ctx context.Context) (bool, string, error) {
		missing, err := client.NotAtRest(ctx, name, connect.Stopped)
		if err != nil || missing == "" {
			return missing == "", "", err
		}
		progress.report("waiting for the cluster to end the tasks: " + missing)
		if time.Since(sent) > restopAfter {
			sent = time.Now()
			err = a.ask(ctx, connect.Stopped)
		}
		return false, missing, err
	})
	if timeout, ok := asTimeout(err); ok {
		return &NotProvenError{Reason: "the cluster did not stop the connector", Err: timeout}
	}
	a.ending = time.Since(asked)
	return err
}

func (a *Attempt) note(level event.Level, message string) {
	a.prover.Events.Emit(event.Note{Connector: a.subject.Connector, Level: level, Message: message, At: time.Now()})
}

// progress reports at intervals what an attempt waits for.
type progress struct {
	events    event.Recorder
	connector string
	next      time.Time
}

const progressEvery = 5 * time.Second

func newProgress(events event.Recorder, connector string) *progress {
	return &progress{events: events, connector: connector, next: time.Now().Add(progressEvery)}
}

func (p *progress) report(message string) {
	if now := time.Now(); now.After(p.next) {
		p.next = now.Add(progressEvery)
		p.events.Emit(event.Note{Connector: p.connector, Level: event.Info, Message: message, At: now})
	}
}
