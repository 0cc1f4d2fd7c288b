package kafka

import (
	"context"
	"slices"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

const (
	// offsetSamples is of how many connectors offsets are compared. A worker that
	// supports exactly-once reads its whole topic to tell them.
	offsetSamples = 3
	// offsetLooks is how often the offsets of one are looked at in a topic.
	offsetLooks = 4
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

// offsets judges a topic as the offsets topic: it says what the REST API says,
// of those connectors of which that tells anything.
func (s *search) offsets(ctx context.Context, found *content) (judgement, error) {
	if found.kind != offsetsKind && found.kind != noKind {
		return judgement{no, "it is no offsets topic"}, nil
	}
	if s.evidence.isOwnTopic(found.topic) {
		return judgement{no, "a connector has it for itself"}, nil
	}
	if s.evidence.Offsets == nil {
		return s.offsetsByName(found), nil
	}
	compared := 0
	for _, name := range s.evidence.sources() {
		told, err := s.tell(ctx, name)
		if err != nil {
			return judgement{}, err
		}
		if told.Len() == 0 && len(found.offsets[name]) == 0 {
			continue // nothing was committed yet
		}
		same, err := s.same(ctx, name, found, told)
		if err != nil {
			return judgement{}, err
		}
		if !same {
			return judgement{no, "it does not hold the offsets that this cluster tells of connector " + name}, nil
		}
		if compared++; compared == offsetSamples {
			break
		}
	}
	if compared == 0 {
		return judgement{maybe, ""}, nil
	}
	return judgement{yes, ""}, nil
}

// tell returns what REST told of a connector when it was first asked.
func (s *search) tell(ctx context.Context, connector string) (offset.Document, error) {
	if told, known := s.told[connector]; known {
		return told, nil
	}
	told, err := s.evidence.Offsets(ctx, connector)
	if err == nil {
		s.told[connector] = told
	}
	return told, err
}

// same compares the offsets of one connector. Those of a running one are
// different at each look, here and there: it is enough that both move, while the
// offsets of a copy that was left elsewhere do not.
func (s *search) same(ctx context.Context, connector string, found *content, told offset.Document) (bool, error) {
	for look := 1; ; look++ {
		if sameKeys, sameValues := agree(told, found.offsets[connector]); sameKeys && sameValues {
			return true, nil
		}
		if look == offsetLooks {
			return false, nil
		}
		if err := wait.For(ctx, lookPause); err != nil {
			return false, err
		}
		again, err := s.client.content(ctx, found.topic, found.partitions, s.evidence.Connectors)
		if err != nil {
			return false, err
		}
		toldAgain, err := s.evidence.Offsets(ctx, connector)
		if err != nil {
			return false, err
		}
		bothMove := !offset.Equal(told, toldAgain) && !equalOffsets(found.offsets[connector], again.offsets[connector])
		if sameKeys, _ := agree(toldAgain, again.offsets[connector]); sameKeys && bothMove {
			return true, nil
		}
		found, told = again, toldAgain
	}
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

func equalOffsets(a, b map[rawjson.Value]rawjson.Value) bool {
	if len(a) != len(b) {
		return false
	}
	for partition, value := range a {
		if b[partition] != value {
			return false
		}
	}
	return true
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
