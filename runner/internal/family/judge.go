package family

import (
	"fmt"
	"slices"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/words"
)

// Case is a move to judge.
type Case struct {
	// Origin and Copy are the configs of the connector and of its copy.
	Origin, Copy rawjson.Object
	// Name and CopyName are the connector's names on both sides.
	Name, CopyName string
	// Offsets are the origin's committed offsets; empty if there are none yet.
	Offsets offset.Document
	// OtherKafka says that the copy's cluster is on another Kafka, SameLog that the topics
	// are the same there record for record, and OtherTopics that the copy's topics have
	// other names.
	OtherKafka, SameLog, OtherTopics bool
}

// Finding is a reason against a move, or something to know about it.
type Finding struct {
	Verdict Verdict
	Reason  string // a sentence for people
}

// Judge returns the findings about a move of a connector of this family, in the order of
// its description.
func (f Family) Judge(c Case) []Finding {
	var found []Finding
	note := func(verdict Verdict, format string, arguments ...any) {
		found = append(found, Finding{verdict, fmt.Sprintf(format, arguments...)})
	}
	f.judgeClass(c, note)
	for _, keep := range f.Keep {
		ours, theirs := value(c.Origin, keep.Setting, keep.Default), value(c.Copy, keep.Setting, keep.Default)
		if ours != theirs && !(keep.AnyCase && strings.EqualFold(ours, theirs)) {
			note(keep.Verdict, "%s differs between the connector and its copy: %s", keep.Setting, keep.Why)
		}
	}
	for _, danger := range f.Danger {
		for _, config := range []rawjson.Object{c.Origin, c.Copy} {
			if set := strings.TrimSpace(config.Text(danger.Setting)); slices.ContainsFunc(danger.Values, func(value string) bool { return strings.EqualFold(value, set) }) {
				note(danger.Verdict, "%s is %q: %s", danger.Setting, set, danger.Why)
				break
			}
		}
	}
	f.judgeOffsets(c, note)
	if f.Rename != nil && c.Name != c.CopyName {
		note(f.Rename.Verdict, "the copy has another name: %s", f.Rename.Why)
	}
	f.judgeAlso(c, note)
	return found
}

type noter func(verdict Verdict, format string, arguments ...any)

func (f Family) judgeClass(c Case, note noter) {
	ours, theirs := c.Origin.Text("connector.class"), c.Copy.Text("connector.class")
	copied := For(c.Copy)
	switch {
	case ours == theirs && copied.Name == f.Name:
	case copied.Name != f.Name:
		note(Loss, "the copy would be of another kind (%s, %s) than the connector (%s, %s), and cannot go on from its position; leave connector.class as it is",
			theirs, copied.Name, ours, f.Name)
	case !f.Known():
		note(Loss, "the copy would be of another class (%s) than the connector (%s), and whether it can go on from its position is not known; leave connector.class as it is",
			theirs, ours)
	default:
		note(Warn, "the copy is of another class (%s) than the connector (%s) of the same kind", theirs, ours)
	}
}

func (f Family) judgeOffsets(c Case, note noter) {
	for _, unfinished := range f.Unfinished {
		for _, entry := range c.Offsets.Entries() {
			if member(entry.Offset, unfinished.Field) && !slices.ContainsFunc(unfinished.Unless, func(field string) bool { return member(entry.Offset, field) }) {
				note(unfinished.Verdict, "%s (partition %s)", unfinished.Why, entry.Partition)
				break
			}
		}
	}
	if foreign := f.Foreign(c.Offsets); len(foreign) > 0 {
		note(Warn, "%s without the fields %s that this kind of connector reads, first %s; an older version of it may have written them",
			words.Count(len(foreign), "partition"), strings.Join(f.Partition, ", "), foreign[0].Partition)
	}
	if f.RandomKeys {
		note(Twice, "the order of the fields in its keys changes each time a worker starts, so its copy may not find the existing offsets and begin from scratch; "+
			"that they can be read today proves nothing")
	}
}

func value(config rawjson.Object, setting, missing string) string {
	if set := config.Text(setting); set != "" {
		return set
	}
	return missing
}

// member reports whether an offset has a field that is none of false, 0, null and "".
func member(of rawjson.Value, field string) bool {
	object, err := of.Object()
	if err != nil {
		return false
	}
	said, ok := object.Get(field)
	if !ok || said.IsNull() {
		return false
	}
	if text, isText := said.Text(); isText {
		return text != "" && !strings.EqualFold(text, "false")
	}
	if number, isNumber := said.Int(); isNumber {
		return number != 0
	}
	is, isBool := said.Bool()
	return !isBool || is
}

// Foreign returns the entries whose partition does not have exactly this family's fields;
// none if those are not known.
func (f Family) Foreign(document offset.Document) []offset.Entry {
	if len(f.Partition) == 0 {
		return nil
	}
	return slices.DeleteFunc(document.Entries(), func(entry offset.Entry) bool {
		object, err := entry.Partition.Object()
		if err != nil {
			return false
		}
		keys := object.Keys()
		slices.Sort(keys)
		return slices.Equal(keys, slices.Sorted(slices.Values(f.Partition)))
	})
}
