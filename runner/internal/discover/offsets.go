package discover

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/internaltopic"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

const (
	// offsetQuestions is of how many connectors offsets are asked for at most. A
	// worker that supports exactly-once reads its whole topic to tell them.
	offsetQuestions = 20
	// offsetLooks is how often the offsets of one are looked at.
	offsetLooks = 3
	// lookPause is between two looks.
	lookPause = 50 * time.Millisecond
)

// ownTopic is the setting of a connector with an offsets topic of its own.
const ownTopic = "offsets.storage.topic"

// sources returns the source connectors whose offsets are in the cluster's own
// topic, first those that stand still, as their offsets do too.
func (e Evidence) sources() []string {
	var names []string
	for _, name := range sorted(e.Connectors) {
		listed := e.Connectors[name]
		if listed.Status.Type != "sink" && listed.Config.Text(ownTopic) == "" {
			names = append(names, name)
		}
	}
	running := func(name string) int {
		if e.Connectors[name].Status.Connector.State == connect.Running {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(names, func(a, b string) int { return running(a) - running(b) })
	return names
}

// isOwnTopic reports whether a connector has the topic for itself.
func (e Evidence) isOwnTopic(topic string) bool {
	for _, listed := range e.Connectors {
		if listed.Config.Text(ownTopic) == topic {
			return true
		}
	}
	return false
}

// offsets judges topics as the offsets topic: the one that says what the REST API
// says. It asks for one connector after the other until one topic is left.
func (s *search) offsets(ctx context.Context, names []string) (map[string]judgement, error) {
	judged := map[string]judgement{}
	var left []string
	for _, name := range names {
		switch found := s.contents[name]; {
		case found.kind != internaltopic.OffsetsKind && found.kind != internaltopic.NoKind:
			judged[name] = judgement{no, "it is no offsets topic"}
		case s.evidence.isOwnTopic(name):
			judged[name] = judgement{no, "a connector has it for itself"}
		default:
			left = append(left, name)
		}
	}
	compared := false
	for question, connector := range s.evidence.sources() {
		if len(left) == 0 || compared && len(left) == 1 || question == offsetQuestions {
			break
		}
		told, agreeing, err := s.agreeing(ctx, connector, left)
		if connect.IsUnsupported(err) {
			for _, name := range left {
				judged[name] = s.offsetsByName(s.contents[name])
			}
			return judged, nil
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil {
			continue // as of a connector whose plugin is gone, or that is
		}
		for _, name := range left {
			if !slices.Contains(agreeing, name) {
				judged[name] = judgement{no, "it does not hold the offsets that this cluster tells of connector " + connector}
			}
		}
		left = agreeing
		compared = compared || told
	}
	for _, name := range left {
		judged[name] = judgement{maybe, ""}
		if compared {
			judged[name] = judgement{yes, ""}
		}
	}
	return judged, nil
}

// agreeing returns the topics that hold what REST tells of a connector; told is
// false if that is nothing.
//
// The offsets of a connector that runs can be others at each look, here and
// there. If no topic agrees at once it is enough that both move, which the
// offsets of a copy that was left elsewhere do not.
func (s *search) agreeing(ctx context.Context, connector string, topics []string) (told bool, agreeing []string, err error) {
	before, err := s.evidence.Offsets(ctx, connector)
	if err != nil {
		return false, nil, err
	}
	if before.Len() == 0 {
		// A worker may not have noticed the first offset yet, so this says nothing.
		return false, topics, nil
	}
	for look := 1; ; look++ {
		agreeing = s.holding(connector, before, topics)
		if len(agreeing) > 0 {
			still, err := s.refresh(ctx, connector, before, topics, agreeing)
			if err != nil {
				return false, nil, err
			}
			if still {
				return true, s.holding(connector, before, topics), nil
			}
		}
		if look == offsetLooks {
			return true, agreeing, nil
		}
		if err := wait.For(ctx, lookPause); err != nil {
			return false, nil, err
		}
		after, err := s.evidence.Offsets(ctx, connector)
		if err != nil {
			return false, nil, err
		}
		agreeing = nil
		for _, topic := range topics {
			found := s.contents[topic]
			again, err := s.read(ctx, topic, found.partitions)
			if err != nil {
				return false, nil, err
			}
			bothMove := !offset.Equal(before, after) && !maps.Equal(found.offsets[connector], again.offsets[connector])
			if sameKeys, _ := agree(after, again.offsets[connector]); sameKeys && bothMove {
				agreeing = append(agreeing, topic)
			}
			s.contents[topic] = again
		}
		if len(agreeing) > 0 {
			return true, agreeing, nil
		}
		before = after
	}
}

// holding returns the topics that held, when they were read, what REST told.
func (s *search) holding(connector string, told offset.Document, topics []string) []string {
	var holding []string
	for _, topic := range topics {
		if sameKeys, sameValues := agree(told, s.contents[topic].offsets[connector]); sameKeys && sameValues {
			holding = append(holding, topic)
		}
	}
	return holding
}

// refresh reads those of the topics again that held something else, as that was
// before REST was asked: a copy's offsets may have been written in between, which
// are the same as those of its origin. It reports whether REST still tells the same
// after that; if not, the offsets move and the comparison says nothing.
func (s *search) refresh(ctx context.Context, connector string, told offset.Document, topics, holding []string) (still bool, err error) {
	if len(holding) == len(topics) {
		return true, nil
	}
	for _, topic := range topics {
		if slices.Contains(holding, topic) {
			continue
		}
		again, err := s.read(ctx, topic, s.contents[topic].partitions)
		if err != nil {
			return false, err
		}
		s.contents[topic] = again
	}
	now, err := s.evidence.Offsets(ctx, connector)
	return err == nil && offset.Equal(told, now), err
}

// agree compares what REST tells with what lies in a topic. A partition may lie
// there in more than one spelling; REST tells null of one that it cannot rebuild.
func agree(told offset.Document, own map[rawjson.Value]rawjson.Value) (sameKeys, sameValues bool) {
	spellings := map[string][]rawjson.Value{}
	for partition, value := range own {
		spellings[partition.Canonical()] = append(spellings[partition.Canonical()], value)
	}
	sameKeys, sameValues = told.Len() == len(spellings), true
	for _, entry := range told.Entries() {
		values, known := spellings[entry.Partition.Canonical()]
		sameKeys = sameKeys && known
		sameValues = sameValues && (entry.Offset.IsNull() ||
			slices.ContainsFunc(values, func(value rawjson.Value) bool { return rawjson.Equal(value, entry.Offset) }))
	}
	return sameKeys, sameValues
}

// offsetsByName is all there is with workers that tell no offsets (before 3.5).
func (s *search) offsetsByName(found *content) judgement {
	held := 0
	for _, name := range s.evidence.sources() {
		if len(found.offsets[name]) > 0 {
			held++
		}
	}
	if held == 0 {
		return judgement{maybe, ""} // nothing may have been committed
	}
	return judgement{yes, ""}
}
