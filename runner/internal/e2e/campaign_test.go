package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
)

// TestOneIntoThree is the story of the article: one cluster becomes three by rules. The canaries
// go first; a wave has one connector whose copy fails, and is taken back; then the rest goes.
func TestOneIntoThree(t *testing.T) {
	t.Parallel()
	s := newStage(t, true)
	prefix := inTopic(t, "")
	names := map[string]string{} // by region and number
	for _, one := range []string{"eu-1", "eu-2", "eu-3", "as-1", "as-2", "am-1", "am-2", "stays-1"} {
		names[one] = prefix + one
		s.run(names[one], lab.NumberedSource(names[one], 2, 50))
	}
	s.flows(names["stays-1"], 50)

	broken := s.planned(rulesOf(prefix, ", set: {fail.on.start: 'true'}"))
	s.want(s.ferry("apply", "--plan", broken, "--rehearse"), 0, repeat(event.Rehearsed, 7)...)
	canaries := s.ferry("apply", "--plan", broken, "--wave", "1")
	s.want(canaries, 12, event.RolledBack) // the canary of asia fails, before anybody else is touched
	if got := canaries.Result.Connectors[0]; !strings.HasPrefix(got.Connector, prefix+"as-") || s.state("global", got.Connector) != connect.Running {
		t.Fatalf("%+v", got)
	}

	mended := s.planned(rulesOf(prefix, ""), "--overwrite") // the idle copy with the broken config
	got := s.ferry("apply", "--plan", broken, "--wave", "1")
	s.want(got, 12, event.RolledBack) // an old plan still says what was reviewed
	s.want(s.ferry("apply", "--plan", mended, "--until", "prepared"), 0, repeat(event.Prepared, 7)...)
	s.want(s.ferry("apply", "--plan", mended, "--wave", "1"), 0, event.Moved)

	// The second wave goes, and is taken back with its progress.
	second := s.ferry("apply", "--plan", mended, "--wave", "2")
	s.want(second, 0, event.Moved)
	taken := second.Result.Connectors[0].Connector
	s.flows(taken, 50)
	s.want(s.ferry(between("global", "asia", "rollback", taken)...), 0, event.RolledBack)

	all := s.ferry("apply", "--plan", mended)
	if all.Code != 0 || len(all.Result.Connectors) != 7 || !strings.Contains(all.Result.Message, "next: `ferry diff --origin global") {
		t.Fatalf("%d: %s\n%s", all.Code, all.Result.Message, all.Stderr)
	}
	s.want(s.ferry("apply", "--plan", mended), 0, repeat(event.Unchanged, 7)...)
	for one, name := range names {
		target := map[string]string{"eu": "europe", "as": "asia", "am": "america", "st": "global"}[one[:2]]
		if got := s.state(target, name); got != connect.Running {
			t.Errorf("%s is %s on %s", name, got, target)
		}
		s.exact(name, name)
	}
}

func repeat(outcome event.Outcome, times int) []event.Outcome {
	all := make([]event.Outcome, times)
	for i := range all {
		all[i] = outcome
	}
	return all
}

// rulesOf sends the connectors of a test to three regions, and lets those of other tests stay.
func rulesOf(prefix, asia string) string {
	return fmt.Sprintf(`
waves: {max_tasks: 2, canary: 0}
rules:
  - {name: asia, match: {glob: '%[1]sas-*'}, target: asia%[2]s}
  - {name: america, match: {glob: '%[1]sam-*'}, target: america, wave: 2}
  - {name: europe, match: {glob: '%[1]seu-*'}, target: europe, wave: 3, replace: [{setting: 'topic', pattern: '^nothing', with: x}]}
  - {name: rest, match: {not: {glob: ['%[1]sas-*', '%[1]sam-*', '%[1]seu-*']}}, target: stay}
`, prefix, asia)
}

// planned makes a plan by rules.
func (s *stage) planned(rules string, more ...string) (file string) {
	s.t.Helper()
	folder := s.t.TempDir()
	file = filepath.Join(folder, "plan.json")
	path := filepath.Join(folder, "rules.yaml")
	if err := os.WriteFile(path, []byte(rules), 0o600); err != nil {
		s.t.Fatal(err)
	}
	answer := s.ferry(append(append([]string{"plan"}, more...), "--origin", "global", "--rules", path, "--out", file, "--report", filepath.Join(folder, "plan.html"))...)
	s.want(answer, 0)
	s.t.Log(answer.Result.Message)
	for _, written := range []string{file, filepath.Join(folder, "plan.html")} {
		content, err := os.ReadFile(written) // #nosec G304 -- of this test
		if err != nil {
			s.t.Fatal(err)
		}
		for _, leak := range s.plants.Find(written, content) {
			s.t.Errorf("%s holds the secret %s", written, leak.Secret)
		}
	}
	return file
}
