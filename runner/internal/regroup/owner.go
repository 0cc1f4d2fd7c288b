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
	for _, setting := range list.Except { // the first that is given counts (ConfigUtils.translateDeprecatedConfigs)
		if except := Items(config.Text(setting)); len(except) > 0 && o.except == nil && err == nil {
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

// onlyJava are expressions that Go takes too, with another meaning: classes within classes.
var onlyJava = regexp.MustCompile(`&&|\[[^\]]*\[`)

// patterns joins regular expressions as Connect does (MirrorUtils.compilePatternList).
func patterns(setting string, items []string) (*regexp.Regexp, error) {
	for _, item := range items {
		if onlyJava.MatchString(item) {
			return nil, cluster.Refused(fmt.Sprintf("ferry cannot tell what %s means, since Go reads %s in another way than Java; write it without a class in a class", setting, item))
		}
	}
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
			return item == name || o.list.Form == family.Tables && (unquoted(item) == name || strings.HasSuffix(name, "."+unquoted(item)))
		})
	}
}

// unquoted is the name of a table as partitions have it.
func unquoted(name string) string {
	return strings.NewReplacer(`"`, "", "`", "", "[", "", "]", "").Replace(name)
}

// topicName is what a pattern is that matches itself only, or a dot.
var topicName = regexp.MustCompile(`^[a-zA-Z0-9._-]+$`)

// both says what two connectors list, "" if nothing is known to be of both. Of tables the last
// part of the name counts: JDBC sources name topics after it, and take only one of a name.
func (o owner) both(other owner) string {
	for _, item := range o.items {
		for _, theirs := range other.items {
			if item == theirs || o.list.Form == family.Tables && last(unquoted(item)) == last(unquoted(theirs)) {
				return item
			}
		}
		if o.matching != nil && topicName.MatchString(item) && o.matches(item) && other.matches(item) {
			return item
		}
	}
	return ""
}

func last(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }

// readBy is what an entry of [family.List.Assigned] is of.
func (o owner) readBy(assigned string) string {
	if o.list.Form == family.Tables {
		return unquoted(assigned)
	}
	return assigned[:max(0, strings.LastIndexByte(assigned, '-'))]
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
