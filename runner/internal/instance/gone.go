package instance

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// GoneError says that a connector at rest does not exist any more: the leader answered 404.
type GoneError struct {
	On  string
	err error
}

func (e *GoneError) Error() string { return "somebody has deleted the connector on " + e.On }

func (e *GoneError) Unwrap() error { return e.err }

// IsGone reports whether an error is a [GoneError].
func IsGone(err error) bool {
	_, gone := errors.AsType[*GoneError](err)
	return gone
}

// Gone reports whether the connector does not exist. Its config tells, since the status of a
// deleted connector can be read for a while. A worker that does not know it may lag behind,
// so the leader has to confirm it.
func (i Instance) Gone(ctx context.Context) bool {
	_, err := i.client().Config(ctx, i.Name)
	return connect.IsNotFound(err) && i.gone(ctx) != nil
}

// gone returns a [GoneError] if the leader does not know the connector either.
func (i Instance) gone(ctx context.Context) error {
	if err := i.confirmExists(ctx); IsGone(err) {
		return err
	}
	return nil
}

// confirmExists asks the leader whether a copy at rest still exists, by restarting its
// failed tasks, of which there are none. The leader answers 404 if the connector is gone,
// which another worker may not know yet: a PUT of the config would then create it anew,
// running.
func (i Instance) confirmExists(ctx context.Context) error {
	err := i.client().Restart(ctx, i.Name)
	if connect.IsNotFound(err) && strings.HasPrefix(connect.Message(err), "Status for connector") {
		return nil // it exists, and no worker has taken it on (DistributedHerder.restartConnectorAndTasks)
	}
	if connect.IsNotFound(err) {
		return &GoneError{On: i.On(), err: err}
	}
	if err != nil {
		return fmt.Errorf("the copy on %s: %w", i.On(), err)
	}
	return nil
}

// UntilKnown reads something of the connector, and reads it again while a worker does not know
// the connector: it may lag behind. If the leader does not know it either, the error is a
// [GoneError].
func (i Instance) UntilKnown(ctx context.Context, what string, read func(context.Context) error) error {
	return wait.Until(ctx, fmt.Sprintf("the %s of the copy on %s", what, i.On()), cluster.StaleTime, func(ctx context.Context) (bool, string, error) {
		if err := read(ctx); err != nil {
			return i.unknown(ctx, what, err)
		}
		return true, "", nil
	})
}

// unknown is what a wait makes of a failed read: a worker that does not know the copy may lag
// behind, unless the leader does not know it either.
func (i Instance) unknown(ctx context.Context, what string, err error) (done bool, missing string, failure error) {
	if connect.IsNotFound(err) {
		return false, err.Error(), i.gone(ctx)
	}
	return false, "", fmt.Errorf("%s of the copy on %s: %w", what, i.On(), err)
}
