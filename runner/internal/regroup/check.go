package regroup

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/check"
	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/offsetstore"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/secret"
)

// check runs every check of a regrouping, and collects every reason against it. It fills in
// what each connector is to become, and the snapshot of the offsets.
func (r *run) check(ctx context.Context, begun bool) error {
	return r.step("check", func() (string, error) {
		var against []string
		look := func(looks ...func(context.Context, bool) error) error {
			for _, look := range looks {
				switch err := look(ctx, begun); {
				case err != nil && !cluster.IsRefused(err):
					return err
				case err != nil:
					against = append(against, err.Error())
				}
			}
			return nil
		}
		if err := look(r.checkStates, r.checkClusters, r.checkConfigs); err != nil {
			return "", err
		}
		if r.configsMade() { // what follows is about them
			if err := look(r.checkMade, r.checkGroups, r.checkOwners, r.checkMoves); err != nil {
				return "", err
			}
		}
		return fmt.Sprintf("%s, each with one owner", event.Entries(r.result.Entries)), refuse(against)
	})
}

func (r *run) configsMade() bool {
	return r.target.all(func(m *member) bool { return m.config.Len() > 0 })
}

// checkStates refuses connectors of the origin that do not run, unless an earlier run stopped
// them: the target's run when the regrouping ends.
func (r *run) checkStates(_ context.Context, begun bool) error {
	var against []string
	for _, m := range r.origin.members {
		state := m.seen.State()
		switch {
		case !m.seen.Exists:
			against = append(against, m.Cluster.Absent(m.Name).Error())
		case !begun && (state == connect.Paused || !awake(m)):
			against = append(against, fmt.Sprintf("%s is %s on %s; start it, or leave it out", m.Name, state, m.On()))
		case m.seen.Failure() != nil:
			against = append(against, fmt.Sprintf("%s on %s: %s; mend it first", m.Name, m.On(), m.seen.Failure()))
		case m.seen.Sink() != r.sink:
			against = append(against, m.Name+" is not of the kind of the others")
		}
	}
	return refuse(against)
}

func refuse(against []string) error {
	if len(against) == 0 {
		return nil
	}
	return cluster.Refused(strings.Join(against, " | "))
}

// checkClusters refuses workers that cannot do it, and two Kafkas: offsets that are united are
// true of one only.
func (r *run) checkClusters(ctx context.Context, _ bool) error {
	for _, side := range []*side{r.origin, r.target} {
		if _, err := side.cluster.Server(ctx); err != nil {
			return err
		}
		if !side.cluster.Has(cluster.AlterOffsets) {
			return cluster.Refused(fmt.Sprintf("workers of %s have Kafka %s; it takes %s, from which on they stop connectors and take offsets",
				side.cluster.Name, side.cluster.Seen(), cluster.AlterOffsets))
		}
	}
	if r.origin.cluster.OtherKafka(r.target.cluster) {
		return cluster.Refused(fmt.Sprintf("%s and %s are on two Kafka clusters; regroup on one of them, with it as both origin and target, and move what comes of it",
			r.origin.cluster.Name, r.target.cluster.Name))
	}
	return r.RequireHardProof(r.origin.cluster)
}

// checkConfigs makes the configs of the connectors on the target.
func (r *run) checkConfigs(context.Context, bool) error {
	for _, m := range r.target.members {
		m.config = rawjson.Object{}
	}
	if err := r.own(); err != nil {
		return err
	}
	if r.request.Form == Split {
		return r.divide()
	}
	return r.join()
}

// checkOwners makes sure that every partition has one owner on either side.
func (r *run) checkOwners(ctx context.Context, _ bool) error {
	if err := r.own(); err != nil {
		return err
	}
	if err := r.open(ctx); err != nil {
		return err
	}
	have := func(m *member) offset.Document { return m.have }
	united, err := r.origin.unite(have)
	if err != nil {
		return err
	}
	if behind := r.origin.others(have); behind > 0 {
		r.note(event.Warn, "%s of %s belong to nothing that they list, and stay behind", event.Entries(behind), r.origin.cluster.Name)
	}
	for _, m := range r.origin.members {
		r.noteAssigned(ctx, m)
		if own, others := m.owned(m.have); len(own) == 0 && len(others) > 0 {
			return cluster.Refused(fmt.Sprintf("%s has %s, and none is of what its %s lists, such as %s: it would be read from its beginning",
				m.Name, event.Entries(len(others)), m.owner.list.Setting, others[0].Partition))
		}
	}
	r.result.Entries = united.Len()
	return r.onlyOwners(r.known(united))
}

