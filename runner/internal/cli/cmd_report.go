package cli

import (
	"context"
	"fmt"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/plan"
)

func reportCommand() definition {
	return definition{
		name: "report", offline: true, usage: "write the report of a plan (asks no cluster)",
		description: "For who was given a plan and not its report. Refuses a plan that was edited since it was made (exit code 2). A plan that\n" +
			"refuses moves has a report like any other: the report says why.\n\n" +
			"Example: ferry report --plan plan.json --report plan.html",
		flags: flags(map[string]string{"plan": "the plan in `FILE`, as ferry plan made it"}, []string{"plan", "report", "markdown"}),
		do:    doReport,
	}
}

func doReport(_ context.Context, s *session) ([]event.ConnectorResult, error) {
	asked := s.request
	if err := required([2]string{"plan", asked.Plan}); err != nil {
		return nil, err
	}
	if asked.Report == "" && asked.Markdown == "" {
		return nil, usagef("say where the report goes, with --report (HTML), --markdown, or both")
	}
	made, err := plan.Load(asked.Plan)
	if err != nil {
		return nil, err
	}
	s.result.Origin, s.result.Plan = made.Origin.Name, made.Summary(asked.Plan)
	s.result.Message = fmt.Sprintf("%s, hash %.12s", made, made.Hash)
	return nil, asked.writeReports(made)
}
