package mirror

import (
	"context"
	"errors"

	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
)

// Accounts compares the offsets of a sink at rest on two Kafka clusters: the target's
// are a translation of the origin's if they are for the same partitions and no further
// than a translation of now, which is at most more exact than one of earlier. It
// returns what it costs to go on from them, and nil if they are no translation, or if
// that cannot be told.
func (m *Path) Accounts(ctx context.Context, ours, theirs offset.Document) *Translation {
	result, err := m.Forward(ctx, ours)
	if err != nil {
		return nil
	}
	wanted, errWanted := PositionsOf(result.Document)
	have, errHave := PositionsOf(theirs)
	if errors.Join(errWanted, errHave) != nil || len(have) != len(wanted) || len(wanted.Ahead(have)) > 0 {
		return nil
	}
	for where, at := range have {
		result.again += wanted[where] - at
	}
	return &result
}

// Ahead names the partitions in which the offsets that a side has are further than
// those it is to have, or for which it is to have none.
func Ahead(want, have offset.Document) ([]string, error) {
	wanted, errWanted := PositionsOf(want)
	there, errHave := PositionsOf(have)
	if err := errors.Join(errWanted, errHave); err != nil {
		return nil, err
	}
	var further []string
	for _, where := range wanted.Ahead(there) {
		further = append(further, where.String())
	}
	return further, nil
}
