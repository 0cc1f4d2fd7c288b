package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/campaign"
	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
	"github.com/connect-ferry/connect-ferry/runner/internal/plan"
	"github.com/connect-ferry/connect-ferry/runner/internal/regroup"
	"github.com/connect-ferry/connect-ferry/runner/internal/report"
	"github.com/connect-ferry/connect-ferry/runner/internal/rules"
)

func planCommand() definition {
	return definition{
		name: "plan", usage: "plan the moves of a whole cluster, for review (reads only)",
		description: "Decides by rules (--rules), or from a list (--target and --connector), where each connector of the origin goes, and checks\n" +
			"each move. The plan names every reason against a move, what changes in each config, the proof, the way of copy and the\n" +
			"expected downtime, in waves. Review its report; what `ferry apply` carries out is this very plan.\n" +
			"Exits with 10 if a move is refused; the plan is written all the same.\n\n" +
			"Example: ferry plan --clusters clusters.yaml --origin global --rules rules.yaml --out plan.json --report plan.html",
		flags: flags(map[string]string{
			"out": "write the plan to `FILE` (schemas/plan.schema.json)", "target": "`CLUSTER` the listed connectors move to, instead of rules",
		}, []string{"origin", "rules", "out", "report", "markdown"}, []string{"target", "connector", "rename", "concurrency"}, decided, []string{"proof", "allow_duplicates"}),
		do: doPlan,
	}
}

func doPlan(ctx context.Context, s *session) ([]event.ConnectorResult, error) {
	asked := s.request
	if err := required([2]string{"origin", asked.Origin}, [2]string{"out", asked.Out}); err != nil {
		return nil, err
	}
	decide, err := asked.rules()
	if err != nil {
		return nil, err
	}
	clusters, err := s.dialAll(ctx, false, append(decide.Targets(), asked.Origin)...)
	if err != nil {
		return nil, err
	}
	targets := maps.Clone(clusters)
	delete(targets, asked.Origin)
	planner := plan.Planner{
		Origin: clusters[asked.Origin], Targets: targets, Rules: decide, Concurrency: asked.Concurrency,
		Options: plan.Options{
			Proof: asked.Proof, Copy: asked.Copy, AllowDuplicates: asked.AllowDuplicates, Overwrite: asked.Overwrite,
			SameLog: asked.SameLog, OtherKafka: asked.OtherKafka, AtLeastOnce: asked.AtLeastOnce,
		},
		Events: s.mover.Events, Mask: s.mover.Mask,
	}
	made, err := planner.Plan(ctx)
	if err != nil {
		return nil, err
	}
	if err := writeFile(asked.Out, made.Encode()); err != nil {
		return nil, err
	}
	if err := asked.writeReports(made); err != nil {
		return nil, err
	}
	s.result.Plan = made.Summary(asked.Out)
	s.result.Message = fmt.Sprintf("%s; written to %s, hash %.12s", made, asked.Out, made.Hash)
	if made.Refused() > 0 {
		s.result.Message += "; correct what refuses them, or let them stay, and plan anew"
	} else {
		s.result.Message += fmt.Sprintf("; next: `ferry apply --plan %s --rehearse`", pair.Shell(asked.Out))
	}
	return refusedOf(made), nil
}

// rules are those of the file, or made from the list of connectors.
func (r *request) rules() (rules.Rules, error) {
	listed := len(r.Connectors) > 0 || r.Target != "" || len(r.Set)+len(r.Unset)+len(r.Rename) > 0
	switch {
	case r.Rules != "" && listed:
		return rules.Rules{}, usagef("--rules says where connectors go, so --target, --connector, --set, --unset and --rename cannot be given with it")
	case r.Rules != "":
		read, err := rules.Load(r.Rules)
		if err == nil && slices.Contains(read.Targets(), r.Origin) {
			err = usagef("%s: a rule has the origin %s as its target; a connector that is not moved has the target %q", r.Rules, r.Origin, rules.Stay)
		}
		return read, err
	case r.Target == "" || len(r.Connectors) == 0:
		return rules.Rules{}, usagef("say where connectors go, with --rules, or with --target and --connector")
	case r.Target == r.Origin:
		return rules.Rules{}, usagef("--origin and --target are both %q, a move needs two clusters", r.Origin)
	}
	made, err := rules.List(r.Target, r.Connectors, r.Rename, r.Set, r.Unset)
	if err != nil {
		err = usagef("%s", err)
	}
	return made, err
}

