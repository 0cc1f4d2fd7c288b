package family

import (
	"slices"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// Also is where a sink keeps a second position, beside its consumer group's: what it goes
// by as well when it starts, and a move does not copy. It stays where it is, so it is only
// true of a copy that looks for it in the same place.
type Also struct {
	In string `yaml:"in"` // for people
	// Groups are further consumer groups that it is kept in.
	Groups []OwnGroup `yaml:"groups"`
	// Servers is the setting by which these groups are in a Kafka of their own.
	Servers string `yaml:"servers"`
	// SameLog says that it is true in another Kafka too, where the topics are the same
	// record for record.
	SameLog bool `yaml:"same_log"`
	// ByTopic says that it is kept under the names of the topics: a copy whose topics have
	// other names does not meet it.
	ByTopic bool `yaml:"by_topic"`
	// Elsewhere are settings without a default: a copy in which one is another does not
	// meet it.
	Elsewhere []string `yaml:"elsewhere"`
	Why       string   `yaml:"why"` // it is not true in another Kafka
}

// OwnGroup is a consumer group that a sink makes for itself.
type OwnGroup struct {
	Class string `yaml:"class"` // the connector that has it; "" for all of the family
	// Setting is the setting that it is named after. Without that it is Prefix and the
	// connector's name. Suffix follows either.
	Setting string `yaml:"setting"`
	Prefix  string `yaml:"prefix"`
	Suffix  string `yaml:"suffix"`
}

// base is the group's name without its suffix.
func (g OwnGroup) base(connector string, config rawjson.Object) string {
	return value(config, g.Setting, g.Prefix+connector)
}

// SecondGroups returns the consumer groups in which a sink of this name keeps a second
// position, in the Kafka of its workers; none if it has none there.
func (f Family) SecondGroups(connector string, config rawjson.Object) []string {
	if f.Also == nil || f.Also.Servers != "" && config.Text(f.Also.Servers) != "" {
		return nil
	}
	return f.Also.groups(connector, config)
}

func (a Also) groups(connector string, config rawjson.Object) []string {
	var names []string
	for _, group := range a.of(config) {
		names = append(names, group.base(connector, config)+group.Suffix)
	}
	return names
}

// of returns the groups that a connector of this config has.
func (a Also) of(config rawjson.Object) []OwnGroup {
	return slices.DeleteFunc(slices.Clone(a.Groups), func(group OwnGroup) bool {
		return group.Class != "" && !connect.NamesClass(config.Text("connector.class"), group.Class)
	})
}

// judgeAlso refuses a copy that would look for its second position in another place, or
// find one that is not true.
func (f Family) judgeAlso(c Case, note noter) {
	if f.Also == nil {
		return
	}
	ours, theirs := f.Also.groups(c.Name, c.Origin), f.Also.groups(c.CopyName, c.Copy)
	if !slices.Equal(ours, theirs) {
		note(Loss, "its position is also in %s, as that of group %s, and the copy would look for that of group %s%s",
			f.Also.In, strings.Join(ours, " and "), strings.Join(theirs, " and "), f.Also.advice(c))
	}
	if !c.OtherKafka || f.Also.SameLog && c.SameLog || f.Also.ByTopic && c.OtherTopics || f.Also.apart(c) {
		return
	}
	unless := ""
	if f.Also.SameLog {
		unless = "; if the topics are the same there, record for record and offset for offset, say so with --same-log"
	}
	note(Loss, "its position is also in %s, which is not true of another Kafka cluster: %s%s", f.Also.In, f.Also.Why, unless)
}

// advice says how a copy under another name keeps the groups.
func (a Also) advice(c Case) string {
	for _, group := range a.of(c.Origin) {
		if group.Setting != "" {
			return "; leave its name, or --set " + group.Setting + "=" + group.base(c.Name, c.Origin)
		}
	}
	return "; leave its name"
}

// apart reports whether the copy has a place of its own.
func (a Also) apart(c Case) bool {
	return slices.ContainsFunc(a.Elsewhere, func(setting string) bool {
		ours, theirs := c.Origin.Text(setting), c.Copy.Text(setting)
		return ours != "" && theirs != "" && ours != theirs
	})
}
