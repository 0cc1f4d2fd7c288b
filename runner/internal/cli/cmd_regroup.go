package cli

import (
	"context"
	"maps"
	"slices"

	"github.com/connect-ferry/connect-ferry/runner/internal/campaign"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/family"
	"github.com/connect-ferry/connect-ferry/runner/internal/regroup"
)

// regroups are the flags of both commands; what the one takes and the other does not is left out.
func regroups(own string) []string {
	return []string{"origin", "target", "connector", own, "set", "unset", "overwrite", "at_least_once", "list", "field", "dry_run"}
}

func consolidateCommand() definition {
	return definition{
		name: "consolidate", writes: true, usage: "make one connector of several (writes to both clusters)",
		description: "Makes one connector with all that several list: topics of MirrorMaker and of sinks, tables of JDBC sources. Creates it stopped,\n" +
			"stops all the others and proves their offsets final, gives it the offsets of what each of them lists, and starts it.\n" +
			"Refuses what two of them have, and settings that differ: say which is right with --set. tasks.max adds up.\n" +
			"Origin and target may be the same cluster. If something fails, all run again as before. Run it again after a kill: it goes on.\n" +
			"`ferry rollback` with the same flags gives each its own offsets back, with the progress.\n\n" +
			"Example: ferry consolidate --clusters clusters.yaml --origin global --target europe --connector m1 --connector m2 --into mirror",
		flags: flags(map[string]string{"connector": "`NAME` of one of the several; repeat it for each"}, regroups("into"), proven),
		do: func(ctx context.Context, s *session) ([]event.ConnectorResult, error) {
			return s.regroup(ctx, s.carried())
		},
	}
}

func splitCommand() definition {
	return definition{
		name: "split", writes: true, usage: "make several connectors of one (writes to both clusters)",
		description: "The reverse of consolidate: each of the several gets a part of what the one lists, with the offsets of that part. Every item\n" +
			"must be for one of them. tasks.max is divided among them; --set overrides settings of all.\n" +
			"`ferry rollback` with the same flags takes it back, with the progress.\n\n" +
			"Example: ferry split --clusters clusters.yaml --origin europe --target europe --connector mirror --part m1=orders --part m2=payments,users",
		flags: flags(map[string]string{"connector": "`NAME` of the one"}, regroups("part"), proven),
		do: func(ctx context.Context, s *session) ([]event.ConnectorResult, error) {
			return s.regroup(ctx, s.carried())
		},
	}
}

type regrouping func(*regroup.Regrouper, context.Context, regroup.Request) event.ConnectorResult

func (s *session) carried() regrouping {
	if s.request.DryRun {
		return (*regroup.Regrouper).Check
	}
	return (*regroup.Regrouper).Regroup
}

// regroup does something with the one regrouping that was asked for.
func (s *session) regroup(ctx context.Context, do regrouping) ([]event.ConnectorResult, error) {
	asked := s.request
	request, err := asked.regrouping(s.command)
	if err != nil {
		return nil, err
	}
	clusters, err := s.dialAll(ctx, !asked.DryRun, asked.Origin, asked.Target)
	if err != nil {
		return nil, err
	}
	request.Origin, request.Target = clusters[asked.Origin], clusters[asked.Target]
	if err := s.useNATS(ctx); err != nil {
		return nil, err
	}
	s.dialer.Warn(request.Origin)
	s.takeTurns(request.Origin)
	result := campaign.Recovered(request.Whole, func() event.ConnectorResult {
		return do(&regroup.Regrouper{Setup: s.mover.Setup}, ctx, request)
	})
	return []event.ConnectorResult{result}, nil
}

// regrouping reads what is to be regrouped. The clusters are filled in later.
func (r *request) regrouping(command string) (regroup.Request, error) {
	if err := required([2]string{"origin", r.Origin}, [2]string{"target", r.Target}); err != nil {
		return regroup.Request{}, err
	}
	request := regroup.Request{
		Form: regroup.Consolidate, Whole: r.Into, Set: r.Set, Unset: r.Unset, Overwrite: r.Overwrite, AtLeastOnce: r.AtLeastOnce,
		List: family.List{Setting: r.List, Field: r.Field, Form: family.Names},
	}
	switch {
	case len(r.Connectors) == 0:
		return request, errNoConnector
	case r.Into != "" && len(r.Parts) > 0:
		return request, usagef("--into is of a consolidation and --part of a split; name one of them")
	case len(r.Parts) == 0 && r.Into == "":
		return request, usagef("%s takes %s", command, map[string]string{"consolidate": "--into NAME", "split": "--part NAME=ITEMS for each"}[command])
	case r.Into != "":
		for _, connector := range r.Connectors {
			request.Parts = append(request.Parts, regroup.Part{Name: connector})
		}
		return request, nil
	case len(r.Connectors) > 1:
		return request, usagef("split takes one --connector, not %d", len(r.Connectors))
	}
	request.Form, request.Whole = regroup.Split, r.Connectors[0]
	for _, name := range slices.Sorted(maps.Keys(r.Parts)) {
		request.Parts = append(request.Parts, regroup.Part{Name: name, Items: regroup.Items(r.Parts[name])})
	}
	return request, nil
}
