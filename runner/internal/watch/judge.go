package watch

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/drift"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
	"github.com/connect-ferry/connect-ferry/runner/internal/internaltopic"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
)

// The codes of findings. The first three are of a connector that runs twice: which copy is the
// wrong one is known in all but the first.
const (
	RunningTwice       = "running_twice"
	OriginResumed      = "origin_resumed"
	OriginCreatedAgain = "origin_created_again" // also if it does not run yet
	HalfMoved          = "half_moved"
	FellBehind         = "fell_behind"
	GroupMembers       = "group_members"
	GroupExpires       = "group_expires"
	Down               = "down"
)

// judge adds the findings on one connector to its result.
type judge struct {
	*Watcher
	request pair.Request
	seen    pair.Observation
	result  *event.ConnectorResult
}

func (j *judge) do(ctx context.Context) {
	state := j.seen.State()
	removed := j.removed()
	switch {
	case state == pair.RunningTwice:
		j.runningTwice(ctx, removed)
	case j.seen.Origin.Exists && j.seen.Target.Exists && !removed.IsZero():
		j.add(OriginCreatedAgain, j.since(ctx, j.request.From(), j.seen.Origin),
			fmt.Sprintf("its copy on %s was accepted and removed at %s, and is there again (%s)", j.request.Origin.Name, removed.Format(time.RFC3339), j.seen.Origin),
			"correct what deploys it, and run `ferry accept` again")
	case j.seen.OriginDeleted(), j.seen.TargetDeleted():
		j.down()
		j.add(HalfMoved, time.Time{}, "its move was begun and not finished, and one of the two was deleted meanwhile: it runs on neither cluster",
			"`ferry status "+j.request.MoveFlags()+"` says how to bring it back")
	case j.MovedOn != nil && j.MovedOn(ctx, j.request, j.seen) != "":
		return // it looks half moved; how it is tells who watches the clusters of its last move
	case state == pair.HalfCopied, state == pair.Copied, j.seen.RollingBack(), j.cutOffWhilePausing():
		j.halfMoved(ctx)
	case state == pair.Prepared && j.result.Offsets == drift.Ahead:
		j.fellBehind(ctx, j.request.From(), j.seen.Origin, j.request.To())
	case state == pair.Moved && j.result.Offsets == drift.Behind:
		j.fellBehind(ctx, j.request.To(), j.seen.Target, j.request.From())
	}
	j.groups(ctx)
	if j.result.Outcome == event.Down && len(j.result.Findings) == 0 {
		j.add(Down, time.Time{}, "it should run, and it or a task of it has failed", j.result.Instructions)
	}
}

func (j *judge) add(code string, since time.Time, means, do string) {
	j.result.Findings = append(j.result.Findings, event.Finding{
		Code: code, Connector: j.request.Connector, Origin: j.request.Origin.Name, Target: j.request.Target.Name, Since: since, Means: means, Do: do,
	})
}

// down says that the connector runs nowhere and should.
func (j *judge) down() {
	if j.seen.Was() == connect.Running {
		j.result.Outcome = event.Down
	}
}

// removed is when an acceptance removed the origin's copy.
func (j *judge) removed() time.Time {
	if j.Removed == nil {
		return time.Time{}
	}
	at, err := j.Removed(j.request)
	if err != nil {
		j.note(j.request.Connector, event.Warn, err.Error())
	}
	return at
}

// runningTwice says which of the two is wrong, as far as that is known. The origin's is if an
// acceptance removed it, or if all that is known says that it was moved: the same config, no mark
// of what is not finished, no offset of the target behind, some ahead, and it did not start last.
func (j *judge) runningTwice(ctx context.Context, removed time.Time) {
	from, to := j.request.From(), j.request.To()
	origin, target := j.since(ctx, from, j.seen.Origin), j.since(ctx, to, j.seen.Target)
	stop := fmt.Sprintf("stop the one on %s (PUT %s), and correct what started it", from.On(), from.URL("stop"))
	const twice = "it runs on both clusters, and sends records twice"
	switch {
	case !removed.IsZero():
		j.add(OriginCreatedAgain, origin, fmt.Sprintf("%s: its copy on %s was accepted and removed at %s, and something has created it again",
			twice, from.On(), removed.Format(time.RFC3339)), stop)
	case j.result.Offsets == drift.Ahead && j.seen.LooksMoved() && !(origin.Before(target) && !origin.IsZero()):
		j.add(OriginResumed, origin, fmt.Sprintf("%s: the one on %s is behind the one on %s, so it was moved, and a deployment tool or somebody has resumed it",
			twice, from.On(), to.On()), stop)
	default:
		since := origin
		if target.After(since) || origin.IsZero() {
			since = target
		}
		j.add(RunningTwice, since, twice+"; which of the two is wrong is not known", "stop one of the two now")
	}
}

