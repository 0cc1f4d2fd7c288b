package regroup

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/crash"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/family"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/offsetstore"
	"github.com/connect-ferry/connect-ferry/runner/internal/proof"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/resumes"
	"github.com/connect-ferry/connect-ferry/runner/internal/words"
)

// member is one connector of a regrouping.
type member struct {
	instance.Instance
	seen    instance.Observed
	config  rawjson.Object // as it is, or as it is to be
	owner   owner
	store   offsetstore.Store
	created bool            // by this run
	before  offset.Document // of its store when it was created, of an earlier connector of its name
	have    offset.Document // of its store, as last read or written
	was     connect.State   // what it is put back to; "" for RUNNING

	// Of a connector that is brought to rest.
	follower resumes.Follower
	snapshot offset.Document // as it was before
	attempt  *proof.Attempt  // nil until it began
	final    offset.Document
	proof    event.Proof

	want offset.Document // of a connector that is to start
}

// side is the connectors of a regrouping on one cluster.
type side struct {
	cluster *cluster.Cluster
	members []*member
}

func newSide(of *cluster.Cluster, names ...string) *side {
	s := &side{cluster: of}
	for _, name := range names {
		s.members = append(s.members, &member{Instance: instance.Instance{Cluster: of, Name: name}})
	}
	return s
}

// each does something for every member at once, and waits for all. It returns the errors of
// the first, with its name.
func (s *side) each(do func(*member) error) error {
	var group errgroup.Group
	for _, m := range s.members {
		group.Go(func() (err error) {
			defer crash.Catch(&err)
			if err := do(m); err != nil {
				return fmt.Errorf("%s: %w", m.Name, err)
			}
			return nil
		})
	}
	return group.Wait()
}

func (s *side) any(is func(*member) bool) bool { return slices.ContainsFunc(s.members, is) }

func (s *side) all(is func(*member) bool) bool {
	return !s.any(func(m *member) bool { return !is(m) })
}

// names of the members for which something is true, for messages.
func (s *side) names(is func(*member) bool) string {
	var names []string
	for _, m := range s.members {
		if is(m) {
			names = append(names, m.Name)
		}
	}
	return event.Abbreviated(names)
}

// verb is the form of a verb that fits the number of members.
func (s *side) verb(one, several string) string {
	if len(s.members) == 1 {
		return one
	}
	return several
}

func everyone(*member) bool { return true }

// The states that matter here.
func exists(m *member) bool { return m.seen.Exists }

// waits reports whether a connector at rest is part of nothing that was begun: an idle one, or
// one whose cut is to come later. Up to then the others are not ferry's, and may be stopped.
func waits(m *member) bool {
	kept := config.KeepState(m.seen.Config)
	return kept == config.Idle || kept == config.Held || kept == config.Rehearsal
}
func marked(m *member) bool { return m.seen.Exists && config.IsPreliminary(m.seen.Config) }

// awake reports whether a connector is neither at rest nor about to be.
func awake(m *member) bool { return m.seen.Active() && !beingCreated(m) }

func beingCreated(m *member) bool {
	return m.seen.State() == connect.Unassigned && len(m.seen.Tasks) == 0 && len(m.seen.Status.Tasks) == 0
}

// owned divides offsets into those of what the connector lists, and others.
func (m *member) owned(document offset.Document) (own, others []offset.Entry) {
	for _, entry := range document.Entries() {
		if m.owner.owns(entry.Partition) {
			own = append(own, entry)
		} else {
			others = append(others, entry)
		}
	}
	return own, others
}

func (m *member) read(ctx context.Context) (document offset.Document, err error) {
	if document, err = m.store.Read(ctx); err != nil {
		return offset.Document{}, fmt.Errorf("offsets on %s: %w", m.On(), err)
	}
	return document, nil
}

// unite returns the offsets that the members own, of these documents of theirs. A partition
// that two of them own is refused: which of the two is right is not known.
func (s *side) unite(of func(*member) offset.Document) (offset.Document, error) {
	var all []offset.Entry
	holder := map[string]string{}
	twice := map[string]bool{}
	exact := false
	for _, m := range s.members {
		document := of(m)
		exact = exact || document.Exact()
		own, _ := m.owned(document)
		for _, entry := range own {
			key := entry.Partition.Canonical()
			if other := holder[key]; other != "" {
				twice[fmt.Sprintf("%s and %s both have %s", other, m.Name, entry.Partition)] = true
			}
			holder[key] = m.Name
		}
		all = append(all, own...)
	}
	if len(twice) > 0 {
		conflicts := slices.Sorted(maps.Keys(twice))
		return offset.Document{}, cluster.Refused(fmt.Sprintf("%s with two owners on %s: %s; let only one of them list it",
			words.Count(len(conflicts), "partition"), s.cluster.Name, strings.Join(conflicts[:min(3, len(conflicts))], "; ")))
	}
	if exact {
		return offset.NewExact(all...)
	}
	return offset.New(all...)
}

// unlisted are the offsets of what a connector of the other side lists and none of this one lists
// any more, because a config was edited. The latest that is known of them counts: where this side
// came to before, or what the connector has.
func (s *side) unlisted(other *member, of func(*member) offset.Document) []offset.Entry {
	listed := func(entry offset.Entry) bool {
		return !other.owner.owns(entry.Partition) || s.any(func(m *member) bool { return m.owner.owns(entry.Partition) })
	}
	latest := map[string]offset.Entry{}
	keep := func(document offset.Document) {
		for _, entry := range slices.DeleteFunc(document.Entries(), listed) {
			key := entry.Partition.Canonical()
			if known, there := latest[key]; !there || !behind(other, entry, known) {
				latest[key] = entry
			}
		}
	}
	keep(other.have)
	for _, m := range s.members {
		keep(of(m))
	}
	return slices.Collect(maps.Values(latest))
}

// behind reports whether an entry is known to be behind another of the same partition.
func behind(of *member, entry, other offset.Entry) bool {
	now, err := offset.New(entry)
	before, err2 := offset.New(other)
	return err == nil && err2 == nil && len(family.For(of.config).Regressed(before, now)) > 0
}

// others returns how many entries of the members belong to nothing that they list.
func (s *side) others(of func(*member) offset.Document) int {
	count := 0
	for _, m := range s.members {
		_, others := m.owned(of(m))
		count += len(others)
	}
	return count
}
