package rules

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/secret"
)

// Targets returns the clusters that the rules name, without [Stay].
func (r Rules) Targets() []string {
	targets := map[string]bool{}
	for _, rule := range r.Rules {
		if rule.Target != Stay {
			targets[rule.Target] = true
		}
	}
	return slices.Sorted(maps.Keys(targets))
}

// List returns the rules that move the named connectors to one target and let all others stay.
// rename holds the names on the target where they differ. It refuses secrets in set, which
// would be in the plan.
func List(target string, connectors []string, rename, set map[string]string, unset []string) (Rules, error) {
	if target == Stay {
		return Rules{}, fmt.Errorf("the target %q leaves connectors where they are", Stay)
	}
	for _, key := range slices.Sorted(maps.Keys(set)) {
		if secret.InConfig(key, set[key]) {
			return Rules{}, fmt.Errorf("--set %s is a secret, which does not belong in a plan; name it by a config provider of the target's workers, ${PROVIDER:...}", key)
		}
	}
	var rules Rules
	for _, connector := range connectors {
		rule := Rule{Name: connector, Match: Match{Name: texts{connector}}, Target: target, Set: set, Unset: unset, Wave: 1, listed: true}
		if name := rename[connector]; name != "" {
			rule.Rename = &Rename{Pattern: regex{regexp.MustCompile(`(?s)^.*$`)}, With: strings.ReplaceAll(name, "$", "$$")}
		}
		rules.Rules = append(rules.Rules, rule)
	}
	rules.Rules = append(rules.Rules, Rule{Name: "all others", Match: Match{Not: &Match{Name: connectors}}, Target: Stay, mayMatchNone: true})
	return rules, nil
}
