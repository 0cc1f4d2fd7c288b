// Package drift compares two Connect clusters as they are: which connectors are on one side
// only, on both, or running twice, and in what their configs and offsets differ. It only
// reads.
package drift

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/crash"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/family"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/offsetstore"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
	"github.com/connect-ferry/connect-ferry/runner/internal/secret"
)

// Comparer compares two clusters.
type Comparer struct {
	Origin, Target *cluster.Cluster
	// Rename are the names on the target by those on the origin; others are the same.
	Rename map[string]string
	// Only are the connectors to look at, by their names on the origin; empty for all.
	Only []string
	// Concurrency bounds the connectors that are looked at at a time.
	Concurrency int
	Mask        *secret.Mask // learns the secrets in configs; may be nil
	// Judge may add to what is said of each connector, several at a time; nil for no more.
	Judge func(ctx context.Context, request pair.Request, seen pair.Observation, result *event.ConnectorResult)
}

// Compare returns a result for each connector, in the order of the names: those of the origin,
// and those that only the target has. It asks each cluster once for all connectors, and in
// full only for those that are on both sides.
func (c Comparer) Compare(ctx context.Context) ([]event.ConnectorResult, error) {
	var ours, theirs map[string]connect.Listed
	var both errgroup.Group
	both.Go(func() (err error) { ours, err = c.inventory(ctx, c.Origin); return err })
	both.Go(func() (err error) { theirs, err = c.inventory(ctx, c.Target); return err })
	if err := both.Wait(); err != nil {
		return nil, err
	}
	requests := c.requests(ours, theirs)
	results := make([]event.ConnectorResult, len(requests))
	var group errgroup.Group
	group.SetLimit(max(c.Concurrency, 1))
	for i, request := range requests {
		here, onOrigin := ours[request.Connector]
		there, onTarget := theirs[request.TargetName()]
		group.Go(func() (err error) {
			defer crash.Catch(&err)
			if onOrigin && onTarget {
				results[i] = c.both(ctx, request)
				return nil
			}
			results[i] = c.oneSide(ctx, request, observed(request.From(), here, onOrigin), observed(request.To(), there, onTarget))
			return nil
		})
	}
	return results, group.Wait()
}

func (c Comparer) inventory(ctx context.Context, of *cluster.Cluster) (map[string]connect.Listed, error) {
	if _, err := of.Version(ctx); err != nil {
		return nil, err
	}
	found, err := of.Client.Inventory(ctx)
	if err != nil {
		return nil, fmt.Errorf("connectors of %s: %w", of.Name, err)
	}
	for _, listed := range found {
		config.Learn(c.Mask, listed.Config)
	}
	return found, nil
}

// requests returns a request for each connector that one of the clusters has.
func (c Comparer) requests(ours, theirs map[string]connect.Listed) []pair.Request {
	names := map[string]string{} // on the target, by that on the origin
	for name := range ours {
		names[name] = c.Rename[name]
	}
	renamed := map[string]string{}
	for old, now := range c.Rename {
		renamed[now] = old
	}
	for name := range theirs {
		if old, ok := renamed[name]; ok {
			names[old] = name
		} else if _, known := names[name]; !known || c.Rename[name] != "" {
			names[name] = ""
		}
	}
	var requests []pair.Request
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if len(c.Only) == 0 || slices.Contains(c.Only, name) {
			requests = append(requests, pair.Request{Origin: c.Origin, Target: c.Target, Connector: name, TargetConnector: names[name]})
		}
	}
	for _, name := range c.Only {
		if _, known := names[name]; !known {
			requests = append(requests, pair.Request{Origin: c.Origin, Target: c.Target, Connector: name, TargetConnector: c.Rename[name]})
		}
	}
	return requests
}

// observed is what an inventory tells of a connector.
func observed(of instance.Instance, listed connect.Listed, exists bool) instance.Observed {
	if !exists {
		return instance.Observed{}
	}
	return of.Listed(listed)
}

func begun(request pair.Request, seen pair.Observation) event.ConnectorResult {
	result := event.ConnectorResult{
		Connector: request.Connector, Outcome: event.Observed, State: string(seen.State()),
		OriginState: seen.Origin.State(), TargetState: seen.Target.State(),
		OriginTasks: event.TaskStates(seen.Origin.Status), TargetTasks: event.TaskStates(seen.Target.Status),
	}
	if request.TargetName() != request.Connector {
		result.TargetConnector = request.TargetName()
	}
	return result
}

func (c Comparer) oneSide(ctx context.Context, request pair.Request, origin, target instance.Observed) event.ConnectorResult {
	seen := pair.Observation{Origin: origin, Target: target}
	result := begun(request, seen)
	side, on := origin, request.Origin.Name
	if target.Exists {
		side, on = target, request.Target.Name
	}
	result.Message = fmt.Sprintf("only on %s: %s", on, side)
	if !side.Exists {
		result.Message = "on neither cluster"
	}
	c.judge(ctx, &result, request, seen)
	return result
}

