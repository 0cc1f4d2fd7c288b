package regroup

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/family"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

const tasksMax = "tasks.max"

// join makes the config of the one from those of the several. They may differ in their names,
// in what they list, and in tasks.max, which add up. In anything else only --set or --unset
// decides which is right.
func (r *run) join() error {
	first, list := r.origin.members[0], r.origin.members[0].owner.list
	var items, against []string
	differ := map[string][]string{} // from the first, by setting
	tasks := 0
	for i, m := range r.origin.members {
		if m.owner.list.Setting != list.Setting {
			against = append(against, fmt.Sprintf("%s lists its %s and %s its %s", first.Name, list.Setting, m.Name, m.owner.list.Setting))
			continue
		}
		for _, other := range r.origin.members[:i] {
			if item := cmp.Or(m.owner.both(other.owner), other.owner.both(m.owner)); item != "" {
				against = append(against, fmt.Sprintf("%s of both %s and %s has %s; let only one of them list it", list.Setting, other.Name, m.Name, item)+otherSchema(list))
			}
		}
		items = append(items, m.owner.items...)
		tasks += max(1, number(m.config))
		for _, key := range config.Differing(config.WithoutMarks(first.config), config.WithoutMarks(m.config)) {
			if key != "name" && key != list.Setting && key != tasksMax && !r.decided(key) {
				differ[key] = append(differ[key], m.Name)
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(differ)) {
		against = append(against, fmt.Sprintf("%s differs between %s and %s; say which is right with --set or --unset", key, first.Name, event.Abbreviated(differ[key])))
	}
	if err := refuse(against); err != nil {
		return err
	}
	listed := strings.Join(items, ",")
	if list.Setting == "topics.regex" {
		listed = strings.Join(items, "|")
	}
	whole := r.target.members[0]
	whole.config = r.changed(first.config, whole.Name, list.Setting, listed, tasks)
	config.Learn(r.Mask, whole.config)
	return nil
}

func otherSchema(list family.List) string {
	if list.Form != family.Tables {
		return ""
	}
	return ", or one of its name in another schema: such a source takes only one of a name"
}

// divide makes the configs of the several from that of the one, each with its own part of what
// it lists, and its share of tasks.max.
func (r *run) divide() error {
	whole := r.origin.members[0]
	list := whole.owner.list
	if list.Setting == "topics.regex" {
		return cluster.Refused(fmt.Sprintf("%s is one expression and cannot be divided; give the connector a list of topics first", list.Setting))
	}
	tasks := max(1, number(whole.config)/len(r.request.Parts))
	listed := map[string]string{}
	var against []string
	for _, part := range r.request.Parts {
		for _, item := range part.Items {
			if other := listed[item]; other != "" {
				against = append(against, fmt.Sprintf("%s is for both %s and %s", item, other, part.Name))
			}
			if !slices.Contains(whole.owner.items, item) && !whole.owner.matches(item) {
				against = append(against, fmt.Sprintf("%s is not in %s of %s", item, list.Setting, whole.Name))
			}
			listed[item] = part.Name
		}
	}
	for _, item := range whole.owner.items {
		if whole.owner.matching == nil && listed[item] == "" {
			against = append(against, fmt.Sprintf("%s of %s is for no part", item, list.Setting))
		}
	}
	if err := refuse(against); err != nil {
		return err
	}
	for i, part := range r.request.Parts {
		r.target.members[i].config = r.changed(whole.config, part.Name, list.Setting, strings.Join(part.Items, ","), tasks)
	}
	return nil
}

// changed returns the config of a connector on the target.
func (r *run) changed(from rawjson.Object, name, setting, listed string, tasks int) rawjson.Object {
	set := map[string]string{setting: listed, tasksMax: strconv.Itoa(tasks)}
	for key, value := range r.request.Set {
		set[key] = value
	}
	return config.Copy(from, name, set, r.request.Unset)
}

func (r *run) decided(key string) bool {
	_, set := r.request.Set[key]
	return set || slices.Contains(r.request.Unset, key)
}

func number(of rawjson.Object) int {
	count, err := strconv.Atoi(of.Text(tasksMax))
	if err != nil {
		return 1 // Connect's default
	}
	return count
}
