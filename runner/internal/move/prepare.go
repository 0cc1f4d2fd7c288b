package move

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// settleTime is how long a cluster may take to show what it has accepted.
const settleTime = 30 * time.Second

// createStopped makes sure that a stopped copy with this config exists, and that
// it has no task. created says whether it was not there before.
func createStopped(ctx context.Context, cluster *Cluster, connector string, config rawjson.Object, exists bool) (created bool, err error) {
	client := cluster.Client
	if exists {
		err := confirmExists(ctx, cluster, connector)
		exists = !connect.IsNotFound(err)
		if exists && err != nil {
			return false, err
		}
	}
	if exists {
		current, err := client.Config(ctx, connector)
		if err != nil {
			return false, fmt.Errorf("config of the copy on %s: %w", cluster.Name, err)
		}
		if !rawjson.Equal(current.Value(), config.Value()) {
			// A stopped connector stays stopped when its config is put.
			if err := client.PutConfig(ctx, connector, config); err != nil {
				return false, fmt.Errorf("config of the copy on %s: %w", cluster.Name, err)
			}
		}
		return false, awaitRest(ctx, cluster, connector)
	}
	err = createAtRest(ctx, cluster, connector, config)
	switch {
	case err == nil:
	case connect.IsBadRequest(err):
		forgetState(ctx, cluster, connector)
		return false, refused(fmt.Sprintf("%s refuses the connector: %s", cluster.Name, message(err)))
	case connect.IsAlreadyExists(err):
		// Not ours: another run, or a person, was faster since the check.
		if err := readBack(ctx, cluster, connector, config, err); err != nil {
			return false, err
		}
		return false, awaitRest(ctx, cluster, connector)
	case connect.IsTemporary(err):
		// Whether it was carried out is for the cluster to say, also after an
		// interrupt, or a copy would be left that nobody knows of.
		if err := readBack(context.WithoutCancel(ctx), cluster, connector, config, err); err != nil {
			return false, err
		}
	default:
		forgetState(ctx, cluster, connector)
		return false, fmt.Errorf("create on %s: %w", cluster.Name, err)
	}
	return true, awaitStopped(ctx, cluster, connector)
}

// createAtRest creates a connector stopped. Workers before 3.7 take no initial
// state, but they start a connector in the state that the config topic holds for
// its name, which is how later ones do it.
func createAtRest(ctx context.Context, cluster *Cluster, connector string, config rawjson.Object) error {
	if cluster.has(initialStateSince) {
		return cluster.Client.Create(ctx, connector, config, connect.Stopped)
	}
	topic, err := cluster.configTopic()
	if err != nil {
		return err
	}
	if err := topic.SetTargetState(ctx, connector, cluster.restState()); err != nil {
		return fmt.Errorf("first state of the copy: %w", err)
	}
	return cluster.Client.Create(ctx, connector, config, "")
}

// forgetState removes the first state of a connector that was not created, or
// whoever creates one of that name later would wonder why it does not run.
func forgetState(ctx context.Context, cluster *Cluster, connector string) {
	if cluster.has(initialStateSince) {
		return
	}
	if topic, err := cluster.configTopic(); err == nil {
		_ = topic.SetTargetState(context.WithoutCancel(ctx), connector, "") // what failed before is told
	}
}

func (c *Cluster) configTopic() (ConfigTopic, error) {
	if c.Configs == nil {
		return nil, refused(fmt.Sprintf("the config topic of %s is not known, and workers before %s need it to create a connector that does not run: "+
			"name kafka.bootstrap_servers and kafka.config_storage_topic of it in the clusters file", c.Name, initialStateSince))
	}
	topic, err := c.Configs()
	if err != nil {
		return nil, refused(err.Error())
	}
	return topic, nil
}

// staleTime is how long a worker may show an older state than the others. Only
// what is seen for longer counts as somebody's doing.
const staleTime = 10 * time.Second

