package mirror

import (
	"testing"

	"github.com/connect-ferry/connect-ferry/runner/internal/kafka"
)

// numbered makes records of one byte each, at offsets from first on; a space is an offset
// without a record.
func numbered(first int64, records string) []kafka.Numbered {
	var all []kafka.Numbered
	for i, content := range []byte(records) {
		if content == ' ' {
			continue
		}
		record := kafka.Numbered{Offset: first + int64(i)}
		record.Content[0] = content
		all = append(all, record)
	}
	return all
}

// TestAlignForward: the source's records follow offset 100, the target's offset 200. The group
// has consumed up to a point in the source's.
func TestAlignForward(t *testing.T) {
	for name, test := range map[string]struct {
		ours, theirs string
		committed    int64 // records of ours
		at, again    int64 // at counts from the target's offset after the sync
		run          int64
		ambiguous    bool
		waits        bool
	}{
		"all copied":                         {ours: "abcdef", theirs: "abcdef", committed: 4, at: 4, run: 4},
		"copied up to there":                 {ours: "abcdef", theirs: "abcd", committed: 4, at: 4, run: 4},
		"nothing consumed since":             {ours: "abc", theirs: "abc", committed: 0, at: 0},
		"it lags behind":                     {ours: "abcdef", theirs: "ab", committed: 4, at: 2, again: 2, run: 2, waits: true},
		"it has copied nothing yet":          {ours: "abcdef", theirs: "", committed: 4, at: 0, again: 4, waits: true},
		"it repeated a run":                  {ours: "abcdef", theirs: "abcbcdef", committed: 4, at: 6, run: 4},
		"it repeated a run after that":       {ours: "abcdef", theirs: "abcdebcdef", committed: 4, at: 4, run: 4},
		"marks of transactions":              {ours: "ab cd ef", theirs: "a bcd e f", committed: 6, at: 6, run: 4},
		"removed from the target":            {ours: "abcdef", theirs: "a cdef", committed: 4, at: 4, again: 1, run: 3},
		"removed from the source":            {ours: "a cdef", theirs: "abcdef", committed: 4, at: 1, again: 2, run: 1},
		"changed on the way":                 {ours: "abcdef", theirs: "uvwxyz", committed: 4, at: 0, again: 4},
		"one of somebody else's":             {ours: "abcdef", theirs: "abZcdef", committed: 4, at: 2, again: 2, run: 2},
		"equal records":                      {ours: "abbdef", theirs: "abbdef", committed: 4, ambiguous: true},
		"equal records after those consumed": {ours: "abcdaf", theirs: "abcdaf", committed: 4, ambiguous: true},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := alignForward(numbered(101, test.ours), numbered(201, test.theirs), 101+test.committed, 201)
			if ok == test.ambiguous {
				t.Fatalf("aligned: %v", ok)
			}
			if want := (alignment{at: 201 + test.at, again: test.again, run: test.run, waits: test.waits}); ok && got != want {
				t.Errorf("%+v, want %+v", got, want)
			}
		})
	}
}

// TestAlignBack: the group on the target has consumed all of theirs.
func TestAlignBack(t *testing.T) {
	for name, test := range map[string]struct {
		ours, theirs string
		at, again    int64 // at counts from the source's offset after the sync
		run          int64
		ambiguous    bool
	}{
		"all":                     {ours: "abcdef", theirs: "abcd", at: 4, run: 4},
		"none":                    {ours: "abcdef", theirs: "", at: 0},
		"it repeated a run":       {ours: "abcdef", theirs: "abcbcd", at: 4, run: 4},
		"marks of transactions":   {ours: "ab cd ef", theirs: "a bcd ", at: 6, run: 4},
		"removed from the target": {ours: "abcdef", theirs: "a cd", at: 1, again: 2, run: 3},
		"changed on the way":      {ours: "abcdef", theirs: "uvwx", at: 0},
		"one of somebody else's":  {ours: "abcdef", theirs: "abZcd", at: 4, run: 4},
		"equal records":           {ours: "abbdef", theirs: "abbd", ambiguous: true},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := alignBack(numbered(101, test.ours), numbered(201, test.theirs), 101)
			if ok == test.ambiguous {
				t.Fatalf("aligned: %v", ok)
			}
			if want := (alignment{at: 101 + test.at, again: test.again, run: test.run}); ok && got != want {
				t.Errorf("%+v, want %+v", got, want)
			}
		})
	}
}

// TestTimestampsOfTheBroker: where the target's broker sets the timestamps, they tell nothing,
// and two records of one content cannot be told apart.
func TestTimestampsOfTheBroker(t *testing.T) {
	ours, theirs := numbered(101, "abc"), numbered(201, "abc")
	for i := range theirs {
		ours[i].Timestamp, theirs[i].Timestamp, theirs[i].Appended = int64(i), 1000, true
	}
	if got, ok := alignForward(ours, theirs, 103, 201); !ok || got.at != 203 || got.again != 0 {
		t.Errorf("%+v, %v", got, ok)
	}
	ours[2].Content = ours[0].Content
	if got, ok := alignForward(ours, theirs, 103, 201); ok {
		t.Errorf("two records of one content are aligned: %+v", got)
	}
}
