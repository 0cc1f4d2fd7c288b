package move

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/family"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// failedError says that a connector or a task of it failed after the start.
type failedError struct{ what string }

func (e *failedError) Error() string { return e.what }

// regressedError says that a copy began before the offsets that were copied.
type regressedError struct{ what string }

func (e *regressedError) Error() string { return e.what }

// lateTasks is how long a copy of which nobody knows how many tasks it had may
// take to show its first one.
const lateTasks = 10 * time.Second

// startConnector asks for the state and waits until the connector and its tasks
// are in it, at least as many as expected.
func startConnector(ctx context.Context, cluster *Cluster, connector string, state connect.State, expected int, limit time.Duration) (string, error) {
	client := cluster.Client.Patient(windowPatience)
	ask := client.Resume
	if state == connect.Paused {
		ask = client.Pause
	}
	err := wait.Until(ctx, "the start on "+cluster.Name, staleTime, func(ctx context.Context) (bool, string, error) {
		err := ask(ctx, connector)
		if connect.IsNotFound(err) {
			return false, err.Error(), nil // a worker that lags behind may not know the copy yet
		}
		return err == nil, "", err
	})
	if err != nil {
		return "", fmt.Errorf("start on %s: %w", cluster.Name, err)
	}
	begun := time.Now()
	tasks := 0
	err = wait.Until(ctx, "the connector to be "+string(state)+" on "+cluster.Name, limit, func(ctx context.Context) (bool, string, error) {
		status, err := client.Status(ctx, connector)
		if connect.IsNotFound(err) && time.Since(begun) < staleTime {
			return false, err.Error(), nil
		}
		if err != nil {
			return false, "", fmt.Errorf("start on %s: %w", cluster.Name, err)
		}
		if err := failure(status); err != nil {
			return false, "", fmt.Errorf("start on %s: %w", cluster.Name, err)
		}
		tasks = len(status.Tasks)
		missing := notIn(status, state, expected)
		if missing == "" && state == connect.Running && expected == 0 && tasks == 0 && time.Since(begun) < min(lateTasks, limit/2) {
			missing = "no task yet"
		}
		return missing == "", missing, nil
	})
	return fmt.Sprintf("%s with %d tasks on %s", state, tasks, cluster.Name), err
}

func notIn(status connect.Status, state connect.State, expected int) string {
	if status.Connector.State != state {
		return "connector " + string(status.Connector.State)
	}
	if len(status.Tasks) < expected {
		return fmt.Sprintf("%d of %d tasks", len(status.Tasks), expected)
	}
	for _, task := range status.Tasks {
		if task.State != state {
			return fmt.Sprintf("task %d %s", task.ID, task.State)
		}
	}
	return ""
}

// failure returns an error if the connector or a task failed. The trace may
// quote values of the config, so only its first line is kept; what looks like a
// secret in it is masked where it is printed.
func failure(status connect.Status) error {
	if status.Connector.State == connect.Failed {
		return &failedError{"connector FAILED: " + firstLine(status.Connector.Trace)}
	}
	for _, task := range status.Tasks {
		if task.State == connect.Failed {
			return &failedError{fmt.Sprintf("task %d FAILED: %s", task.ID, firstLine(task.Trace))}
		}
	}
	return nil
}

// maxTrace is the length in bytes after which no further word of a trace is kept.
// A word is never cut: half a password would not be masked.
const maxTrace = 200

func firstLine(trace string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(trace), "\n")
	words := strings.Fields(line)
	if len(words) == 0 {
		return "no trace"
	}
	var kept strings.Builder
	for _, word := range words {
		if kept.Len()+len(word) > maxTrace {
			return strings.TrimSpace(kept.String() + " ...")
		}
		if kept.Len() > 0 {
			kept.WriteByte(' ')
		}
		kept.WriteString(word)
	}
	return kept.String()
}

const watchEvery = 200 * time.Millisecond

