package regroup

import (
	"context"
	"fmt"
	"slices"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/family"
)

// checkGroups refuses sinks of which two have one consumer group: the offsets that one of them
// gets would be the other's too. It refuses those with a group beside it as well: it is not
// divided by topics, and each of several would need its own.
func (r *run) checkGroups(context.Context, bool) error {
	if !r.sink {
		return nil
	}
	var against []string
	named := map[string]string{} // group to connector
	for _, m := range slices.Concat(r.origin.members, r.target.members) {
		if m.config.Len() == 0 {
			continue
		}
		if kind := family.For(m.config); kind.Also != nil && len(kind.Also.Groups) > 0 {
			return cluster.Refused(fmt.Sprintf("%s: its position is also in %s, which cannot be united or divided", kind.Name, kind.Also.In))
		}
		group := config.Group(m.Name, m.config)
		if other := named[group]; other != "" {
			against = append(against, fmt.Sprintf("%s is the consumer group of %s and of %s; give each its own by its %s, or --unset it", group, other, m.Name, config.GroupOverride))
		}
		named[group] = m.Name
	}
	return refuse(against)
}
