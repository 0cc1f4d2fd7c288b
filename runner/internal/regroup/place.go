package regroup

import (
	"context"
	"fmt"
	"slices"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/family"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/offsetstore"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// place is where the latest offsets are.
type place string

// The places. On both means that neither side runs and that their offsets are equal.
const (
	onOrigin place = "origin"
	onTarget place = "target"
	onBoth   place = "both"
)

// observe reads all connectors, until none is on its way from one state to another.
func (r *run) observe(ctx context.Context) error {
	return wait.Until(ctx, "the connectors to settle", cluster.StaleTime, func(ctx context.Context) (bool, string, error) {
		unsettled := ""
		for _, side := range []*side{r.origin, r.target} {
			if err := side.each(func(m *member) (err error) {
				m.seen, err = m.Observe(ctx, r.Mask)
				m.config = m.seen.Config
				return err
			}); err != nil {
				return false, "", fmt.Errorf("on %s: %w", side.cluster.Name, err)
			}
			if side.any(onItsWay) {
				unsettled = fmt.Sprintf("%s on %s", side.names(onItsWay), side.cluster.Name)
			}
		}
		return unsettled == "", unsettled, nil
	})
}

// onItsWay reports whether a connector is neither at rest nor awake, or no worker has it yet.
func onItsWay(m *member) bool {
	return m.seen.Exists && (beingCreated(m) || m.seen.State() == m.seen.Rest && !m.seen.AtRest())
}

// place derives where the latest offsets are. begun says that an earlier run began to carry
// them to the target.
//
// No connector of a side starts before all of that side hold their final offsets. So the side
// that runs has the latest. If none runs, a side with a mark was about to get them from the
// other. Without a mark the offsets tell. A side that is paused does not run: a pause that was
// sent before the stop may come after it.
func (r *run) place(ctx context.Context) (where place, begun bool, err error) {
	origin, target := r.origin, r.target
	begun = target.any(r.carriesOn)
	switch {
	case origin.any(awake) && target.any(awake):
		if origin.any(runs) && target.any(runs) {
			return "", begun, &instance.RunningTwiceError{Reason: fmt.Sprintf("%s runs on %s and %s on %s: records are sent twice; stop one side now",
				origin.names(awake), origin.cluster.Name, target.names(awake), target.cluster.Name)}
		}
		return "", begun, cluster.Refused(fmt.Sprintf("%s on %s and %s on %s are both awake; stop those that should not run",
			origin.names(awake), origin.cluster.Name, target.names(awake), target.cluster.Name))
	case origin.any(runs):
		return onOrigin, begun, origin.startedTooEarly()
	case target.any(runs):
		return onTarget, begun, target.startedTooEarly()
	case !origin.any(exists) && !target.any(exists):
		return "", begun, origin.cluster.Absent(origin.names(everyone))
	case !begun:
		return onOrigin, false, nil
	case target.any(marked) && origin.any(marked):
		return "", begun, cluster.Refused("connectors on both sides are marked as unfinished; start those that are right with `ferry start`")
	case target.any(marked):
		return onOrigin, begun, nil
	case origin.any(marked):
		return onTarget, begun, nil
	}
	where, err = r.ahead(ctx)
	switch { // of equal offsets, those of a side that was paused since count
	case where == onBoth && target.any(awake):
		where = onTarget
	case where == onBoth && origin.any(awake):
		where = onOrigin
	}
	return where, begun, err
}

// carriesOn reports whether a connector on the target is part of what an earlier run began. One
// without a mark had its final offsets and may be started at any moment; or it is of somebody else
// and only has the name. Then it lists other things.
func (r *run) carriesOn(m *member) bool {
	return exists(m) && !waits(m) && (marked(m) || awake(m) || r.origin.any(func(from *member) bool { return r.alike(from, m) }))
}

// alike reports whether two connectors have something in common that they list.
func (r *run) alike(from, to *member) bool {
	if !exists(from) || from.own(r.request.List, r.sink) != nil || to.own(r.request.List, r.sink) != nil {
		return true // not known
	}
	lists := func(owner owner) func(string) bool {
		return func(item string) bool { return slices.Contains(owner.items, item) || owner.matches(item) }
	}
	return slices.ContainsFunc(to.owner.items, lists(from.owner)) || slices.ContainsFunc(from.owner.items, lists(to.owner))
}

// startedTooEarly refuses a side of which a connector runs although another, or it itself, does
// not have its offsets yet: somebody started it, and which offsets are the latest is not known.
func (s *side) startedTooEarly() error {
	if !s.any(marked) {
		return nil
	}
	return cluster.Refused(fmt.Sprintf("%s on %s was started before %s had the final offsets; stop it, and find out who started it, or, if it has them, take the setting ferry.offsets out of its config",
		s.names(awake), s.cluster.Name, s.names(marked)))
}

func runs(m *member) bool { return awake(m) && m.seen.State() != connect.Paused }

// ahead compares the offsets of two sides at rest.
func (r *run) ahead(ctx context.Context) (place, error) {
	if err := r.own(); err != nil {
		return "", err
	}
	if err := r.open(ctx); err != nil {
		return "", err
	}
	have := func(m *member) offset.Document { return m.have }
	ours, err := r.origin.unite(have)
	if err != nil {
		return "", err
	}
	theirs, err := r.target.unite(have)
	if err != nil {
		return "", err
	}
	kind := family.For(r.origin.members[0].config)
	behind, further := kind.Regressed(ours, theirs), kind.Regressed(theirs, ours)
	switch {
	case offset.Equal(ours, theirs):
		return onBoth, nil
	case len(behind) == 0 && len(further) > 0:
		return onTarget, nil
	case len(further) == 0 && len(behind) > 0:
		return onOrigin, nil
	}
	return "", cluster.Refused(fmt.Sprintf("neither side runs, their offsets differ (%s), and it cannot be told which are the latest; start the right ones with `ferry start`",
		offset.Compare(ours, theirs)))
}

// own reads what each connector owns.
func (r *run) own() error {
	var against []string
	for _, side := range []*side{r.origin, r.target} {
		for _, m := range side.members {
			if m.config.Len() == 0 {
				continue
			}
			if err := m.own(r.request.List, r.sink); err != nil {
				against = append(against, err.Error())
			}
		}
	}
	return refuse(against)
}

// own reads what the connector owns: by a list, or, if that is zero, by what is known of its class.
func (m *member) own(list family.List, sink bool) (err error) {
	if list.Setting == "" {
		var known bool
		if list, known = family.ListOf(m.config, sink); !known {
			return fmt.Errorf("what %s reads is not listed in a setting that ferry knows (%s); name it with --list SETTING and --field FIELD, or leave it as it is",
				m.Name, family.For(m.config).Name)
		}
	}
	if m.owner, err = ownerOf(list, m.config); err != nil {
		return fmt.Errorf("%s: %w", m.Name, err)
	}
	if len(m.owner.items) == 0 {
		return fmt.Errorf("%s lists nothing in %s", m.Name, list.Setting)
	}
	return nil
}

// open opens the stores of all connectors by one method, and reads those that exist.
func (r *run) open(ctx context.Context) error {
	err := r.openBy(ctx, offsetstore.ByREST)
	if !offsetstore.IsUnreadable(err) || r.sink {
		return err
	}
	for _, of := range []*cluster.Cluster{r.origin.cluster, r.target.cluster} {
		if unknown := of.OffsetTopicKnown(); unknown != nil {
			return cluster.Refused(fmt.Sprintf("%s; they can be copied from topic to topic, but %s", err, unknown))
		}
	}
	return r.openBy(ctx, offsetstore.ByTopic)
}

func (r *run) openBy(ctx context.Context, method offsetstore.Method) error {
	r.method = method
	for _, side := range []*side{r.origin, r.target} {
		if err := side.each(func(m *member) (err error) {
			as := m.seen
			if !as.Exists {
				as = instance.Observed{Config: m.config}
				as.Status.Type = r.kind
			}
			if m.store, err = offsetstore.Open(m.RetryLonger(), as, method); err != nil || !m.seen.Exists {
				return err
			}
			m.have, err = m.read(ctx)
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}
