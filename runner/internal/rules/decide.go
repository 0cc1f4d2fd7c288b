package rules

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/secret"
)

// Decision is what becomes of a connector.
type Decision struct {
	Connector string
	Rule      *Rule
	// Name is the connector's name on the target.
	Name string
	// Set overrides settings on the target: those of the rule, and the values in which
	// something is replaced.
	Set map[string]string
}

// Stays reports whether the connector is not moved.
func (d Decision) Stays() bool { return d.Rule.Target == Stay }

// MatchError names every connector for which the rules do not say exactly one thing.
type MatchError struct{ Problems []string }

func (e *MatchError) Error() string {
	return "the rules do not fit: " + strings.Join(e.Problems, " | ")
}

// Decide returns a decision for each connector, in the order of the names. If a connector
// matches no rule or several, or if two would have one name on a target, it returns a
// [MatchError] with all of them.
func (r Rules) Decide(found map[string]connect.Listed) ([]Decision, error) {
	var decisions []Decision
	var problems []string
	count := map[*Rule]int{}
	used, taken := make([]bool, len(r.Rules)), map[[2]string][]string{}
	for _, connector := range slices.Sorted(maps.Keys(found)) {
		var matching []*Rule
		var names []string
		unknown := false
		for i := range r.Rules {
			matches, certain := r.Rules[i].Match.certain(connector, found[connector])
			unknown = unknown || !certain
			if matches || !certain {
				matching, names = append(matching, &r.Rules[i]), append(names, r.Rules[i].Name)
				used[i] = true
			}
		}
		switch {
		case unknown:
			problems = append(problems, connector+" is not known to be a source or a sink, and its rule depends on it; if it stays so, look for its plugin on the workers")
		case len(matching) == 0:
			problems = append(problems, connector+" matches no rule; if it is not moved, let a rule with the target stay match it")
		case len(matching) == 1:
			decision := matching[0].decide(connector, found[connector].Config)
			decisions = append(decisions, decision)
			count[decision.Rule]++
			for _, setting := range matching[0].quotesSecret(found[connector].Config) {
				problems = append(problems, fmt.Sprintf("rule %s quotes a secret in a replace of the setting %s of %s; name it by a config provider, ${PROVIDER:...}", decision.Rule.Name, setting, connector))
			}
			if decision.Rule.Regroups() {
				for _, name := range decision.Rule.names() {
					place := [2]string{decision.Rule.Target, name}
					if !slices.Contains(taken[place], decision.Rule.several()) {
						taken[place] = append(taken[place], decision.Rule.several())
					}
				}
			} else if !decision.Stays() && decision.Name == "" {
				problems = append(problems, fmt.Sprintf("rule %s renames %s to nothing", decision.Rule.Name, connector))
			} else if !decision.Stays() {
				place := [2]string{decision.Rule.Target, decision.Name}
				taken[place] = append(taken[place], connector)
			}
		default:
			problems = append(problems, fmt.Sprintf("%s matches %d rules: %s", connector, len(names), strings.Join(names, ", ")))
		}
	}
	for _, place := range slices.SortedFunc(maps.Keys(taken), func(a, b [2]string) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) }) {
		if connectors := taken[place]; len(connectors) > 1 {
			problems = append(problems, fmt.Sprintf("%s would all be called %q on %s", strings.Join(connectors, ", "), place[1], place[0]))
		}
	}
	for i, rule := range r.Rules {
		if _, there := found[rule.Into]; there && rule.Into != "" {
			problems = append(problems, fmt.Sprintf("rule %s makes a connector %s, and one of the origin is called so; choose another name", rule.Name, rule.Into))
		}
		matched := count[&r.Rules[i]]
		switch {
		case used[i] && rule.Into != "" && matched < 2:
			problems = append(problems, fmt.Sprintf("rule %s makes one connector of several, and matches one only", rule.Name))
		case used[i] && rule.Split != nil && matched > 1:
			problems = append(problems, fmt.Sprintf("rule %s makes several of one connector, and matches %d", rule.Name, matched))
		case used[i] || rule.mayMatchNone:
		case rule.listed:
			problems = append(problems, fmt.Sprintf("connector %s does not exist on the origin", rule.Name))
		default:
			problems = append(problems, fmt.Sprintf("rule %s matches no connector; correct or remove it", rule.Name))
		}
	}
	if problems != nil {
		return nil, &MatchError{problems}
	}
	return decisions, nil
}

func (r *Rule) decide(connector string, settings rawjson.Object) Decision {
	name := connector
	if r.Rename != nil {
		name = r.Rename.Pattern.ReplaceAllString(connector, r.Rename.With)
	}
	return r.Of(connector, name, settings)
}

// Of returns the decision of a rule about a connector that has a name on the target.
func (r *Rule) Of(connector, name string, settings rawjson.Object) Decision {
	decision := Decision{Connector: connector, Rule: r, Name: name, Set: map[string]string{}}
	settings = config.WithoutMarks(settings).Without("name")
	for _, replace := range r.Replace {
		for _, key := range settings.Keys() {
			value, _ := settings.Get(key)
			text, isText := value.Text()
			if replaced := replace.Pattern.ReplaceAllString(text, replace.With); isText && globs(replace.Setting, key) && replaced != text {
				settings = settings.With(key, rawjson.String(replaced))
				decision.Set[key] = replaced
			}
		}
	}
	maps.Copy(decision.Set, r.Set)
	return decision
}

// quotesSecret names the settings of a connector in which the rule replaces something and of
// whose secrets, old or new, it quotes one: the plan would hold it.
func (r *Rule) quotesSecret(settings rawjson.Object) []string {
	var quoting []string
	for _, key := range settings.Keys() {
		old := settings.Text(key)
		for _, replace := range r.Replace {
			if !globs(replace.Setting, key) {
				continue
			}
			secrets := append(secret.FromConfig(key, old), secret.FromConfig(key, replace.Pattern.ReplaceAllString(old, replace.With))...)
			if slices.ContainsFunc(secrets, func(one secret.String) bool {
				text := one.Reveal()
				return len(text) > 3 && (strings.Contains(replace.With, text) || strings.Contains(replace.Pattern.String(), text))
			}) {
				quoting = append(quoting, key)
			}
		}
	}
	return slices.Compact(quoting)
}