// cutOffWhilePausing reports whether a move was killed after it had paused the connector, which
// it does right before it stops it. One that its owner paused carries a mark on its copy.
func (j *judge) cutOffWhilePausing() bool {
	return j.seen.State() == pair.Prepared && j.seen.Origin.State() == connect.Paused && j.seen.Was() == connect.Running
}

func (j *judge) halfMoved(ctx context.Context) {
	j.result.Instructions = ""
	unfinished, means, do := event.UnfinishedMove, "a move of it was begun and not finished", fmt.Sprintf("if no run is at work on it, `ferry move %s` goes on%s, and `ferry rollback` takes it back",
		j.request.MoveFlags(), j.asTheMoveHadIt())
	if j.seen.RollingBack() {
		unfinished, means, do = event.UnfinishedRollback, "a rollback of it was begun and not finished", fmt.Sprintf("if no run is at work on it, run `ferry rollback %s` again", j.request.MoveFlags())
	}
	switch {
	case j.cutOffWhilePausing():
		j.down()
		means += fmt.Sprintf(": it is paused on %s, and does not run on %s", j.request.From().On(), j.request.To().On())
	case j.seen.Target.AtRest():
		j.down()
		means += ": it runs on neither cluster"
	}
	j.add(HalfMoved, j.since(ctx, j.request.From(), j.seen.Origin), means, do)
	j.result.Findings[len(j.result.Findings)-1].Unfinished = unfinished
}

// asTheMoveHadIt names the settings of the copy that the move was given. Without them a move is
// refused, since the copy then looks like another connector.
func (j *judge) asTheMoveHadIt() string {
	differing := config.Differing(config.WithoutMarks(j.seen.Target.Config), j.request.CopyConfig(j.seen.Origin.Config))
	if len(differing) == 0 {
		return ""
	}
	return fmt.Sprintf(" with the --set and --unset that it had (its copy differs in %s)", strings.Join(differing, ", "))
}

func (j *judge) fellBehind(ctx context.Context, runs instance.Instance, seen instance.Observed, rests instance.Instance) {
	if j.seen.Origin.Sink() && j.request.Origin.OtherKafka(j.request.Target) {
		return // their offsets count different logs
	}
	j.add(FellBehind, j.since(ctx, runs, seen),
		fmt.Sprintf("it runs on %s behind the last offsets of its copy at rest on %s, so it sends records again", runs.On(), rests.On()),
		fmt.Sprintf("if that lasts for longer than its workers take to commit (a minute by default), find out who started it; `ferry diff --origin %s --target %s` shows both", pair.Shell(j.request.Origin.Name), pair.Shell(j.request.Target.Name)))
}

// since is when the connector's present state was written to the status topic of its cluster,
// zero if that is not known. A worker that restarts may write it again, so it can be longer ago.
func (j *judge) since(ctx context.Context, of instance.Instance, seen instance.Observed) (at time.Time) {
	topic, err := of.Cluster.Kafka.Status.Get()
	if err != nil {
		return at
	}
	history, err := topic.History(ctx, of.Name)
	if err != nil {
		j.note(j.request.Connector, event.Info, "since when is not known: "+event.OneLine(err.Error()))
		return at
	}
	for _, record := range history {
		if record.Task == internaltopic.OfConnector {
			at = time.Time{}
			if strings.EqualFold(string(record.State), string(seen.State())) {
				at = record.At.UTC()
			}
		}
	}
	return at
}
