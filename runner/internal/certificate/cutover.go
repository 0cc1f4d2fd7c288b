package certificate

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// CutoverPart is a cutover in a certificate, see [Cutover].
type CutoverPart struct {
	From       string       `json:"from"`
	To         string       `json:"to"`
	Copy       string       `json:"copy,omitempty"`
	Proof      *event.Proof `json:"proof,omitempty"`
	StillSince time.Time    `json:"still_since,omitzero"`
	PausingMS  int64        `json:"pausing_ms,omitempty"`
	RunsSince  time.Time    `json:"runs_since,omitzero"`
	RunsOn     string       `json:"runs_on,omitempty"`
	DowntimeMS *int64       `json:"downtime_ms,omitempty"`
	SentAgain  *int64       `json:"sent_again,omitempty"`
	Aligned    int64        `json:"aligned,omitempty"`
	// SHA256 is of the final offsets and of those that the other side was given.
	SHA256  *event.Hashes `json:"sha256,omitempty"`
	LaterAt time.Time     `json:"later_at,omitzero"`
	Offsets []Offset      `json:"offsets,omitempty"`
}

// Offset is a partition and its offsets, each absent if it has none: at the end on the side
// that was stopped, as given to the other side, and later there.
type Offset struct {
	Partition rawjson.Value `json:"partition"`
	Final     rawjson.Value `json:"final,omitzero"`
	Copied    rawjson.Value `json:"copied,omitzero"`
	Later     rawjson.Value `json:"later,omitzero"`
}

func (c Cutover) part() CutoverPart {
	part := CutoverPart{
		From: c.From, To: c.To, Copy: c.Copy, Proof: c.Proof, StillSince: c.StillSince.UTC(), PausingMS: c.Pausing.Milliseconds(),
		RunsSince: c.RunsSince.UTC(), RunsOn: c.RunsOn, SentAgain: c.SentAgain, Aligned: c.Aligned, LaterAt: c.LaterAt.UTC(),
		Offsets: rows(c.Final, c.Copied, c.Later),
	}
	if !c.StillSince.IsZero() && !c.RunsSince.IsZero() {
		downtime := c.RunsSince.Sub(c.StillSince).Milliseconds()
		part.DowntimeMS = &downtime
	}
	if c.Final != nil {
		part.SHA256 = &event.Hashes{Origin: c.Final.SHA256()}
		if c.Copied != nil {
			part.SHA256.Target = c.Copied.SHA256()
		}
	}
	return part
}

// rows puts the offsets of each partition beside each other.
func rows(final, copied, later *offset.Document) []Offset {
	var found []Offset
	index := map[string]int{}
	for column, document := range []*offset.Document{final, copied, later} {
		if document == nil {
			continue
		}
		for _, entry := range document.Entries() {
			identity := entry.Partition.Canonical()
			if document.Exact() { // two orders of the same fields are two partitions
				identity = entry.Partition.String()
			}
			at, known := index[identity]
			if !known {
				at = len(found)
				index[identity] = at
				found = append(found, Offset{Partition: entry.Partition})
			}
			*[]*rawjson.Value{&found[at].Final, &found[at].Copied, &found[at].Later}[column] = entry.Offset
		}
	}
	slices.SortStableFunc(found, func(a, b Offset) int { return natural(a.Partition.String(), b.Partition.String()) })
	return found
}

// natural orders texts as people do: partition 2 comes before partition 10.
func natural(a, b string) int {
	for a != "" && b != "" {
		digitsA, restA := digits(a)
		digitsB, restB := digits(b)
		if digitsA == "" || digitsB == "" {
			if a[0] != b[0] {
				return cmp.Compare(a[0], b[0])
			}
			a, b = a[1:], b[1:]
			continue
		}
		shortA, shortB := strings.TrimLeft(digitsA, "0"), strings.TrimLeft(digitsB, "0")
		if order := cmp.Or(cmp.Compare(len(shortA), len(shortB)), cmp.Compare(shortA, shortB)); order != 0 {
			return order
		}
		a, b = restA, restB
	}
	return cmp.Compare(len(a), len(b))
}

// digits returns the digits that a text begins with, and the rest.
func digits(text string) (leading, rest string) {
	rest = strings.TrimLeft(text, "0123456789")
	return text[:len(text)-len(rest)], rest
}