// dialAll dials clusters by their names.
func (s *session) dialAll(ctx context.Context, needKafka bool, names ...string) (map[string]*cluster.Cluster, error) {
	clusters := map[string]*cluster.Cluster{}
	for _, name := range names {
		if clusters[name] != nil {
			continue
		}
		dialed, err := s.dialer.Dial(ctx, name, needKafka)
		if err != nil {
			return nil, err
		}
		clusters[name] = dialed
	}
	return clusters, nil
}

// writeReports writes those reports of a plan that were asked for.
func (r *request) writeReports(made plan.Plan) error {
	if r.Markdown != "" {
		if err := writeFile(r.Markdown, report.Markdown(made)); err != nil {
			return err
		}
	}
	if r.Report == "" {
		return nil
	}
	page, err := report.HTML(made)
	if err != nil {
		return fmt.Errorf("report %s: %w", r.Report, err)
	}
	return writeFile(r.Report, page)
}

// refusedOf returns a result for each move that the plan refuses.
func refusedOf(made plan.Plan) []event.ConnectorResult {
	refused := []event.ConnectorResult{}
	for _, move := range made.Moves {
		if !move.Go {
			refused = append(refused, event.ConnectorResult{
				Connector: move.Connector, Outcome: event.Refused, State: move.Stands, Wave: move.Wave, OriginState: move.State, Message: event.OneLine(strings.Join(move.Reasons, " | ")),
			})
		}
	}
	return refused
}

func applyCommand() definition {
	return definition{
		name: "apply", writes: true, certifies: true, usage: "carry out a plan, wave by wave (writes to all its clusters)",
		description: "Carries out a plan as `ferry plan` made it, one wave after the other. Refuses a plan that was edited (exit code 2), or that no\n" +
			"longer matches the clusters (13, every difference is named). A move that the plan or a blackout window forbids refuses all\n" +
			"that was asked for, and so does a check before its wave; then nothing of it is changed.\n" +
			"A gate stands between connectors: after a failure that was not put back, or --max-failures, nothing more is begun.\n" +
			"Run it again after a failure or a kill: it goes on from where the clusters stand.\n\n" +
			"Example: ferry apply --clusters clusters.yaml --plan plan.json --rehearse\n" +
			"         ferry apply --clusters clusters.yaml --plan plan.json --wave 1",
		flags: flags(certifying, []string{"plan", "wave", "only", "rehearse", "until", "max_failures", "timeout", "concurrency"}, certified),
		do:    doApply,
	}
}

func doApply(ctx context.Context, s *session) ([]event.ConnectorResult, error) {
	asked := s.request
	if err := required([2]string{"plan", asked.Plan}); err != nil {
		return nil, err
	}
	if asked.Rehearse && asked.Until == string(campaign.Prepare) {
		return nil, usagef("--rehearse removes what it prepares, and --until prepared leaves it; choose one")
	}
	approved, err := plan.Load(asked.Plan)
	if err != nil {
		return nil, err
	}
	s.result.Origin, s.result.Plan = approved.Origin.Name, approved.Summary(asked.Plan)
	s.papers.about.Plan = approved.Hash
	c := campaign.Campaign{
		Plan: approved, Mode: asked.mode(), Wave: asked.Wave, Only: asked.Only, Gate: campaign.NewGate(approved, asked.MaxFailures),
		Slots: s.slots, Events: s.mover.Events, Command: "ferry apply --plan " + pair.Shell(asked.Plan),
	}
	selected, err := c.Selected()
	if err != nil {
		return nil, err
	}
	names := []string{approved.Origin.Name}
	for _, move := range selected {
		names = append(names, move.Target)
	}
	if c.Clusters, err = s.dialAll(ctx, true, names...); err != nil {
		return nil, err
	}
	if err := s.useNATS(ctx); err != nil {
		return nil, err
	}
	origin := c.Clusters[approved.Origin.Name]
	s.dialer.Warn(origin)
	s.takeTurns(origin)
	s.mover.Options.Proof.Mode, s.mover.Options.Proof.AllowDuplicates = approved.Options.Mode(), approved.Options.AllowDuplicates
	for _, move := range approved.Moves {
		s.mover.Together = append(append(s.mover.Together, move.Sources()...), move.Copies()...)
	}
	s.mover.BeforeCut, s.mover.AtFailure = c.Gate.BeforeCut, c.Gate.AtFailure
	c.Mover, c.Regrouper = s.mover, &regroup.Regrouper{Setup: s.mover.Setup}
	came, err := c.Run(ctx)
	s.result.Message = came.Message
	return came.Connectors, err
}

func (r *request) mode() campaign.Mode {
	switch {
	case r.Rehearse:
		return campaign.Rehearse
	case r.Until == string(campaign.Prepare):
		return campaign.Prepare
	default:
		return campaign.Move
	}
}
