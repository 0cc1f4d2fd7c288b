package move

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/proof"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// places opens where a move's offsets are on both sides, on the way that what is
// known of it asks for. That a null makes REST impossible is not known here.
func (r Request) places(observed Observation) (from, to place, way Way, err error) {
	way = r.way(observed.Origin.sink())
	from, to, err = r.on(way, observed)
	return from, to, way, err
}

// on opens both places on one way.
func (r Request) on(way Way, observed Observation) (from, to place, err error) {
	if r.Origin != r.Target && external(observed.Origin.Config) {
		return nowhere{}, nowhere{}, nil
	}
	target := observed.Target
	if !target.Exists {
		target = Side{Config: copyConfig(observed.Origin.Config, r), Status: observed.Origin.Status}
	}
	if from, err = way.place(r.Origin, r.Connector, observed.Origin); err != nil {
		return nil, nil, err
	}
	to, err = way.place(r.Target, r.targetName(), target)
	return from, to, err
}

// way is the way that the versions allow, of which the origin is read and the
// target is written, or the one that was asked for. A rollback has its own: from
// 3.5, which REST can read and not write, a move goes by REST and back by topic.
func (r Request) way(sink bool) Way {
	able := r.Origin.has(stopSince) && r.Target.has(alterOffsetsSince)
	switch {
	case sink && able:
		return ByREST
	case sink:
		return ByGroup
	case r.Copy == ByTopic, r.Copy != ByREST && !able:
		return ByTopic
	default:
		return ByREST
	}
}

// opened is where the offsets of a move are, and what the side it starts from holds.
type opened struct {
	way      Way
	from, to place
	document offset.Document
	how      string // for people
}

// open opens the places of a move's offsets and reads those of the side it starts
// from. Offsets that REST cannot carry are read from the topics, if those are known.
func (r Request) open(ctx context.Context, observed Observation) (opened, error) {
	from, to, way, err := r.places(observed)
	if err != nil {
		return opened{}, r.sayVersions(way, err)
	}
	how := map[Way]string{
		ByREST:  "all readable by REST",
		ByTopic: "as records of the offsets topic, byte for byte",
		ByGroup: "of the consumer group",
	}
	document, err := from.read(ctx)
	unreadable, ok := errors.AsType[*proof.UnreadableError](err)
	if !ok {
		if err != nil {
			err = fmt.Errorf("%s: %w", r.Origin.Name, err)
		}
		return opened{way: way, from: from, to: to, document: document, how: how[way]}, err
	}
	if r.Copy == ByREST {
		return opened{}, refused(unreadable.Error())
	}
	if err := r.topicsKnown(); err != nil {
		return opened{}, refused(fmt.Sprintf("%s; they can be copied from topic to topic, but %s", unreadable, err))
	}
	if from, to, err = r.on(ByTopic, observed); err != nil {
		return opened{}, err
	}
	if document, err = from.read(ctx); err != nil {
		return opened{}, fmt.Errorf("%s: %w", r.Origin.Name, err)
	}
	return opened{way: ByTopic, from: from, to: to, document: document, how: how[ByTopic] + ", since REST cannot carry them"}, nil
}

// sayVersions adds to a refusal what version would make the Kafka unnecessary.
func (r Request) sayVersions(way Way, err error) error {
	if way == ByREST || r.Copy == ByTopic {
		return err
	}
	return refused(fmt.Sprintf("offsets can only be read by REST from Apache Kafka %s on, and written from %s on (%s has %s, %s has %s): %s",
		stopSince, alterOffsetsSince, r.Origin.Name, r.Origin.version.Load(), r.Target.Name, r.Target.version.Load(), err))
}

// back is the request of a rollback: the move the other way.
func (r Request) back() Request {
	r.Origin, r.Target = r.Target, r.Origin
	r.Connector, r.TargetConnector = r.targetName(), r.Connector
	r.Set, r.Unset = nil, nil
	return r
}

func (o Observation) back() Observation { return Observation{Origin: o.Target, Target: o.Origin} }

// patient is a request whose clusters are tried for longer.
func (r Request) patient(patience time.Duration) Request {
	r.Origin, r.Target = r.Origin.patient(patience), r.Target.patient(patience)
	return r
}

// topicsKnown returns an error that says which offsets topic is not known.
func (r Request) topicsKnown() error {
	for _, cluster := range []*Cluster{r.Origin, r.Target} {
		if cluster.Offsets == nil {
			return fmt.Errorf("the Kafka of %s is not named in the clusters file", cluster.Name)
		}
		if _, err := cluster.Offsets(""); err != nil {
			return err
		}
	}
	return nil
}

// ownTopic is the offsets topic of a source of its own (KIP-618, Kafka 3.3).
func ownTopic(config rawjson.Object) string { return config.Text("offsets.storage.topic") }

// sharesTopic reports whether both sides keep the connector's offsets under one
// name in one topic, so that what is written on one side is read on the other.
func (r Request) sharesTopic(origin, target rawjson.Object, oneKafka bool) bool {
	if !oneKafka || r.Connector != r.targetName() {
		return false
	}
	const servers = "producer.override.bootstrap.servers"
	if own := ownTopic(origin); own != "" || ownTopic(target) != "" {
		return own == ownTopic(target) && origin.Text(servers) == target.Text(servers)
	}
	if r.topicsKnown() != nil {
		return false
	}
	ours, _ := r.Origin.Offsets("")
	theirs, _ := r.Target.Offsets("")
	return ours.Name() == theirs.Name()
}