// watch sees whether the copy goes on running, alone, and whether its offsets are
// not behind those that were copied.
func (c *cutover) watch(ctx context.Context) error {
	var twice suspicion
	for ends := time.Now().Add(c.Options.Watch); ; {
		status, err := c.to.Client.Patient(windowPatience).Status(ctx, c.toName)
		if connect.IsNotFound(err) && time.Now().Before(ends.Add(staleTime)) {
			if err := wait.For(ctx, watchEvery); err != nil {
				return err
			}
			continue // of a worker that does not know the copy yet
		}
		if err != nil {
			return fmt.Errorf("watch on %s: %w", c.to.Name, err)
		}
		if err := failure(status); err != nil {
			return fmt.Errorf("watch on %s: %w", c.to.Name, err)
		}
		if c.from != nil {
			twice.look(ctx, c.from, c.fromName)
		}
		if twice.confirmed() {
			return c.stopCopy(ctx, twice.state)
		}
		if err := c.watchOffsets(ctx); err != nil {
			return err
		}
		if time.Now().After(ends) && twice.since.IsZero() {
			return nil
		}
		if err := wait.For(ctx, watchEvery); err != nil {
			return err
		}
	}
}

// watchOffsets sees whether the copy has gone behind the offsets that were copied.
// It looks all the time: a copy that begins anew may soon have caught up.
func (c *cutover) watchOffsets(ctx context.Context) error {
	if c.toPlace == nil || c.shared && c.sink {
		return nil
	}
	now, err := c.toPlace.read(ctx)
	if err != nil {
		return fmt.Errorf("watch on %s: %w", c.to.Name, err)
	}
	if regressed := family.For(c.config).Regressed(c.final, now); len(regressed) > 0 {
		return &regressedError{fmt.Sprintf("watch on %s: %d partitions fell behind the offsets that were copied, first %s; it has sent records again",
			c.to.Name, len(regressed), regressed[0].Partition)}
	}
	return nil
}

// confirmFor is how long a connector that is to rest must be seen awake by every
// worker: one that lags behind may show what was before the stop.
const confirmFor = time.Second

// suspicion is that somebody started the other side in the moment in which the
// copy was started.
type suspicion struct {
	since time.Time // zero for none
	state connect.State
}

// look asks every worker. A side that cannot be read is no reason to stop a copy
// that runs.
func (s *suspicion) look(ctx context.Context, cluster *Cluster, connector string) {
	for worker := range cluster.Client.Workers() {
		status, err := cluster.Client.On(worker).Status(ctx, connector)
		if err != nil || !cluster.awake(status) {
			s.since = time.Time{}
			return
		}
		s.state = status.Connector.State
	}
	if s.since.IsZero() {
		s.since = time.Now()
	}
}

func (s *suspicion) confirmed() bool { return !s.since.IsZero() && time.Since(s.since) >= confirmFor }

// stopCopy ends what this run has started: what somebody else started meanwhile
// is theirs. The copy keeps the progress it has made.
func (c *cutover) stopCopy(ctx context.Context, other connect.State) error {
	ask, asked := c.to.Client.Patient(putBackPatience).Stop, "stopped"
	if !c.to.has(stopSince) {
		ask, asked = c.to.Client.Patient(putBackPatience).Pause, "paused"
	}
	reason := fmt.Sprintf("another run or somebody started the connector on %s (%s) in the moment in which its copy on %s was started",
		c.from.Name, other, c.to.Name)
	if err := ask(ctx, c.toName); err != nil {
		c.result.Instructions = fmt.Sprintf("stop one of the two now: PUT %s/connectors/%s/stop, then `ferry status`", c.to.Client.Workers()[0], url.PathEscape(c.toName))
		return &RunningTwiceError{Reason: fmt.Sprintf("%s; it runs twice, and the copy could not be stopped: %s", reason, message(err))}
	}
	c.result.Instructions = fmt.Sprintf("what both sent in that moment is sent twice; find out who started it on %s, then run `ferry move` again, "+
		"or `ferry start --cluster %s` if the copy is the one to go on", c.from.Name, c.to.Name)
	return &RunningTwiceError{Reason: fmt.Sprintf("%s; the copy has been %s again", reason, asked)}
}
