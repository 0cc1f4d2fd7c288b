package mirror

import (
	"context"
	"errors"

	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
)

// Accounts compares the offsets of a sink at rest on two Kafka clusters. The target's are
// a translation of the origin's if they have the same partitions and are not ahead of a
// translation made now: an earlier one can only be less exact. It returns that
// translation with the records that are sent again from the target's offsets, or nil if
// they are not a translation or that cannot be determined.
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

// Ahead lists the partitions in which have is ahead of want, or which want lacks.
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
