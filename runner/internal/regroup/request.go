package regroup

import (
	"fmt"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/family"
	"github.com/connect-ferry/connect-ferry/runner/internal/lease"
)

// Form is the direction of a regrouping.
type Form string

// The forms.
const (
	Consolidate Form = "consolidate" // several on the origin become one on the target
	Split       Form = "split"       // one on the origin becomes several on the target
)

// Request asks to regroup connectors. Origin and Target may be the same cluster.
type Request struct {
	Form           Form
	Origin, Target *cluster.Cluster
	Whole          string // the name of the one
	Parts          []Part // the several
	// Set overrides settings on the target, Unset removes them there.
	Set   map[string]string
	Unset []string
	// List is what the configs list, and which partitions follow it; zero for what is known
	// of the connector's class.
	List family.List
	// Overwrite allows to replace a stopped connector on the target that has another config.
	Overwrite bool
	// MadeSHA256 is the hash of the configs on the target that a plan shows, see
	// [Regrouper.Plan]; "" if there is no plan.
	MadeSHA256 string
	// AtLeastOnce accepts at-least-once delivery on the target for a source that is
	// exactly-once on the origin.
	AtLeastOnce bool
}

// Part is one of the several.
type Part struct {
	Name string
	// Items are what it is to list, of a split.
	Items []string
}

// Names are the names of the parts.
func (r Request) Names() []string {
	names := make([]string, len(r.Parts))
	for i, part := range r.Parts {
		names[i] = part.Name
	}
	return names
}

// Keys are the leases that a run needs.
func (r Request) Keys() []lease.Key {
	several, one := r.Origin.Name, r.Target.Name
	if r.Form == Split {
		several, one = one, several
	}
	keys := []lease.Key{{Cluster: one, Connector: r.Whole}}
	for _, part := range r.Parts {
		keys = append(keys, lease.Key{Cluster: several, Connector: part.Name})
	}
	return keys
}

// refused is a request that makes no sense whatever the clusters say.
func (r Request) refused() error {
	seen := map[string]bool{r.Whole: true}
	for _, part := range r.Parts {
		switch {
		case part.Name == r.Whole:
			return cluster.Refused(fmt.Sprintf("%q is the name of the one and of a part; give the one a name of its own", part.Name))
		case seen[part.Name]:
			return cluster.Refused(fmt.Sprintf("part %q is named twice", part.Name))
		case r.Form == Split && len(part.Items) == 0:
			return cluster.Refused(fmt.Sprintf("part %q lists nothing", part.Name))
		}
		seen[part.Name] = true
	}
	if len(r.Parts) < 2 {
		return cluster.Refused(fmt.Sprintf("to %s takes at least two parts; for one, use `ferry move`", r.Form))
	}
	if (r.List.Setting == "") != (r.List.Field == "") {
		return cluster.Refused("a list needs both its setting and the field of the partitions that names its items")
	}
	return nil
}
