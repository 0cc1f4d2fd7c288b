package move

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/family"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

const watchEvery = 200 * time.Millisecond

// watch sees whether the copy goes on running, alone, and whether its offsets are
// not behind those that were copied.
func (c *cutover) watch(ctx context.Context) error {
	var twice, behind suspicion
	for ends := time.Now().Add(c.Options.Watch); ; {
		if err := c.watchStatus(ctx, ends.Add(staleTime)); err != nil {
			return err
		}
		other := c.otherAwake(ctx)
		if twice.see(other != "") {
			return c.stopCopy(ctx, other)
		}
		regressed, err := c.fellBehind(ctx)
		if err != nil {
			return fmt.Errorf("watch on %s: %w", c.to.Name, err)
		}
		if behind.see(regressed != "") {
			return &regressedError{fmt.Sprintf("watch on %s: %s; it has sent records again", c.to.Name, regressed)}
		}
		if time.Now().After(ends) && !twice.open() && !behind.open() {
			return nil
		}
		if err := wait.For(ctx, watchEvery); err != nil {
			return err
		}
	}
}

// watchStatus returns an error if the copy failed. Until a time, a worker may not
// know of the copy yet.
func (c *cutover) watchStatus(ctx context.Context, unknownUntil time.Time) error {
	status, err := c.to.Client.Patient(windowPatience).Status(ctx, c.toName)
	if connect.IsNotFound(err) && time.Now().Before(unknownUntil) {
		return nil
	}
	if err == nil {
		err = failure(status)
	}
	if err != nil {
		return fmt.Errorf("watch on %s: %w", c.to.Name, err)
	}
	return nil
}

// confirmFor is how long something that speaks against a copy that runs must be
// seen without a break: a worker that lags behind shows what was before.
const confirmFor = time.Second

// suspicion is of something that is only acted on once it was seen for long enough.
type suspicion struct{ since time.Time }

// see takes note of a look and reports whether the suspicion is confirmed.
func (s *suspicion) see(suspect bool) bool {
	switch {
	case !suspect:
		s.since = time.Time{}
	case s.since.IsZero():
		s.since = time.Now()
	}
	return s.open() && time.Since(s.since) >= confirmFor
}

func (s *suspicion) open() bool { return !s.since.IsZero() }

// otherAwake returns the state of the other side's connector if every worker shows
// it awake, and "" if not. A side that cannot be read is no reason to stop a copy
// that runs.
func (c *cutover) otherAwake(ctx context.Context) (state connect.State) {
	if c.from == nil {
		return ""
	}
	for worker := range c.from.Client.Workers() {
		status, err := c.from.Client.On(worker).Status(ctx, c.fromName)
		if err != nil || !c.from.awake(status) {
			return ""
		}
		state = status.Connector.State
	}
	return state
}

// fellBehind says how the copy has gone behind the offsets that were copied, "" if
// it has not. It reads twice before it says so, as a balancer may ask another
// worker the second time.
func (c *cutover) fellBehind(ctx context.Context) (string, error) {
	if c.toPlace == nil || c.shared && c.sink {
		return "", nil
	}
	said := ""
	for range 2 {
		now, err := c.toPlace.read(ctx)
		if err != nil {
			return "", err
		}
		regressed := family.For(c.config).Regressed(c.want, now)
		if len(regressed) == 0 {
			return "", nil
		}
		said = fmt.Sprintf("%d partitions fell behind the offsets that were copied, first %s", len(regressed), regressed[0].Partition)
	}
	return said, nil
}

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
