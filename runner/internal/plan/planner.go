package plan

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/connect-ferry/connect-ferry/runner/internal/check"
	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/crash"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
	"github.com/connect-ferry/connect-ferry/runner/internal/offsetstore"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
	"github.com/connect-ferry/connect-ferry/runner/internal/proof"
	"github.com/connect-ferry/connect-ferry/runner/internal/rules"
	"github.com/connect-ferry/connect-ferry/runner/internal/secret"
)

// Planner makes plans. It only reads.
type Planner struct {
	Origin *cluster.Cluster
	// Targets are the clusters that the rules name, by their names.
	Targets map[string]*cluster.Cluster
	Rules   rules.Rules
	Options Options
	// Concurrency bounds the connectors that are checked at a time.
	Concurrency int
	Events      event.Recorder
	Mask        *secret.Mask // learns the secrets in configs; may be nil
}

// Plan asks each cluster once for all its connectors, decides by the rules, and checks each
// move. It returns a [rules.MatchError] if the rules do not say one thing of each connector.
func (p Planner) Plan(ctx context.Context) (Plan, error) {
	known, clusters, err := p.inventories(ctx)
	if err != nil {
		return Plan{}, err
	}
	decisions, err := p.Rules.Decide(known[p.Origin.Name])
	if err != nil {
		return Plan{}, err
	}
	plan := Plan{
		Schema: SchemaID, CreatedAt: time.Now().UTC(), Origin: clusters[p.Origin.Name], Options: p.Options,
		Targets: []Cluster{}, Waves: []Wave{}, Moves: []Move{}, Stay: []Stay{},
	}
	for _, name := range slices.Sorted(maps.Keys(p.Targets)) {
		plan.Targets = append(plan.Targets, clusters[name])
	}
	moving := slices.DeleteFunc(slices.Clone(decisions), rules.Decision.Stays)
	if plan.Moves, err = p.moves(ctx, together(moving), known); err != nil {
		return Plan{}, err
	}
	for _, decision := range decisions {
		if decision.Stays() {
			plan.Stay = append(plan.Stay, Stay{Connector: decision.Connector, Rule: decision.Rule.Name, Owner: decision.Rule.Owner})
		}
	}
	plan.Waves = divide(plan.Moves, p.Rules.Waves)
	plan.Hash = plan.hash()
	return plan, nil
}