func (c Comparer) judge(ctx context.Context, result *event.ConnectorResult, request pair.Request, seen pair.Observation) {
	judge(result, request, seen)
	if c.Judge != nil {
		c.Judge(ctx, request, seen, result)
	}
}

// judge gives a connector that is down that outcome, and one that runs twice its own.
func judge(result *event.ConnectorResult, request pair.Request, seen pair.Observation) {
	if seen.State() == pair.RunningTwice {
		result.Outcome = event.RunningTwice
		result.Instructions = "stop one of the two now"
		return
	}
	for _, side := range []struct {
		of   instance.Instance
		seen instance.Observed
	}{{request.From(), seen.Origin}, {request.To(), seen.Target}} {
		if err := side.seen.Failure(); err != nil {
			result.Outcome, result.Instructions = event.Down, side.of.RestartAdvice()
			result.Message += fmt.Sprintf("; on %s %s", side.of.On(), err)
		}
	}
}

// both compares a connector that both clusters have.
func (c Comparer) both(ctx context.Context, request pair.Request) event.ConnectorResult {
	seen, err := request.Observe(ctx, c.Mask)
	if err != nil {
		return event.ConnectorResult{Connector: request.Connector, Outcome: event.Failed, Message: event.OneLine(err.Error())}
	}
	result := begun(request, seen)
	result.Differences = config.Differences(seen.Origin.Config, seen.Target.Config)
	result.Message = fmt.Sprintf("%s: %s on %s, %s on %s", seen.State(), seen.Origin, c.Origin.Name, seen.Target, c.Target.Name)
	if len(result.Differences) > 0 {
		var names []string
		for _, one := range result.Differences {
			names = append(names, one.Setting)
		}
		result.Message += "; its configs differ in " + strings.Join(names, ", ")
	}
	if result.Offsets, err = c.offsets(ctx, request, seen); err != nil {
		result.Message += "; its offsets cannot be compared: " + event.OneLine(err.Error())
	} else if said := offsetsSay[result.Offsets]; said != "" {
		result.Message += fmt.Sprintf("; its offsets on %s %s", c.Target.Name, said)
	}
	c.judge(ctx, &result, request, seen)
	return result
}

// How the target's offsets stand to the origin's.
const (
	Equal  = "equal"
	Ahead  = "ahead"
	Behind = "behind"
	Differ = "differ" // and which is further is not known
)

var offsetsSay = map[string]string{Ahead: "are ahead", Behind: "are behind", Differ: "differ"}

// offsets compares what REST tells of the offsets.
func (c Comparer) offsets(ctx context.Context, request pair.Request, seen pair.Observation) (string, error) {
	if request.Shared(seen.Origin.Sink(), seen.Origin.Config, seen.Target.Config) {
		return Equal, nil
	}
	var documents [2]offset.Document
	for i, side := range []instance.Instance{request.From(), request.To()} {
		document, err := offsetstore.ReadWithNulls(ctx, side.Cluster.Client, side.Name)
		if err != nil {
			return "", fmt.Errorf("%s: %w", side.On(), err)
		}
		documents[i] = document
	}
	ours, theirs := documents[0], documents[1]
	if offset.Equal(ours, theirs) {
		return Equal, nil
	}
	kind := family.For(seen.Origin.Config)
	lags, leads := len(kind.Regressed(ours, theirs)) > 0, len(kind.Regressed(theirs, ours)) > 0
	switch {
	case leads && !lags:
		return Ahead, nil
	case lags && !leads:
		return Behind, nil
	default:
		return Differ, nil
	}
}

// Summary counts the connectors of a comparison: "2 only on global, 1 only on europe, 3 on
// both, 1 of them running on both".
func Summary(origin, target string, results []event.ConnectorResult) string {
	var onOrigin, onTarget, both, twice, down int
	for _, result := range results {
		switch {
		case result.TargetState == "" && result.OriginState != "":
			onOrigin++
		case result.OriginState == "" && result.TargetState != "":
			onTarget++
		case result.OriginState != "":
			both++
		}
		if result.Outcome == event.RunningTwice {
			twice++
		}
		if result.Outcome == event.Down {
			down++
		}
	}
	text := fmt.Sprintf("%d only on %s, %d only on %s, %d on both", onOrigin, origin, onTarget, target, both)
	if twice > 0 {
		text += fmt.Sprintf(", %d running twice", twice)
	}
	if down > 0 {
		text += fmt.Sprintf(", %d down", down)
	}
	return text
}
