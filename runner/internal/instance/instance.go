// Package instance is one connector on one cluster: what its cluster says of it, and the
// writes that change it. It creates a connector stopped, starts it, restores an earlier
// state, and keeps the marks in its config. Package pair knows how two instances of a
// connector relate.
//
// An answer of Connect is only a promise, so each write is read back. If the answer is
// lost, what the cluster shows afterwards decides.
package instance

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/secret"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
	"github.com/connect-ferry/connect-ferry/runner/internal/words"
)

// Instance is a connector on a cluster. The connector need not exist.
type Instance struct {
	Cluster *cluster.Cluster
	Name    string
}

// On returns the name of the cluster.
func (i Instance) On() string { return i.Cluster.Name }

func (i Instance) client() *connect.Client { return i.Cluster.Client }

// URL is where a person sends a request about the connector, such as "resume".
func (i Instance) URL(request string) string {
	return fmt.Sprintf("%s/connectors/%s/%s", i.client().Workers()[0], url.PathEscape(i.Name), request)
}

// RetryLonger returns the instance with a client that retries for as long as a connector
// may stand still.
func (i Instance) RetryLonger() Instance {
	i.Cluster = i.Cluster.RetryFor(cluster.DowntimeRetry)
	return i
}

// InterferedError says that another run or a person works on the connector. What they did
// is not undone: they may be about to start what the undo would start too.
type InterferedError struct{ What string }

func (e *InterferedError) Error() string { return e.What }

// Interfered returns an [InterferedError].
func Interfered(format string, arguments ...any) error {
	return &InterferedError{What: fmt.Sprintf(format, arguments...)}
}

// IsInterfered reports whether an error is an [InterferedError].
func IsInterfered(err error) bool {
	_, interfered := errors.AsType[*InterferedError](err)
	return interfered
}

// RunningTwiceError says that both copies run.
type RunningTwiceError struct{ Reason string }

func (e *RunningTwiceError) Error() string { return e.Reason }

// Observed is what a cluster says of a connector. The zero value says that it does not
// exist.
type Observed struct {
	Exists bool
	Status connect.Status
	Tasks  []int // the configured tasks
	Config rawjson.Object
	// Rest is the state of a connector at rest on this cluster, STOPPED or PAUSED.
	Rest connect.State
}