// inventories reads every cluster, and all its connectors.
func (p Planner) inventories(ctx context.Context) (map[string]map[string]connect.Listed, map[string]Cluster, error) {
	known, clusters := map[string]map[string]connect.Listed{}, map[string]Cluster{}
	var mu sync.Mutex
	var group errgroup.Group
	for _, side := range append(slices.Collect(maps.Values(p.Targets)), p.Origin) {
		group.Go(func() (err error) {
			defer crash.Catch(&err)
			seen, found, err := look(ctx, side)
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			known[side.Name], clusters[side.Name] = found, seen
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, nil, err
	}
	for _, found := range known {
		for _, listed := range found {
			config.Learn(p.Mask, listed.Config)
		}
	}
	return known, clusters, nil
}

// look reads what a plan keeps of a cluster, and all its connectors.
func look(ctx context.Context, of *cluster.Cluster) (Cluster, map[string]connect.Listed, error) {
	if _, err := of.Version(ctx); err != nil {
		return Cluster{}, nil, fmt.Errorf("cluster %s: %w", of.Name, err)
	}
	answer, err := of.Server(ctx)
	if err != nil {
		return Cluster{}, nil, err
	}
	seen := Cluster{Name: of.Name, Version: answer.Version, KafkaClusterID: answer.KafkaClusterID}
	for _, worker := range of.Client.Workers() {
		if address, err := url.Parse(worker); err == nil {
			seen.Workers = append(seen.Workers, address.Host)
		}
	}
	slices.Sort(seen.Workers)
	found, err := of.Client.Inventory(ctx)
	if err != nil {
		return Cluster{}, nil, fmt.Errorf("connectors of %s: %w", of.Name, err)
	}
	return seen, found, nil
}

// together puts decisions together that are one move: those of a rule that makes one connector
// of several.
func together(decisions []rules.Decision) [][]rules.Decision {
	var moves [][]rules.Decision
	at := map[*rules.Rule]int{}
	for _, decision := range decisions {
		first, known := at[decision.Rule]
		if known && decision.Rule.Into != "" {
			moves[first] = append(moves[first], decision)
			continue
		}
		at[decision.Rule] = len(moves)
		moves = append(moves, []rules.Decision{decision})
	}
	return moves
}

func (p Planner) moves(ctx context.Context, decided [][]rules.Decision, known map[string]map[string]connect.Listed) ([]Move, error) {
	moves := make([]Move, len(decided))
	clusters := p.remembering()
	told := NewProgress(p.Events, "checked", len(decided))
	var group errgroup.Group
	group.SetLimit(max(p.Concurrency, 1))
	for i, decisions := range decided {
		group.Go(func() (err error) {
			defer crash.Catch(&err)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			decision := decisions[0]
			if decision.Rule.Regroups() {
				moves[i] = p.regroup(ctx, clusters, decisions, known[p.Origin.Name])
				told.One()
				return nil
			}
			one := planning{Planner: p, decision: decision, request: p.Options.request(clusters, p.Origin.Name, decision)}
			one.listed[0], one.exists[0] = known[p.Origin.Name][one.request.Connector]
			one.listed[1], one.exists[1] = known[decision.Rule.Target][one.request.TargetName()]
			moves[i] = one.move(ctx)
			told.One()
			return nil
		})
	}
	err := group.Wait()
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return moves, err
}

// remembering returns the clusters with clients that ask for the plugins once, not for each
// connector.
func (p Planner) remembering() map[string]*cluster.Cluster {
	clusters := map[string]*cluster.Cluster{p.Origin.Name: p.Origin.Remembering()}
	for name, target := range p.Targets {
		clusters[name] = target.Remembering()
	}
	return clusters
}

// request is the move of one connector.
func (o Options) request(clusters map[string]*cluster.Cluster, origin string, decision rules.Decision) pair.Request {
	request := pair.Request{
		Origin: clusters[origin], Target: clusters[decision.Rule.Target], Connector: decision.Connector,
		Set: decision.Set, Unset: decision.Rule.Unset, Overwrite: o.Overwrite, Copy: offsetstore.Method(o.Copy),
		SameLog: o.SameLog, OtherKafka: o.OtherKafka, AtLeastOnce: o.AtLeastOnce,
	}
	if decision.Name != decision.Connector {
		request.TargetConnector = decision.Name
	}
	return request
}

// planning is one connector while it is planned.
type planning struct {
	Planner
	decision rules.Decision
	request  pair.Request
	listed   [2]connect.Listed // on the origin and the target
	exists   [2]bool
}

// move plans one connector. What workers say is masked: a trace or a validation may quote a
// password.
func (p *planning) move(ctx context.Context) Move {
	return p.masked(p.unmasked(ctx))
}

// masked masks what workers have said.
func (p Planner) masked(move Move) Move {
	if p.Mask == nil {
		return move
	}
	for i, difference := range move.ConfigDifference {
		move.ConfigDifference[i].Origin, move.ConfigDifference[i].Target = p.Mask.Text(difference.Origin), p.Mask.Text(difference.Target)
	}
	for i := range move.Reasons {
		move.Reasons[i] = p.Mask.Text(move.Reasons[i])
	}
	for i := range move.Checks {
		move.Checks[i].Reason = p.Mask.Text(move.Checks[i].Reason)
	}
	return move
}

func (p *planning) unmasked(ctx context.Context) Move {
	rule, ours := p.decision.Rule, p.listed[0]
	move := Move{
		Connector: p.request.Connector, Target: rule.Target, TargetConnector: p.request.TargetName(), Rule: rule.Name,
		Type: ours.Status.Type, Class: config.Class(ours.Config), State: ours.Status.Connector.State, Tasks: len(ours.Tasks),
		Wave: rule.Wave, Set: rule.Set, Unset: rule.Unset, Replace: rule.Replace, Owner: rule.Owner, Blackout: rule.Blackout,
		ConfigSHA256: config.WithoutMarks(ours.Config).Value().SHA256(), CopySHA256: p.request.CopyConfig(ours.Config).Value().SHA256(),
		ConfigDifference: config.Differences(ours.Config, p.request.CopyConfig(ours.Config)),
	}
	checker := check.Checker{Events: event.Discard{}, Mask: p.Mask, AllowDuplicates: p.Options.AllowDuplicates, Observe: p.observe}
	verdict, err := checker.Run(ctx, p.request)
	move.Stands, move.Checks = string(verdict.State), verdict.Findings
	move.Reasons = reasons(verdict, err)
	move.Go = len(move.Reasons) == 0
	move.OriginPlugin, move.TargetPlugin = plugin(ctx, p.request.Origin, move.Class), plugin(ctx, p.request.Target, config.Class(p.request.CopyConfig(ours.Config)))
	move.Proof = proof.Expected(p.Origin, p.Options.Mode())
	if _, unknown := p.Origin.StatusTopic(); unknown != nil && p.Options.Mode() == proof.OnlyHard && !verdict.State.Finished() {
		move.Go, move.Reasons = false, append(move.Reasons, unknown.Error())
	}
	if !move.Go || verdict.State.Finished() {
		return move
	}
	basis := verdict.Basis
	move.Copy, move.Entries = basis.Copy(), basis.Offsets.Len()
	if move.State == connect.Running {
		expected := check.Expected(move.Proof, move.Entries, 0).Milliseconds()
		move.ExpectedDowntimeMS = &expected
	}
	if basis.Path != nil {
		if translated, err := basis.Path.Forward(ctx, basis.Offsets); err == nil {
			move.SentAgain = translated.Counted()
		}
	}
	return move
}

// observe is [pair.Request.Observe] from the inventories. What they do not tell is asked for.
func (p *planning) observe(ctx context.Context, request pair.Request, mask *secret.Mask) (pair.Observation, error) {
	var sides [2]instance.Observed
	for i, of := range []instance.Instance{request.From(), request.To()} {
		switch {
		case of.Name == "." || of.Name == ".." || strings.ContainsAny(of.Name, `/%\`): // which not all workers can be asked about
			return request.Observe(ctx, mask)
		case !p.exists[i]:
		case p.listed[i].Status.Connector.State == "": // the worker has no status yet
			return request.Observe(ctx, mask)
		default:
			sides[i] = of.Listed(p.listed[i])
		}
	}
	return request.ObserveOffsets(ctx, pair.Observation{Origin: sides[0], Target: sides[1]})
}

// reasons returns every reason against a move.
func reasons(verdict check.Verdict, err error) []string {
	var said []string
	for _, found := range verdict.Findings {
		if !found.OK {
			said = append(said, found.Reason)
		}
	}
	if err != nil && len(said) == 0 {
		said = append(said, "cannot be checked: "+event.OneLine(err.Error()))
	}
	return said
}

// plugin returns the versions of a plugin that a cluster has, "" if it cannot be told: then a
// check refuses.
func plugin(ctx context.Context, on *cluster.Cluster, class string) string {
	versions, err := check.PluginVersions(ctx, on, class)
	if err != nil {
		return ""
	}
	return versions
}
