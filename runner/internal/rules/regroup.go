package rules

import (
	"maps"
	"slices"
)

// Regroups reports whether the rule makes one connector of several, or several of one.
func (r *Rule) Regroups() bool { return r.Into != "" || r.Split != nil }

// names are the names on the target of what the rule makes.
func (r *Rule) names() []string {
	if r.Into != "" {
		return []string{r.Into}
	}
	return slices.Sorted(maps.Keys(r.Split))
}

// several names the connectors of a rule that regroups, in messages.
func (r *Rule) several() string { return "those of rule " + r.Name }

// misusesRegrouping says what does not fit together in a rule, "" if all does.
func (r *Rule) misusesRegrouping() string {
	switch {
	case !r.Regroups() && (r.List != "" || r.Field != ""):
		return "has list or field, which only into and split need"
	case !r.Regroups():
		return ""
	case r.Into != "" && r.Split != nil:
		return "has both into and split; make two rules"
	case r.Target == Stay:
		return "stays, so it can have neither into nor split"
	case r.Rename != nil || len(r.Replace) > 0:
		return "has into or split, which give the names, so it can have neither rename nor replace; set and unset override settings"
	case (r.List == "") != (r.Field == ""):
		return "needs both list and field, or neither"
	case r.Split != nil && len(r.Split) < 2:
		return "splits into fewer than two; rename gives one connector another name"
	default:
		return ""
	}
}
