package move

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/proof"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// putBack undoes a cutover whose copy was never asked to start: the connector is
// brought to the state it had. It goes on when ctx has been cancelled, since
// that is one of the reasons for it.
func (c *cutover) putBack(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.Options.PutBack)
	defer cancel()
	c.toward = c.from.Name
	return c.step("put_back", func() (string, error) {
		if err := c.copyRests(ctx); err != nil {
			return "", err
		}
		detail, err := restore(ctx, c.from, c.fromName, c.keep)
		if err != nil {
			verb := map[connect.State]string{connect.Paused: "pause", connect.Stopped: "stop"}[c.keep]
			c.result.Instructions = cmp.Or(c.result.Instructions, fmt.Sprintf("bring the connector on %s back by hand: PUT %s/connectors/%s/%s, then `ferry status`",
				c.from.Name, c.from.Client.Workers()[0], url.PathEscape(c.fromName), cmp.Or(verb, "resume")))
		}
		return detail, err
	})
}

// copyRests makes sure, before a connector is put back, that its copy does not
// run: this run has not asked it to, but another may have. A copy that cannot be
// seen is taken to rest, as the connector must not stay down because the other
// cluster does not answer.
func (c *cutover) copyRests(ctx context.Context) error {
	if c.to == nil {
		return nil
	}
	started, ok := errors.AsType[*interferedError](awaitRest(ctx, c.to, c.toName))
	if !ok {
		return nil
	}
	c.result.Instructions = "look at both clusters with `ferry status`"
	return &interferedError{what: fmt.Sprintf("%s, so the one on %s is left as it is", started.what, c.from.Name)}
}

// steadyFor is how long a connector must be seen in its old state to count as
// put back. A pause or stop whose answer was lost, or given up on at a signal,
// may still be carried out a moment later.
const steadyFor = time.Second

// askAgainAfter is when a connector that is not yet in its old state is asked
// once more.
const askAgainAfter = 5 * time.Second

// restore brings a connector to the state it had, whatever it is in. It asks
// even if the cluster shows that state already: what it shows may be old.
func restore(ctx context.Context, cluster *Cluster, connector string, state connect.State) (string, error) {
	client := cluster.Client.Patient(putBackPatience)
	ask := client.Resume
	switch state {
	case connect.Stopped:
		ask = client.Stop
	case connect.Paused:
		ask = client.Pause
	case connect.Running, connect.Failed, connect.Unassigned, connect.Restarting:
	}
	if err := ask(ctx, connector); err != nil {
		return "", fmt.Errorf("put back on %s: %w", cluster.Name, err)
	}
	asked := time.Now()
	looked := asked
	var since time.Time
	err := wait.Until(ctx, fmt.Sprintf("the connector to be %s again on %s", state, cluster.Name), putBackPatience,
		func(ctx context.Context) (bool, string, error) {
			status, err := client.Status(ctx, connector)
			if err != nil {
				return false, "", fmt.Errorf("put back on %s: %w", cluster.Name, err)
			}
			missing := notIn(status, state, 0)
			// A task that fails now may have failed before; that it was asked to run is what was undone.
			if missing == "" || failure(status) != nil {
				if since.IsZero() {
					since = time.Now()
				}
				return time.Since(since) >= steadyFor, "in that state only for a moment", nil
			}
			if !since.IsZero() || time.Since(asked) > askAgainAfter {
				since, asked = time.Time{}, time.Now()
				err = ask(ctx, connector)
			}
			if err == nil && status.Starting() && time.Since(looked) > proof.LookHeldUp {
				looked = time.Now()
				if held := cluster.heldUp(ctx, connector); held != nil {
					err = fmt.Errorf("asked to be %s on %s, which it will be once it can start: %w", state, cluster.Name, held)
				}
			}
			return false, missing, err
		})
	return fmt.Sprintf("%s on %s as before", state, cluster.Name), err
}

// leaveNothing removes what a failed move has put on the target: the copy it
// created, with the offsets of its rehearsal. A copy that was there before is
// marked instead, so that the next move does not continue this one.
func (r *run) leaveNothing(ctx context.Context, created bool, onTarget offset.Document) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.Options.PutBack)
	defer cancel()
	target, name := r.request.Target, r.request.targetName()
	started, ok := errors.AsType[*interferedError](awaitRest(ctx, target, name))
	if ok {
		r.note(r.request.Connector, event.Warn, "the copy on %s is left as it is: %s", target.Name, started)
		return
	}
	if !created {
		if err := markIdle(ctx, target, name); err != nil {
			r.note(r.request.Connector, event.Warn, "the stopped copy on %s is left as it is: %s", target.Name, message(err))
		}
		return
	}
	if onTarget.Len() > 0 && r.wrote != nil {
		if _, err := makeEqual(ctx, target.Name, r.wrote, offset.Document{}, onTarget); err != nil {
			r.note(r.request.Connector, event.Warn, "offsets of the rehearsal are left on %s: %s", target.Name, message(err))
		}
	}
	if err := target.Client.Patient(windowPatience).Delete(ctx, name); err != nil {
		r.note(r.request.Connector, event.Warn, "a stopped copy is left on %s: %s", target.Name, message(err))
	}
}
