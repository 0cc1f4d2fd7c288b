package check

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/family"
)

// definitions compares the settings that the workers of both sides define for the
// connector, its transforms included. A setting that only the origin defines is ignored on
// the target without a word; it is refused if it selects or protects data. Defaults that
// differ count where the config does not have the setting.
//
// Both sides are asked by validation, which all versions have. Workers and plugins of one
// version define the same.
func definitions(ctx context.Context, f *facts) (string, error) {
	class := config.Class(f.seen.Origin.Config)
	if class != config.Class(f.config()) || f.sameVersion && f.request.Origin.Seen() == f.request.Target.Seen() {
		return "", nil
	}
	origin, target := f.request.Origin.Name, f.request.Target.Name
	ours, err := validate(ctx, f.request.Origin, config.WithoutMarks(f.seen.Origin.Config))
	if err != nil {
		f.warn("whether %s ignores settings or has other defaults cannot be compared: %s", target, err)
		return "", nil
	}
	f.learn(f.seen.Origin.Config, ours)
	theirs, err := f.validate(ctx)
	if err != nil {
		return "", err
	}
	f.defaults = [2]map[string]connect.Definition{ours.Definitions, theirs.Definitions}
	if differing := f.differingDefaults(ours, theirs); len(differing) > 0 {
		f.warn("defaults differ for what the config leaves out: %s; set them with --set to keep them", strings.Join(differing, "; "))
	}
	ignored := f.ignored(ours, theirs)
	if len(ignored) == 0 {
		return fmt.Sprintf("%s defines all settings that %s does", target, origin), nil
	}
	if against := f.selecting(ignored); len(against) > 0 {
		return "", cluster.Refused(fmt.Sprintf("%s would ignore %s", target, strings.Join(against, " | ")))
	}
	f.warn("%s ignores %s, which %s defines", target, strings.Join(ignored, ", "), origin)
	return "", nil
}

// ignored returns the settings of the copy that only the origin defines.
func (f *facts) ignored(ours, theirs connect.Validation) []string {
	var ignored []string
	for _, key := range f.config().Keys() {
		_, here := ours.Definitions[key]
		if _, there := theirs.Definitions[key]; here && !there {
			ignored = append(ignored, key)
		}
	}
	return ignored
}

// selecting returns those of the settings that select or protect data, each with the reason
// and what to write instead.
func (f *facts) selecting(ignored []string) []string {
	var against []string
	for _, selects := range family.For(f.seen.Origin.Config).Selects {
		if !slices.Contains(ignored, selects.Setting) {
			continue
		}
		said := selects.Setting + ", " + selects.Why
		if selects.Instead != "" {
			said += fmt.Sprintf("; write %s instead: --set %s=VALUE --unset %s", selects.Instead, selects.Instead, selects.Setting)
		} else {
			said += fmt.Sprintf("; --unset %s accepts that", selects.Setting)
		}
		against = append(against, said)
	}
	return against
}

// differingDefaults describes the settings that both sides define with another default and
// that the config does not have. No list, an empty one and null are the same to a worker.
func (f *facts) differingDefaults(ours, theirs connect.Validation) []string {
	plain := func(text string) string { return strings.Trim(text, "[]") }
	var differing []string
	for name, here := range ours.Definitions {
		there, both := theirs.Definitions[name]
		if _, set := f.config().Get(name); !both || set || here.Type == "PASSWORD" || plain(here.Default) == plain(there.Default) {
			continue
		}
		differing = append(differing, fmt.Sprintf("%s (%q on %s, %q on %s)", name, here.Default, f.request.Origin.Name, there.Default, f.request.Target.Name))
	}
	slices.Sort(differing)
	return differing
}
