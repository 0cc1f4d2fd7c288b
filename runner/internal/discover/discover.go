// Package discover finds the internal topics of a Connect cluster, which REST does not
// name, by what the compacted topics of its Kafka hold.
package discover

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/connect-ferry/connect-ferry/runner/internal/kafka"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
	"github.com/connect-ferry/connect-ferry/runner/internal/words"
)

// Topic is one of a Connect cluster's own topics, or why it is not known.
type Topic struct {
	Name string // "" if it is not known
	Err  error  // why it is not known, or why the name that was given is wrong
}

// Topics are a Connect cluster's own topics.
type Topics struct{ Offsets, Status, Config Topic }

// TopicNames are names of topics; "" is one that was not given.
type TopicNames struct{ Offsets, Status, Config string }

const (
	// findLimit bounds the search.
	findLimit = 30 * time.Second
	// findTries is how often it looks again when something does not agree: a
	// connector may run, or change, between two looks.
	findTries = 3
	// findPause is between two tries.
	findPause = 200 * time.Millisecond
)

// Find finds those of a Connect cluster's topics that were not given, among
// the compacted topics of its Kafka, and looks whether those that were given are
// the cluster's.
//
// A topic is found when it holds what only this cluster's can hold, or when the
// cluster gives nothing to go by, as a new one, and there is only one that could
// be it. Otherwise it is not known, and its Err says why and what to do. Only
// that the search failed as a whole is an error.
//
// gather asks the REST API, once for each try.
func Find(ctx context.Context, client *kafka.Client, given TopicNames, gather func(context.Context) (Evidence, error)) (Topics, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, findLimit, fmt.Errorf("not done within %s", findLimit))
	defer cancel()
	for try := 1; ; try++ {
		evidence, err := gather(ctx)
		if err != nil {
			return Topics{}, failed(ctx, client, err)
		}
		search := &search{client: client, evidence: evidence, contents: map[string]*content{}, unreadable: map[string]error{}}
		search.read = func(ctx context.Context, topic string, partitions int) (*content, error) {
			return read(ctx, client, topic, partitions, evidence.Connectors)
		}
		topics, err := search.run(ctx, given)
		if err != nil {
			return Topics{}, failed(ctx, client, err)
		}
		if !search.doubtful || try == findTries {
			return topics, nil
		}
		if err := wait.For(ctx, findPause); err != nil {
			return Topics{}, err
		}
	}
}

func failed(ctx context.Context, client *kafka.Client, err error) error {
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return fmt.Errorf("kafka %s: find the topics of the Connect cluster: %w", client.Brokers(), err)
}

// search is one try.
type search struct {
	client     *kafka.Client
	read       func(ctx context.Context, topic string, partitions int) (*content, error)
	evidence   Evidence
	contents   map[string]*content // by topic
	unreadable map[string]error    // by topic
	all        bool                // every compacted topic was looked at
	doubtful   bool                // looking again may help
	// complete says that what comes before is known and all could be read. What is
	// left over means nothing without that, and offsets in the wrong topic are lost.
	complete bool
}

// role is what a topic is to a Connect cluster.
type role struct {
	setting string // in the clusters file
	judge   func(ctx context.Context, topics []string) (map[string]judgement, error)
}

func (s *search) run(ctx context.Context, given TopicNames) (Topics, error) {
	one := func(judge func(*content) judgement) func(context.Context, []string) (map[string]judgement, error) {
		return func(_ context.Context, names []string) (map[string]judgement, error) {
			judged := map[string]judgement{}
			for _, name := range names {
				judged[name] = judge(s.contents[name])
			}
			return judged, nil
		}
	}
	var topics Topics
	s.complete = true
	taken := map[string]bool{given.Config: true, given.Status: true, given.Offsets: true}
	for _, each := range []struct {
		role
		given string
		found *Topic
	}{
		// In the order in which one tells most; what is taken is out of the question
		// for the next.
		{role{"kafka.config_storage_topic", one(s.evidence.config)}, given.Config, &topics.Config},
		{role{"kafka.status_storage_topic", one(s.evidence.status)}, given.Status, &topics.Status},
		{role{"kafka.offset_storage_topic", s.offsets}, given.Offsets, &topics.Offsets},
	} {
		var err error
		if each.given != "" {
			*each.found, err = s.check(ctx, each.role, each.given, taken)
		} else {
			*each.found, err = s.find(ctx, each.role, taken)
		}
		if err != nil {
			return Topics{}, err
		}
		taken[each.found.Name] = true
		s.complete = s.complete && each.found.Name != ""
	}
	return topics, nil
}