// Observe reads what the cluster says of the connector. The mask, which may be nil,
// learns the secrets in its config.
func (i Instance) Observe(ctx context.Context, mask *secret.Mask) (Observed, error) {
	if i.Name == "." || i.Name == ".." {
		return Observed{}, cluster.Refused(fmt.Sprintf("a connector named %q cannot be asked for, since no URL can name it", i.Name))
	}
	if _, err := i.Cluster.Version(ctx); err != nil {
		return Observed{}, err
	}
	settings, err := i.client().Config(ctx, i.Name)
	if connect.IsNotFound(err) {
		return Observed{}, nil
	}
	if connect.IsBadRequest(err) && strings.ContainsAny(i.Name, `/%\`) {
		return Observed{}, cluster.Refused(fmt.Sprintf("the workers answer no request about a connector with %q in its name (Kafka Connect 4 does not), so it can only be re-created under another name",
			i.Name[strings.IndexAny(i.Name, `/%\`)]))
	}
	if err != nil {
		return Observed{}, err
	}
	config.Learn(mask, settings)
	observed := Observed{Exists: true, Config: settings, Rest: i.Cluster.RestState()}
	observed.Tasks, err = i.client().Tasks(ctx, i.Name)
	if connect.IsNotFound(err) {
		// Somebody may have just deleted it. The leader is not asked, since that is a write.
		if _, gone := i.client().Config(ctx, i.Name); connect.IsNotFound(gone) {
			return Observed{}, nil
		}
	}
	if err != nil {
		return Observed{}, err
	}
	observed.Status, err = i.client().Status(ctx, i.Name)
	if connect.IsNotFound(err) {
		// Connect reports the status only once a worker has taken the connector on.
		observed.Status.Connector.State = connect.Unassigned
		return observed, nil
	}
	return observed, err
}

// Listed is what an inventory tells of the connector. Like [Instance.Observe], it takes one
// that no worker has given a status yet for UNASSIGNED.
func (i Instance) Listed(listed connect.Listed) Observed {
	observed := Observed{Exists: true, Status: listed.Status, Tasks: listed.Tasks, Config: listed.Config, Rest: i.Cluster.RestState()}
	if observed.Status.Connector.State == "" {
		observed.Status.Connector.State = connect.Unassigned
	}
	return observed
}

// State returns the connector's state, "" if it does not exist.
func (o Observed) State() connect.State { return o.Status.Connector.State }

// Sink reports whether the connector is a sink.
func (o Observed) Sink() bool { return o.Status.Type == "sink" }

// AtRest reports whether the connector is stopped and has no tasks, or, on workers that
// cannot stop, is paused with no task running.
func (o Observed) AtRest() bool {
	if !o.Exists || o.State() != o.Rest {
		return false
	}
	if o.Rest == connect.Paused {
		return !o.Status.AnyTask(connect.Running, connect.Restarting)
	}
	return len(o.Status.Tasks) == 0 && len(o.Tasks) == 0
}

// Active reports whether the connector exists and is neither stopped nor in its rest
// state.
func (o Observed) Active() bool {
	return o.Exists && o.State() != connect.Stopped && o.State() != o.Rest
}

// Failure returns a [connect.FailedError] if the connector should run and it or a task is
// FAILED. A failed task of a paused connector is no failure: nothing should run.
func (o Observed) Failure() error {
	if !o.Active() || o.State() == connect.Paused {
		return nil
	}
	return o.Status.Failure()
}

// String describes the connector for messages: "RUNNING with 2 tasks", "RUNNING with 2
// tasks, 1 FAILED", "absent".
func (o Observed) String() string {
	if !o.Exists {
		return "absent"
	}
	text := string(o.State())
	if tasks := max(len(o.Tasks), len(o.Status.Tasks)); tasks > 0 {
		text += " with " + words.Count(tasks, "task")
	}
	if failed := o.Status.CountTasks(connect.Failed); failed > 0 {
		text += fmt.Sprintf(", %d FAILED", failed)
	}
	return text
}

// NotAtRest says what keeps the connector from being at rest, "" if it is at rest.
func (i Instance) NotAtRest(ctx context.Context) (string, error) {
	return i.client().NotAtRest(ctx, i.Name, i.Cluster.RestState())
}

// AwaitRest waits until a connector that should be at rest is seen at rest. If it stays
// awake, somebody started it: that is an [InterferedError]; if somebody deleted it, a
// [GoneError]. AwaitRest never stops it.
func (i Instance) AwaitRest(ctx context.Context) error {
	err := wait.Until(ctx, "the connector on "+i.On()+" to be stopped", cluster.StaleTime, func(ctx context.Context) (bool, string, error) {
		missing, err := i.NotAtRest(ctx)
		if connect.IsNotFound(err) { // the worker may lag behind
			return false, err.Error(), i.gone(ctx)
		}
		return err == nil && missing == "", missing, err
	})
	if _, ok := errors.AsType[*wait.TimeoutError](err); !ok {
		return err
	}
	status, failure := i.client().Status(ctx, i.Name)
	if connect.IsNotFound(failure) {
		return fmt.Errorf("on %s: %w", i.On(), failure)
	}
	if failure != nil || !status.Awake(i.Cluster.RestState()) {
		return err
	}
	return Interfered("another run or somebody started the connector on %s: it is %s there", i.On(), status.Connector.State)
}

// AwakeEverywhere returns the connector's state if every worker shows it awake, "" if one
// does not or cannot be reached.
func (i Instance) AwakeEverywhere(ctx context.Context) (state connect.State) {
	for worker := range i.client().Workers() {
		status, err := i.client().On(worker).Status(ctx, i.Name)
		if err != nil || !status.Awake(i.Cluster.RestState()) {
			return ""
		}
		state = status.Connector.State
	}
	return state
}

// HasRun reports whether the connector has touched a topic since it was created, or
// since [Instance.ForgetTopics] (KIP-558).
func (i Instance) HasRun(ctx context.Context) (bool, error) {
	topics, err := i.client().ActiveTopics(ctx, i.Name)
	return len(topics) > 0, err
}

// ForgetTopics empties the list of topics that the connector has used. It does nothing if
// the cluster does not track topics.
func (i Instance) ForgetTopics(ctx context.Context) error {
	if ran, err := i.HasRun(ctx); err != nil || !ran {
		return nil //nolint:nilerr // a cluster without topic tracking is no obstacle
	}
	if err := i.client().ResetActiveTopics(ctx, i.Name); err != nil {
		return fmt.Errorf("active topics on %s cannot be reset: %s", i.On(), connect.Message(err))
	}
	return nil
}

// Hanging returns the transaction that keeps the connector's tasks from starting, nil if
// none is known. See [cluster.Cluster.Hanging].
func (i Instance) Hanging(ctx context.Context) error {
	if hanging := i.Cluster.Hanging(ctx, i.Name); hanging != nil {
		return hanging
	}
	return nil
}