// awaitRest waits until a connector that is to rest is seen stopped without
// tasks. One that goes on being awake was started by somebody, which is an
// [interferedError]. It is never stopped here.
func awaitRest(ctx context.Context, cluster *Cluster, connector string) error {
	err := wait.Until(ctx, "the connector on "+cluster.Name+" to be stopped", staleTime, func(ctx context.Context) (bool, string, error) {
		missing, err := cluster.notResting(ctx, connector)
		if connect.IsNotFound(err) {
			return false, err.Error(), nil // of a worker that lags behind, perhaps
		}
		return err == nil && missing == "", missing, err
	})
	if _, ok := errors.AsType[*wait.TimeoutError](err); !ok {
		return err
	}
	status, failure := cluster.Client.Status(ctx, connector)
	if connect.IsNotFound(failure) {
		return fmt.Errorf("on %s: %w", cluster.Name, failure)
	}
	if failure != nil || !cluster.awake(status) {
		return err
	}
	return &interferedError{what: fmt.Sprintf("another run or somebody started the connector on %s: it is %s there", cluster.Name, status.Connector.State)}
}

func message(err error) string {
	if answer, ok := errors.AsType[*connect.ResponseError](err); ok {
		return answer.Message
	}
	return err.Error()
}

// readBack finds out whether an unclear create was carried out, and sends it
// again if it was not.
func readBack(ctx context.Context, cluster *Cluster, connector string, config rawjson.Object, unclear error) error {
	return wait.Until(ctx, "create on "+cluster.Name, settleTime, func(ctx context.Context) (bool, string, error) {
		current, err := cluster.Client.Config(ctx, connector)
		if err == nil && rawjson.Equal(current.Value(), config.Value()) {
			return true, "", nil
		}
		if err == nil {
			return false, "", refused(fmt.Sprintf("name %q was taken on %s in this moment by a connector with another config", connector, cluster.Name))
		}
		if !connect.IsNotFound(err) {
			return false, "", fmt.Errorf("create on %s: read back: %w", cluster.Name, err)
		}
		again := createAtRest(ctx, cluster, connector, config)
		if again != nil && !connect.IsAlreadyExists(again) && !connect.IsTemporary(again) {
			return false, "", fmt.Errorf("create on %s: %w", cluster.Name, again)
		}
		return again == nil, unclear.Error(), nil
	})
}

// awaitStopped waits until the copy is stopped without tasks. Before Kafka 3.8 a
// name that was deleted and created again could come with its old tasks
// (KAFKA-16838), which another stop removes. That is for the copy this run
// created; of any other see [awaitRest].
func awaitStopped(ctx context.Context, cluster *Cluster, connector string) error {
	restopped := false
	return wait.Until(ctx, "the copy on "+cluster.Name+" to be stopped", settleTime, func(ctx context.Context) (bool, string, error) {
		missing, err := cluster.notResting(ctx, connector)
		if connect.IsNotFound(err) {
			return false, "it is not visible yet", nil
		}
		if err == nil && missing != "" && !cluster.has(initialStateSince) {
			if err := refuseRunning(ctx, cluster, connector); err != nil {
				return false, "", err
			}
		}
		if err == nil && missing != "" && !restopped && cluster.has(stopSince) {
			restopped = true
			tasks, failure := cluster.Client.Tasks(ctx, connector)
			if failure == nil && len(tasks) > 0 {
				err = cluster.Client.Stop(ctx, connector)
			}
		}
		return err == nil && missing == "", missing, err
	})
}

// refuseRunning removes a copy at once that an old worker lets run although its
// first state was written, as it would if that went to another cluster's topic.
func refuseRunning(ctx context.Context, cluster *Cluster, connector string) error {
	status, err := cluster.Client.Status(ctx, connector)
	if err != nil || status.Connector.State != connect.Running {
		return nil //nolint:nilerr // the caller looks again
	}
	err = cluster.Client.Patient(putBackPatience).Delete(context.WithoutCancel(ctx), connector)
	if err != nil {
		return &RunningTwiceError{Reason: fmt.Sprintf("the copy on %s runs although it was to rest, and cannot be deleted: %s; delete it now", cluster.Name, message(err))}
	}
	return fmt.Errorf("the copy on %s ran although it was to rest, and has been deleted; what it sent meanwhile is sent twice: correct kafka.config_storage_topic of %s",
		cluster.Name, cluster.Name)
}

