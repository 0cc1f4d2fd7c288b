package family

import (
	"cmp"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// Regressed returns the entries of earlier that later lacks or is behind. If the growing
// fields are not known, it is [offset.Regressed].
func (f Family) Regressed(earlier, later offset.Document) []offset.Entry {
	if len(f.Order) == 0 {
		return offset.Regressed(earlier, later)
	}
	difference := offset.Compare(earlier, later)
	regressed := difference.Missing
	for _, entry := range difference.Changed {
		found, ok := later.Get(entry.Partition)
		if !ok {
			continue
		}
		if order, comparable := f.Compare(entry.Offset, found); comparable && order > 0 {
			regressed = append(regressed, entry)
		}
	}
	return regressed
}

// Compare orders two offsets: order is below zero if a is before b. comparable is false
// if a field of [Family.Order] is missing in one of them or has different types.
func (f Family) Compare(a, b rawjson.Value) (order int, comparable bool) {
	ours, err := a.Object()
	if err != nil || len(f.Order) == 0 {
		return 0, false
	}
	theirs, err := b.Object()
	if err != nil {
		return 0, false
	}
	for _, field := range f.Order {
		before, inA := ours.Get(field)
		after, inB := theirs.Get(field)
		switch {
		case !inA && !inB:
			continue // such as the timestamp of a source that uses only an incrementing column
		case !inA || !inB:
			return 0, false
		}
		if order, comparable = compareValues(before, after); !comparable || order != 0 {
			return order, comparable
		}
	}
	return 0, comparable
}

// compareValues orders integers by value. It orders texts that count up (a binary log
// file, a log sequence number, a system change number) by length and then by text.
func compareValues(a, b rawjson.Value) (order int, comparable bool) {
	if x, ok := a.Int(); ok {
		y, ok := b.Int()
		return cmp.Compare(x, y), ok
	}
	x, isText := a.Text()
	y, areTexts := b.Text()
	if !isText || !areTexts {
		return 0, a.IsNull() && b.IsNull()
	}
	return cmp.Or(cmp.Compare(len(x), len(y)), strings.Compare(x, y)), true
}
