package plan

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/connect-ferry/connect-ferry/runner/internal/check"
	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/crash"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
	"github.com/connect-ferry/connect-ferry/runner/internal/regroup"
	"github.com/connect-ferry/connect-ferry/runner/internal/rules"
)

// Request is what a move of a plan asks for: a move of one connector, or a regrouping.
type Request struct {
	pair.Request
	Regroup *regroup.Request // nil if it is of one connector
}

// OutdatedError says that the clusters are no longer as they were planned for, with every
// difference.
type OutdatedError struct{ Differences []string }

func (e *OutdatedError) Error() string {
	return "the plan no longer matches the clusters: " + strings.Join(e.Differences, " | ") + "; make it anew with `ferry plan`, and have it reviewed"
}

// Verify compares the clusters with what a plan was made for, and returns the requests of the
// named moves, in their order. It returns an [OutdatedError] with every difference: another
// version or Kafka, another version of a plugin, a connector whose config has changed or that
// is gone. unplanned are connectors of the origin that the plan does not know: they are not
// touched. clusters are those of the moves, by their names.
func (p Plan) Verify(ctx context.Context, clusters map[string]*cluster.Cluster, moves []Move) (requests []Request, unplanned []string, err error) {
	v := verifying{Plan: p, clusters: map[string]*cluster.Cluster{}, known: map[string]map[string]connect.Listed{}}
	for name, of := range clusters {
		v.clusters[name] = of.Remembering()
	}
	if err := v.look(ctx); err != nil {
		return nil, nil, err
	}
	for _, move := range moves {
		requests = append(requests, v.move(ctx, move))
	}
	if v.failure != nil {
		return nil, nil, v.failure
	}
	if v.differences != nil {
		return nil, nil, &OutdatedError{v.differences}
	}
	for name := range v.known[p.Origin.Name] {
		planned := slices.ContainsFunc(p.Moves, func(move Move) bool { return slices.Contains(move.Sources(), name) }) ||
			slices.ContainsFunc(p.Stay, func(stay Stay) bool { return stay.Connector == name })
		if !planned {
			unplanned = append(unplanned, name)
		}
	}
	slices.Sort(unplanned)
	for i := range requests { // with clients that remember nothing
		requests[i].Origin, requests[i].Target = clusters[p.Origin.Name], clusters[moves[i].Target]
		if requests[i].Regroup != nil {
			requests[i].Regroup.Origin, requests[i].Regroup.Target = requests[i].Origin, requests[i].Target
		}
	}
	return requests, unplanned, nil
}

type verifying struct {
	Plan
	clusters    map[string]*cluster.Cluster
	known       map[string]map[string]connect.Listed
	differences []string
	failure     error // what kept it from being compared
}

func (v *verifying) differs(format string, arguments ...any) {
	v.differences = append(v.differences, fmt.Sprintf(format, arguments...))
}

func (v *verifying) look(ctx context.Context) error {
	planned := []Cluster{v.Origin}
	for _, target := range v.Targets {
		if v.clusters[target.Name] != nil {
			planned = append(planned, target)
		}
	}
	seen := make([]Cluster, len(planned))
	found := make([]map[string]connect.Listed, len(planned))
	var group errgroup.Group
	for i, was := range planned {
		group.Go(func() (err error) {
			defer crash.Catch(&err)
			seen[i], found[i], err = look(ctx, v.clusters[was.Name])
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i, was := range planned {
		v.known[was.Name] = found[i]
		if now := seen[i]; now.Version != was.Version {
			v.differs("%s has version %s, and had %s", was.Name, now.Version, was.Version)
		}
		if now := seen[i]; !slices.Equal(now.Workers, was.Workers) {
			v.differs("%s is reached at %s, and was at %s", was.Name, strings.Join(now.Workers, ", "), strings.Join(was.Workers, ", "))
		}
		if now := seen[i]; now.KafkaClusterID != was.KafkaClusterID {
			v.differs("%s is on the Kafka cluster %s, and was on %s", was.Name, now.KafkaClusterID, was.KafkaClusterID)
		}
	}
	return nil
}

// move compares one connector, and returns its request.
func (v *verifying) move(ctx context.Context, move Move) Request {
	if move.Regroup != nil {
		v.plugin(ctx, v.Origin.Name, move.Class, move.OriginPlugin)
		v.plugin(ctx, move.Target, cmp.Or(move.Set["connector.class"], move.Class), move.TargetPlugin)
		return Request{Request: pair.Request{Connector: move.Connector}, Regroup: v.regroup(move)}
	}
	ours, onOrigin := v.known[v.Origin.Name][move.Connector]
	theirs, onTarget := v.known[move.Target][move.TargetConnector]
	v.plugin(ctx, v.Origin.Name, move.Class, move.OriginPlugin)
	v.plugin(ctx, move.Target, cmp.Or(move.Set["connector.class"], move.Class), move.TargetPlugin)
	switch {
	case !onOrigin && onTarget && config.Class(theirs.Config) == move.Class: // moved, and its origin removed since
		ours = theirs
	case !onOrigin:
		v.differs("%s is not on %s any more", move.Connector, v.Origin.Name)
	case config.WithoutMarks(ours.Config).Value().SHA256() != move.ConfigSHA256:
		v.differs("the config of %s on %s has changed", move.Connector, v.Origin.Name)
	}
	decision := (&rules.Rule{
		Name: move.Rule, Target: move.Target, Set: move.Set, Unset: move.Unset, Replace: move.Replace,
	}).Of(move.Connector, move.TargetConnector, ours.Config)
	request := v.Options.request(v.clusters, v.Origin.Name, decision)
	if onOrigin && v.differences == nil && request.CopyConfig(ours.Config).Value().SHA256() != move.CopySHA256 {
		v.differs("the copy of %s would have another config than was planned; this ferry is another version", move.Connector)
	}
	return Request{Request: request}
}

// plugin compares the versions of a plugin. Of many connectors of a class it tells it once.
func (v *verifying) plugin(ctx context.Context, on, class, planned string) {
	said := ""
	switch found, err := check.PluginVersions(ctx, v.clusters[on], class); {
	case cluster.IsRefused(err) && planned != "":
		said = fmt.Sprintf("%s lacks the plugin %s, and had version %s", on, class, planned)
	case err != nil && !cluster.IsRefused(err):
		v.failure = err
	case err == nil && found != planned:
		said = fmt.Sprintf("%s has version %s of %s, and had %s", on, found, class, cmp.Or(planned, "none"))
	}
	if said != "" && !slices.Contains(v.differences, said) {
		v.differences = append(v.differences, said)
	}
}