// check looks whether the topic that was given can be the cluster's.
func (s *search) check(ctx context.Context, role role, name string, taken map[string]bool) (Topic, error) {
	counts, err := s.client.Partitions(ctx, name)
	if err != nil {
		return Topic{}, err
	}
	if counts[name] == 0 {
		return Topic{Err: fmt.Errorf("topic %q, given as %s, does not exist", name, role.setting)}, nil
	}
	if err := s.load(ctx, counts); err != nil {
		return Topic{}, err
	}
	if _, readable := s.contents[name]; !readable {
		return Topic{Name: name}, nil // whoever reads it will say why it cannot be read
	}
	judged, err := role.judge(ctx, []string{name})
	if err != nil || judged[name].fit != no {
		return Topic{Name: name}, err
	}
	s.doubtful = true
	wrong := fmt.Sprintf("topic %q, given as %s, is not this cluster's: %s", name, role.setting, judged[name].why)
	right, err := s.find(ctx, role, taken)
	if err != nil {
		return Topic{}, err
	}
	if right.Name != "" {
		wrong += fmt.Sprintf("; %q is", right.Name)
	}
	return Topic{Err: errors.New(wrong)}, nil
}

// find looks for the one topic that is, or can only be, the cluster's.
func (s *search) find(ctx context.Context, role role, taken map[string]bool) (Topic, error) {
	if err := s.loadAll(ctx); err != nil {
		return Topic{}, err
	}
	s.complete = s.complete && len(s.unreadable) == 0
	names := slices.DeleteFunc(sorted(s.contents), func(name string) bool { return taken[name] })
	judged, err := role.judge(ctx, names)
	if err != nil {
		return Topic{}, err
	}
	candidates := map[fit][]string{}
	for _, name := range names {
		candidates[judged[name].fit] = append(candidates[judged[name].fit], name)
	}
	best := candidates[yes]
	if len(best) == 0 {
		best = s.alive(candidates[maybe])
	}
	switch {
	case len(best) == 1 && len(candidates[yes]) == 0 && !s.complete:
		return Topic{Err: fmt.Errorf("it may be %s, but not all of the rest is known%s: name the right one as %s in the clusters file",
			best[0], s.hidden(), role.setting)}, nil
	case len(best) == 1:
		return Topic{Name: best[0]}, nil
	case len(best) > 1:
		s.doubtful = len(candidates[yes]) > 1
		return Topic{Err: fmt.Errorf("it can be any of the topics %s: name the right one as %s in the clusters file",
			strings.Join(best, ", "), role.setting)}, nil
	default:
		s.doubtful = true
		return Topic{Err: fmt.Errorf("no compacted topic of this Kafka holds what this cluster's would%s: name it as %s in the clusters file",
			s.hidden(), role.setting)}, nil
	}
}

// alive prefers topics in which a leader left its session key, if there are any.
func (s *search) alive(names []string) []string {
	var alive []string
	for _, name := range names {
		if s.contents[name].session {
			alive = append(alive, name)
		}
	}
	if len(alive) > 0 {
		return alive
	}
	return names
}

func (s *search) hidden() string {
	if len(s.unreadable) == 0 {
		return ""
	}
	first := sorted(s.unreadable)[0]
	return fmt.Sprintf(" (%s could not be read, first %s: %v)", words.Count(len(s.unreadable), "topic"), first, s.unreadable[first])
}

// loadAll reads every compacted topic.
func (s *search) loadAll(ctx context.Context) error {
	if s.all {
		return nil
	}
	candidates, err := s.client.Compacted(ctx)
	if err != nil {
		return err
	}
	s.all = true
	return s.load(ctx, candidates)
}

// readers is how many topics are read at once.
const readers = 4

// load reads topics, given with their numbers of partitions.
func (s *search) load(ctx context.Context, topics map[string]int) error {
	names := sorted(topics)
	contents, failures := make([]*content, len(names)), make([]error, len(names))
	group, groupContext := errgroup.WithContext(ctx)
	group.SetLimit(readers)
	for i, name := range names {
		if _, known := s.contents[name]; known {
			continue
		}
		group.Go(func() error {
			contents[i], failures[i] = s.read(groupContext, name, topics[name])
			return nil
		})
	}
	_ = group.Wait() // no goroutine returns an error
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	for i, name := range names {
		if failures[i] != nil {
			s.unreadable[name] = failures[i]
		} else if contents[i] != nil {
			s.contents[name] = contents[i]
		}
	}
	return nil
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
