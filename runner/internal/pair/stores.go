package pair

import (
	"context"
	"fmt"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/offsetstore"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// Stores are the offset stores of both sides, and the method by which offsets are copied.
type Stores struct {
	Method   offsetstore.Method
	From, To offsetstore.Store
}

// External reports whether the connector acknowledges in the system it reads from: then
// there are no offsets to copy.
func (s Stores) External() bool { return s.To == offsetstore.None }

// Stores opens both stores by [Request.Method]. It does not read them, so it cannot tell
// whether REST shows nulls: see [Request.Open].
func (r Request) Stores(seen Observation) (Stores, error) {
	return r.StoresBy(r.Method(seen.Origin.Sink()), seen)
}

// StoresBy opens both stores by one method.
func (r Request) StoresBy(method offsetstore.Method, seen Observation) (stores Stores, err error) {
	stores.Method = method
	if r.Origin != r.Target && offsetstore.IsExternal(seen.Origin.Config) {
		stores.From, stores.To = offsetstore.None, offsetstore.None
		return stores, nil
	}
	target := seen.Target
	if !target.Exists {
		target = instance.Observed{Config: r.CopyConfig(seen.Origin.Config), Status: seen.Origin.Status}
	}
	if stores.From, err = offsetstore.Open(r.From(), seen.Origin, method); err != nil {
		return stores, err
	}
	stores.To, err = offsetstore.Open(r.To(), target, method)
	return stores, err
}

// Method is the method that was asked for, or else the one that the versions allow: the
// origin must be readable and the target writable. A rollback may use another: away from
// Kafka 3.5, whose REST can read but not write, a move goes by REST and back by topic.
func (r Request) Method(sink bool) offsetstore.Method {
	able := r.Origin.Has(cluster.Stop) && r.Target.Has(cluster.AlterOffsets)
	switch {
	case sink && able:
		return offsetstore.ByREST
	case sink:
		return offsetstore.ByGroup
	case r.Copy == offsetstore.ByTopic, r.Copy != offsetstore.ByREST && !able:
		return offsetstore.ByTopic
	default:
		return offsetstore.ByREST
	}
}

// Opened is the stores of a move and the offsets of its origin.
type Opened struct {
	Stores
	Offsets offset.Document
	How     string // for people
}

var how = map[offsetstore.Method]string{
	offsetstore.ByREST:  "all readable by REST",
	offsetstore.ByTopic: "as records of the offsets topic, byte for byte",
	offsetstore.ByGroup: "of the consumer group",
}

// Open opens both stores and reads the origin's offsets. Offsets that REST cannot carry
// are read from the topics, if those are known.
func (r Request) Open(ctx context.Context, seen Observation) (Opened, error) {
	stores, err := r.Stores(seen)
	if err != nil {
		return Opened{}, r.sayVersions(stores.Method, err)
	}
	opened := Opened{Stores: stores, How: how[stores.Method]}
	opened.Offsets, err = stores.From.Read(ctx)
	if !offsetstore.IsUnreadable(err) && !connect.IsFailedOffsets(err) {
		if err != nil {
			err = fmt.Errorf("%s: %w", r.Origin.Name, err)
		}
		return opened, err
	}
	unknown := r.TopicsKnown()
	switch {
	case connect.IsFailedOffsets(err) && (seen.Origin.Sink() || r.Copy == offsetstore.ByREST || unknown != nil):
		return Opened{}, fmt.Errorf("%s: %w", r.Origin.Name, err) // a worker's fault, and no refusal
	case r.Copy == offsetstore.ByREST:
		return Opened{}, cluster.Refused(err.Error())
	case unknown != nil:
		return Opened{}, cluster.Refused(fmt.Sprintf("%s; they can be copied from topic to topic, but %s", err, unknown))
	}
	opened.How = how[offsetstore.ByTopic] + ", since REST cannot carry them"
	if connect.IsFailedOffsets(err) {
		opened.How = how[offsetstore.ByTopic] + ", since the workers fail to read them"
	}
	if opened.Stores, err = r.StoresBy(offsetstore.ByTopic, seen); err != nil {
		return Opened{}, err
	}
	if opened.Offsets, err = opened.From.Read(ctx); err != nil {
		return Opened{}, fmt.Errorf("%s: %w", r.Origin.Name, err)
	}
	return opened, nil
}

// sayVersions adds to a refusal from which versions on REST would be enough.
func (r Request) sayVersions(method offsetstore.Method, err error) error {
	if method == offsetstore.ByREST || r.Copy == offsetstore.ByTopic {
		return err
	}
	return cluster.Refused(fmt.Sprintf("offsets can only be read by REST from Apache Kafka %s on, and written from %s on (%s has %s, %s has %s): %s",
		cluster.Stop, cluster.AlterOffsets, r.Origin.Name, r.Origin.Seen(), r.Target.Name, r.Target.Seen(), err))
}

// TopicsKnown returns nil if the offsets topics of both clusters are known, and an error
// that names the one that is not.
func (r Request) TopicsKnown() error {
	for _, side := range []*cluster.Cluster{r.Origin, r.Target} {
		if err := side.OffsetTopicKnown(); err != nil {
			return err
		}
	}
	return nil
}

// Shared reports whether both sides keep the offsets in one place, a sink's consumer group
// or a source's topic, so that each reads what the other writes. origin and target are the
// configs.
func (r Request) Shared(sink bool, origin, target rawjson.Object) bool {
	if r.Origin.OtherKafka(r.Target) {
		return false
	}
	if sink {
		return config.Group(r.Connector, origin) == config.Group(r.TargetName(), target)
	}
	return r.Connector == r.TargetName() && r.sharesTopic(origin, target)
}

// sharesTopic reports whether the offsets of both sides are in the same topic.
func (r Request) sharesTopic(origin, target rawjson.Object) bool {
	if own := config.OwnTopic(origin); own != "" || config.OwnTopic(target) != "" {
		return own == config.OwnTopic(target) && origin.Text(config.ProducerServers) == target.Text(config.ProducerServers)
	}
	ours, errOurs := r.Origin.OffsetTopic("")
	theirs, errTheirs := r.Target.OffsetTopic("")
	return errOurs == nil && errTheirs == nil && ours.Name() == theirs.Name()
}
