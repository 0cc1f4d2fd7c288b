package regroup

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/family"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// owner is what a connector owns: the partitions of what its config lists.
type owner struct {
	list  family.List
	items []string
	// matching and except are the patterns; nil if there are none.
	matching, except *regexp.Regexp
}

// ownerOf reads what a config lists.
func ownerOf(list family.List, config rawjson.Object) (owner, error) {
	o := owner{list: list, items: Items(config.Text(list.Setting))}
	if list.Form != family.Patterns {
		return o, nil
	}
	if list.Setting == "topics.regex" { // one expression, in which a comma is a comma
		o.items = []string{config.Text(list.Setting)}
	}
	var err error
	if o.matching, err = patterns(list.Setting, o.items); err != nil {
		return owner{}, err
	}
	for _, setting := range list.Except {
		if except := Items(config.Text(setting)); len(except) > 0 {
			o.except, err = patterns(setting, except)
		}
	}
	return o, err
}

// Items divides a list with commas.
func Items(text string) []string {
	var items []string
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

// patterns joins regular expressions as Connect does (MirrorUtils.compilePatternList).
func patterns(setting string, items []string) (*regexp.Regexp, error) {
	compiled, err := regexp.Compile("^(?:" + strings.Join(items, "|") + ")$")
	if err != nil {
		return nil, cluster.Refused(fmt.Sprintf("ferry cannot tell what %s means, since it is not a Go regular expression: %s", setting, err))
	}
	return compiled, nil
}

// matches reports whether the config lists a name.
func (o owner) matches(name string) bool {
	switch {
	case o.except != nil && o.except.MatchString(name):
		return false
	case o.matching != nil:
		return o.matching.MatchString(name)
	default:
		return slices.ContainsFunc(o.items, func(item string) bool {
			return item == name || o.list.Form == family.Tables && strings.HasSuffix(name, "."+item)
		})
	}
}

// nameOf is what a partition is of; false if it does not have the field.
func (o owner) nameOf(partition rawjson.Value) (string, bool) {
	object, err := partition.Object()
	if err != nil {
		return "", false
	}
	name := object.Text(o.list.Field)
	return name, name != ""
}

// owns reports whether a partition is of what the config lists.
func (o owner) owns(partition rawjson.Value) bool {
	name, named := o.nameOf(partition)
	return named && o.matches(name)
}