// prepare brings the copy into being while the origin still runs, and rehearses
// the copying of its offsets. It returns the offsets now on the target.
func (r *run) prepare(ctx context.Context, found *checked) (created bool, onTarget offset.Document, err error) {
	target, name := r.request.Target, r.request.targetName()
	was := found.observed.was()
	config := found.config
	if was == connect.Paused || was == connect.Stopped {
		config = withKeepState(config, was)
	}
	if found.state == HalfCopied || found.state == Copied {
		if err := r.refuseProgress(ctx, found.state); err != nil {
			return false, offset.Document{}, err
		}
	}
	created, err = createStopped(ctx, target, name, config, found.observed.Target.Exists)
	if err != nil {
		return created, offset.Document{}, err
	}
	r.result.Changed = true
	r.forgetTopics(ctx, target, name, created)
	if found.shared {
		return created, offset.Document{}, nil
	}
	known, err := found.to.read(ctx)
	if err != nil {
		return created, offset.Document{}, fmt.Errorf("on %s: %w", target.Name, err)
	}
	r.apart = len(offset.Compare(found.offsets, known).Missing) > 0
	if found.kind == "sink" || found.observed.Origin.stopped() || found.offsets.Len() == 0 {
		return created, known, nil
	}
	// A copy that is new and has offsets for the very partitions of its origin may
	// read them where the origin writes them. There nothing is rehearsed: it would
	// put the origin back to where it was a moment ago.
	if created && offset.SamePartitions(known, found.offsets) {
		return created, known, nil
	}
	// These are the offsets of a while ago. If the origin has been stopped since, by
	// another run or by the last request of one that was killed, the last ones may
	// have been copied already, and the cutover reads them anew in any case.
	status, err := r.request.Origin.Client.Status(ctx, r.request.Connector)
	if err != nil || status.Connector.State == connect.Stopped {
		return created, known, err
	}
	// With what the origin has now: whether the plugin takes offsets at all, and
	// whether they read back, is better known before anything stands still.
	r.wroteTo(found.to)
	rehearsed, err := makeEqual(ctx, target.Name, found.to, found.offsets, known)
	if err != nil {
		if answer, ok := errors.AsType[*connect.ResponseError](err); ok && !connect.IsTemporary(err) {
			return created, known, refused(fmt.Sprintf("%s does not take the offsets in a rehearsal: %s", target.Name, answer.Message))
		}
		if mismatch, ok := errors.AsType[*mismatchError](err); ok {
			return created, mismatch.Have, refused("offsets do not read back as written in a rehearsal: " + mismatch.Error())
		}
		return created, known, err
	}
	return created, found.offsets, r.outwait(ctx, rehearsed)
}

// outwait lets the time pass, while the origin runs on, in which a write of the
// rehearsal could still come over what is copied later.
func (r *run) outwait(ctx context.Context, rehearsed written) error {
	if rehearsed.unclear.IsZero() {
		return nil
	}
	r.note(r.request.Connector, event.Warn, "an answer of %s was lost; waiting until that write cannot be carried out any more, while the connector runs on",
		r.request.Target.Name)
	return wait.For(ctx, time.Until(rehearsed.unclear.Add(lateWrite)))
}

// refuseProgress refuses to overwrite the offsets of a target that has run since
// it was prepared and was stopped by somebody: they are newer than the origin's.
func (r *run) refuseProgress(ctx context.Context, state State) error {
	ran, err := hasRun(ctx, r.request.Target, r.request.targetName())
	switch {
	case err != nil && state == HalfCopied && !r.request.Overwrite:
		return refused(fmt.Sprintf("both copies are stopped, their offsets differ, and %s does not tell whether its copy has run (%s); "+
			"if it has not, say --overwrite", r.request.Target.Name, message(err)))
	case err == nil && ran && state == HalfCopied:
		return refused(fmt.Sprintf("the copy on %s has run and was stopped, so its offsets are newer than those on %s; "+
			"let it go on with `ferry start --cluster %s`, or take it back with `ferry rollback`", r.request.Target.Name, r.request.Origin.Name, r.request.Target.Name))
	}
	return nil
}

// hasRun reports whether a copy has touched a topic since it was prepared.
func hasRun(ctx context.Context, cluster *Cluster, connector string) (bool, error) {
	topics, err := cluster.Client.ActiveTopics(ctx, connector)
	return len(topics) > 0, err
}

// forgetTopics empties the list of topics the copy has used, so that whether it
// has run since can be told. A cluster without topic tracking is no obstacle.
func (r *run) forgetTopics(ctx context.Context, cluster *Cluster, connector string, created bool) {
	if created {
		return
	}
	if ran, err := hasRun(ctx, cluster, connector); err != nil || !ran {
		return
	}
	if err := cluster.Client.ResetActiveTopics(ctx, connector); err != nil {
		r.note(r.request.Connector, event.Warn, "active topics on %s cannot be reset: %s", cluster.Name, message(err))
	}
}
