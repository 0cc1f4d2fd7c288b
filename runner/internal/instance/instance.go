// Package instance is one connector on one cluster: what its cluster says of it, and
// the writes that change it. It creates one stopped, starts one, restores one to an
// earlier state, and keeps the marks in its config. What two instances of a connector
// have to do with each other is not known here.
//
// No answer of Connect is taken for the deed: each write is read back. A write whose
// answer is lost is judged by what the cluster shows afterwards.
package instance

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/secret"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// Instance is a connector on a cluster, which need not be there.
type Instance struct {
	Cluster *cluster.Cluster
	Name    string
}

// On returns the name of the cluster, for people.
func (i Instance) On() string { return i.Cluster.Name }

func (i Instance) client() *connect.Client { return i.Cluster.Client }

// RetryLonger returns the instance with a client that tries for as long as a connector
// may stand still.
func (i Instance) RetryLonger() Instance {
	i.Cluster = i.Cluster.RetryFor(cluster.DowntimeRetry)
	return i
}

// InterferedError says that somebody else works on the connector, another run or a
// person. What they did is theirs: it is not undone, since they may be about to start
// what an undo would start too.
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

// Observed is what a cluster says of a connector. The zero value says that there is none.
type Observed struct {
	Exists bool
	Status connect.Status
	Tasks  []int // that are configured
	Config rawjson.Object
	// Rest is the state in which connectors rest on the cluster's workers.
	Rest connect.State
}

// Observe looks at the connector. It writes nothing. The mask, which may be nil,
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
	if observed.Tasks, err = i.client().Tasks(ctx, i.Name); err != nil {
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

// State returns the connector's state, "" if it does not exist.
func (o Observed) State() connect.State { return o.Status.Connector.State }

// Sink reports whether it is a sink.
func (o Observed) Sink() bool { return o.Status.Type == "sink" }

// AtRest reports whether the connector rests: stopped and without tasks, or, where
// the workers know no stop, paused with no task that runs.
func (o Observed) AtRest() bool {
	if !o.Exists || o.State() != o.Rest {
		return false
	}
	if o.Rest == connect.Paused {
		return !o.Status.AnyTask(connect.Running, connect.Restarting)
	}
	return len(o.Status.Tasks) == 0 && len(o.Tasks) == 0
}

// Active reports whether the connector runs, or would run if its tasks did not fail
// or rest.
func (o Observed) Active() bool {
	return o.Exists && o.State() != connect.Stopped && o.State() != o.Rest
}

// String says for people how the connector is: "RUNNING with 2 tasks", "absent".
func (o Observed) String() string {
	if !o.Exists {
		return "absent"
	}
	if tasks := max(len(o.Tasks), len(o.Status.Tasks)); tasks > 0 {
		return fmt.Sprintf("%s with %d tasks", o.State(), tasks)
	}
	return string(o.State())
}

// NotAtRest says what speaks against the connector being at rest now, "" if nothing does.
func (i Instance) NotAtRest(ctx context.Context) (string, error) {
	return i.client().NotAtRest(ctx, i.Name, i.Cluster.RestState())
}

// AwaitRest waits until a connector that is to rest is seen at rest. One that stays
// awake was started by somebody, which is an [InterferedError]. It is never stopped
// here.
func (i Instance) AwaitRest(ctx context.Context) error {
	err := wait.Until(ctx, "the connector on "+i.On()+" to be stopped", cluster.StaleTime, func(ctx context.Context) (bool, string, error) {
		missing, err := i.NotAtRest(ctx)
		if connect.IsNotFound(err) {
			return false, err.Error(), nil // of a worker that lags behind, perhaps
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

// Gone reports whether the connector does not exist: the worker that is asked does not
// know it, which may be behind, and the leader says so too.
func (i Instance) Gone(ctx context.Context) bool {
	if _, err := i.NotAtRest(ctx); !connect.IsNotFound(err) {
		return false
	}
	return connect.IsNotFound(i.confirmExists(ctx))
}

// AwakeEverywhere returns the connector's state if every worker shows it awake, and
// "" if not, also if one cannot be asked.
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

// ForgetTopics empties the list of topics the connector has used. Where the cluster
// does not track topics there is nothing to empty.
func (i Instance) ForgetTopics(ctx context.Context) error {
	if ran, err := i.HasRun(ctx); err != nil || !ran {
		return nil //nolint:nilerr // a cluster without topic tracking is no obstacle
	}
	if err := i.client().ResetActiveTopics(ctx, i.Name); err != nil {
		return fmt.Errorf("active topics on %s cannot be reset: %s", i.On(), connect.Message(err))
	}
	return nil
}

// Hanging returns what keeps the connector's tasks from starting, see
// [cluster.Cluster.Hanging]; nil if nothing is known to.
func (i Instance) Hanging(ctx context.Context) error {
	if hanging := i.Cluster.Hanging(ctx, i.Name); hanging != nil {
		return hanging
	}
	return nil
}
