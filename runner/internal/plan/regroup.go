package plan

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/check"
	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/command"
	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/family"
	"github.com/connect-ferry/connect-ferry/runner/internal/proof"
	"github.com/connect-ferry/connect-ferry/runner/internal/regroup"
	"github.com/connect-ferry/connect-ferry/runner/internal/rules"
)

// regroup plans what a rule makes of several connectors, or of one. found are the connectors of
// the origin.
func (p Planner) regroup(ctx context.Context, clusters map[string]*cluster.Cluster, decisions []rules.Decision, found map[string]connect.Listed) Move {
	rule, first := decisions[0].Rule, found[decisions[0].Connector]
	move := Move{
		Connector: cmp.Or(rule.Into, decisions[0].Connector), Target: rule.Target, Rule: rule.Name, Regroup: regroupOf(decisions),
		Type: first.Status.Type, Class: config.Class(first.Config), State: first.Status.Connector.State,
		Wave: rule.Wave, Set: rule.Set, Unset: rule.Unset, Owner: rule.Owner, Blackout: rule.Blackout,
	}
	move.TargetConnector = move.Connector
	for _, decision := range decisions {
		move.Tasks += len(found[decision.Connector].Tasks)
	}
	options := command.Options{Proof: proof.DefaultOptions()}
	options.Proof.Mode, options.Proof.AllowDuplicates = p.Options.Mode(), p.Options.AllowDuplicates
	grouper := regroup.Regrouper{Setup: &command.Setup{Options: options, Events: event.Discard{}, Mask: p.Mask}}
	planned := grouper.Plan(ctx, p.Options.regrouping(clusters[p.Origin.Name], clusters[rule.Target], move))

	move.Stands, move.Checks, move.Copy, move.Entries = string(planned.Stands), planned.Checks, planned.Copy, planned.Entries
	move.ConfigDifference, move.CopySHA256 = planned.Difference, planned.MadeSHA256
	move.ConfigSHA256 = planned.Configs[move.Connector]
	if rule.Into != "" {
		move.ConfigSHA256 = move.Regroup.hash(planned.Configs)
	}
	if planned.Err != nil {
		move.Reasons = strings.Split(event.OneLine(planned.Err.Error()), " | ")
	}
	move.Go = len(move.Reasons) == 0
	move.OriginPlugin, move.TargetPlugin = plugin(ctx, clusters[p.Origin.Name], move.Class), plugin(ctx, clusters[rule.Target], cmp.Or(rule.Set["connector.class"], move.Class))
	move.Proof = proof.Expected(p.Origin, p.Options.Mode())
	if move.Go && move.State == connect.Running {
		expected := check.Expected(move.Proof, move.Entries, 0).Milliseconds()
		move.ExpectedDowntimeMS = &expected
	}
	return p.masked(move)
}

// regroupOf returns what decisions of one rule put together.
func regroupOf(decisions []rules.Decision) *Regroup {
	rule := decisions[0].Rule
	made := &Regroup{Form: regroup.Consolidate, List: rule.List, Field: rule.Field}
	if rule.Into != "" {
		for _, decision := range decisions {
			made.Parts = append(made.Parts, Part{Connector: decision.Connector})
		}
		return made
	}
	made.Form = regroup.Split
	for _, name := range slices.Sorted(maps.Keys(rule.Split)) {
		made.Parts = append(made.Parts, Part{Connector: name, Items: regroup.Items(rule.Split[name])})
	}
	return made
}

// hash fills in the hashes of the configs on the origin, and returns one of all.
func (r *Regroup) hash(configs map[string]string) string {
	all := sha256.New()
	for i, part := range r.Parts {
		r.Parts[i].ConfigSHA256 = configs[part.Connector]
		_, _ = fmt.Fprintln(all, part.Connector, configs[part.Connector])
	}
	return hex.EncodeToString(all.Sum(nil))
}

// regrouping is the request of a move that changes the number of connectors.
func (o Options) regrouping(origin, target *cluster.Cluster, move Move) regroup.Request {
	request := regroup.Request{
		Form: move.Regroup.Form, Origin: origin, Target: target, Whole: move.Connector, Set: move.Set, Unset: move.Unset,
		List:      family.List{Setting: move.Regroup.List, Field: move.Regroup.Field, Form: family.Names},
		Overwrite: o.Overwrite, AtLeastOnce: o.AtLeastOnce, MadeSHA256: move.CopySHA256,
	}
	for _, part := range move.Regroup.Parts {
		request.Parts = append(request.Parts, regroup.Part{Name: part.Connector, Items: part.Items})
	}
	return request
}

// regroup compares the connectors of a regrouping, and returns its request.
func (v *verifying) regroup(move Move) *regroup.Request {
	_, done := v.known[move.Target][move.Copies()[0]]
	planned := map[string]string{move.Connector: move.ConfigSHA256}
	if move.Regroup.Form == regroup.Consolidate {
		planned = map[string]string{}
		for _, part := range move.Regroup.Parts {
			planned[part.Connector] = part.ConfigSHA256
		}
	}
	for _, name := range move.Sources() {
		listed, there := v.known[v.Origin.Name][name]
		switch {
		case !there && !done:
			v.differs("%s is not on %s any more", name, v.Origin.Name)
		case there && config.WithoutMarks(listed.Config).Value().SHA256() != planned[name]:
			v.differs("the config of %s on %s has changed", name, v.Origin.Name)
		}
	}
	request := v.Options.regrouping(v.clusters[v.Origin.Name], v.clusters[move.Target], move)
	return &request
}