// known are the names that are known to be read: of the offsets, and of the tasks.
func (r *run) known(united offset.Document) []string {
	names := map[string]bool{}
	for _, entry := range united.Entries() {
		if name, named := r.origin.members[0].owner.nameOf(entry.Partition); named {
			names[name] = true
		}
	}
	for _, partition := range r.assigned {
		if name := r.origin.members[0].owner.readBy(partition); name != "" {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// onlyOwners refuses names that no or several connectors of a side list.
func (r *run) onlyOwners(known []string) error {
	var against []string
	for _, name := range known {
		for _, side := range []*side{r.origin, r.target} {
			lists := func(m *member) bool { return m.owner.matches(name) }
			owners := slices.DeleteFunc(slices.Clone(side.members), func(m *member) bool { return !lists(m) })
			switch {
			case len(owners) == 0 && side == r.target:
				against = append(against, fmt.Sprintf("%s would be read by none of %s", name, side.names(everyone)))
			case len(owners) == 0: // its tasks read it
				against = append(against, fmt.Sprintf("ferry cannot tell which of %s lists %s, which is read", side.names(everyone), name))
			case len(owners) > 1:
				against = append(against, fmt.Sprintf("%s is read by %s on %s", name, side.names(lists), side.cluster.Name))
			}
		}
	}
	return refuse(against)
}

// partitionsOf are the partitions that the tasks of a connector read. They are not known if its
// tasks do not tell.
func (r *run) partitionsOf(ctx context.Context, m *member) (partitions []string, known bool) {
	if m.owner.list.Assigned == "" {
		return nil, false
	}
	tasks, err := m.RetryLonger().Cluster.Client.TaskConfigs(ctx, m.Name)
	if err != nil {
		r.note(event.Warn, "what the tasks of %s read cannot be seen: %s", m.Name, err)
		return nil, false
	}
	for _, task := range tasks {
		partitions = append(partitions, Items(task.Text(m.owner.list.Assigned))...)
	}
	return partitions, true
}

// noteAssigned notes what the tasks of a connector read before. What is not known is not compared
// later.
func (r *run) noteAssigned(ctx context.Context, m *member) {
	m.snapshot = m.have
	partitions, _ := r.partitionsOf(ctx, m)
	r.assigned = append(r.assigned, partitions...)
}

// checkMoves runs the checks of a move for each pair of a connector on the origin and one that
// takes something over from it. Its clusters remember their plugins meanwhile.
func (r *run) checkMoves(ctx context.Context, _ bool) error {
	var against []string
	origin, target := r.origin.cluster.Remembering(), r.target.cluster.Remembering()
	for _, to := range r.target.members {
		if err := r.freeFor(to); err != nil {
			against = append(against, err.Error())
			continue
		}
		for _, from := range r.origin.members {
			findings, err := r.checkMove(ctx, pair.Request{
				Origin: origin, Target: target, Connector: from.Name, TargetConnector: to.Name, Copy: r.method, AtLeastOnce: r.request.AtLeastOnce,
			}, from, to)
			for _, found := range findings {
				if !slices.Contains(r.result.Checks, found) {
					r.result.Checks = append(r.result.Checks, found)
				}
			}
			if err != nil && !cluster.IsRefused(err) {
				return err
			}
			if err != nil {
				against = append(against, fmt.Sprintf("%s to %s: %s", from.Name, to.Name, err))
			}
		}
	}
	slices.Sort(against)
	return refuse(slices.Compact(against))
}

// freeFor refuses a connector on the target that is not of this regrouping.
func (r *run) freeFor(to *member) error {
	if !to.seen.Exists || marked(to) || waits(to) || r.request.Overwrite {
		return nil
	}
	if differing := config.Differing(config.WithoutMarks(to.seen.Config), to.config); len(differing) > 0 {
		return cluster.Refused(fmt.Sprintf("name %q is taken on %s by a connector with another config (%s); choose another name, delete it there, or replace it with --overwrite",
			to.Name, to.On(), strings.Join(differing, ", ")))
	}
	return nil
}

func (r *run) checkMove(ctx context.Context, request pair.Request, from, to *member) ([]event.Check, error) {
	if offsetstore.IsExternal(from.config) {
		return nil, cluster.Refused("it acknowledges in the system it reads from, so there are no offsets to regroup")
	}
	request.Set, request.Unset = changes(from.config, to.config)
	checker := check.Checker{
		Events: event.Discard{}, Mask: r.Mask, AllowDuplicates: r.Options.Proof.AllowDuplicates,
		Observe: func(context.Context, pair.Request, *secret.Mask) (pair.Observation, error) {
			return pair.Observation{Origin: from.seen}, nil
		},
	}
	verdict, err := checker.Run(ctx, request)
	var findings []event.Check
	for _, found := range verdict.Findings {
		if found.Warning || !found.OK {
			found.Reason = from.Name + ": " + found.Reason
			findings = append(findings, found)
		}
	}
	return findings, err
}

// changes returns what makes one config the other.
func changes(from, to rawjson.Object) (set map[string]string, unset []string) {
	set = map[string]string{}
	for _, key := range config.Differing(config.WithoutMarks(from), to) {
		if _, there := to.Get(key); !there {
			unset = append(unset, key)
		} else if key != "name" {
			set[key] = to.Text(key)
		}
	}
	return set, unset
}

// checkBack prepares an undo: what each connector owns, and the stores.
func (r *run) checkBack(ctx context.Context) error {
	return r.step("check", func() (string, error) {
		if err := r.checkClusters(ctx, true); err != nil {
			return "", err
		}
		if err := errors.Join(r.own(), r.checkGroups(ctx, true), r.open(ctx)); err != nil {
			return "", err
		}
		for _, m := range r.target.members {
			r.noteAssigned(ctx, m)
		}
		return "", nil
	})
}
