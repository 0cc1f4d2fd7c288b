package family

import (
	"errors"
	"fmt"
	"slices"
)

// complete returns an error if something in a description is missing or misspelt.
func (f Family) complete() error {
	switch {
	case f.Name == "" || f.Say == "":
		return errors.New("name and say are both needed")
	case len(f.Classes) == 0:
		return errors.New("classes: at least one is needed")
	case f.Kind != "source" && f.Kind != "sink":
		return fmt.Errorf("kind: %q is neither source nor sink", f.Kind)
	case f.Kind == "source" && f.Position != Framework && f.Position != External:
		return fmt.Errorf("position: %q is not one of a source", f.Position)
	case f.Kind == "sink" && f.Position != Group && f.Position != Destination:
		return fmt.Errorf("position: %q is not one of a sink", f.Position)
	}
	if f.Also != nil && f.Kind != "sink" {
		return errors.New("also: only a sink has a second position")
	}
	for _, rule := range f.rules() {
		if rule.subject == "" || rule.why == "" {
			return errors.New("a rule needs what it is about, and why")
		}
		if !slices.Contains([]Verdict{Loss, Twice, Warn}, rule.verdict) {
			return fmt.Errorf("%s: verdict %q is none of loss, twice and warn", rule.subject, rule.verdict)
		}
	}
	for _, list := range f.Lists {
		if f.Kind != "source" || list.Setting == "" || !slices.Contains(f.Partition, list.Field) || !slices.Contains([]ListForm{Names, Patterns, Tables}, list.Form) {
			return fmt.Errorf("lists: %q of a source needs a field of its partition and a form", list.Setting)
		}
	}
	for _, selects := range f.Selects {
		if selects.Setting == "" || selects.Why == "" {
			return errors.New("selects: a setting and why are both needed")
		}
	}
	return nil
}

type rule struct {
	subject string
	verdict Verdict
	why     string
}

func (f Family) rules() []rule {
	var rules []rule
	for _, keep := range f.Keep {
		rules = append(rules, rule{keep.Setting, keep.Verdict, keep.Why})
	}
	for _, danger := range f.Danger {
		rules = append(rules, rule{danger.Setting, danger.Verdict, danger.Why})
	}
	for _, unfinished := range f.Unfinished {
		rules = append(rules, rule{unfinished.Field, unfinished.Verdict, unfinished.Why})
	}
	if f.Rename != nil {
		rules = append(rules, rule{"rename", f.Rename.Verdict, f.Rename.Why})
	}
	if f.Also != nil {
		rules = append(rules, rule{f.Also.In, Loss, f.Also.Why})
	}
	return rules
}
