package move

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/secret"
)

// Two settings that a resting copy can carry. The clusters are the only ledger,
// and once a connector is stopped they do not tell in which state its copy is to
// end.
//
// keepStateKey is on the target's copy of a connector that was PAUSED or STOPPED
// when its move began. A stopped copy without it belongs to a move of a connector
// that ran, to be finished; that is the usual case, and it costs nothing while
// the connector stands still. A paused copy loses it at the end of the move, a
// stopped one at `ferry start`. After a rollback the copy that was left behind
// carries [idle], so that the next move does not take itself for a continued one.
//
// backStateKey is on the origin's copy from the beginning of a rollback to its
// end. It is a setting of its own because an origin may have been the target of
// an earlier move and still carry the other.
const (
	keepStateKey = "ferry.keep.state"
	backStateKey = "ferry.back.state"
)

const idle connect.State = "IDLE"

// copyConfig returns the config for the target.
func copyConfig(config rawjson.Object, request Request) rawjson.Object {
	config = withoutMarks(config).With("name", rawjson.String(request.targetName()))
	for _, key := range slices.Sorted(maps.Keys(request.Set)) {
		config = config.With(key, rawjson.String(request.Set[key]))
	}
	for _, key := range request.Unset {
		config = config.Without(key)
	}
	return config
}

func withKeepState(config rawjson.Object, state connect.State) rawjson.Object {
	return config.With(keepStateKey, rawjson.String(string(state)))
}

func withBackState(config rawjson.Object, state connect.State) rawjson.Object {
	return config.With(backStateKey, rawjson.String(string(state)))
}

func withoutMarks(config rawjson.Object) rawjson.Object {
	return config.Without(keepStateKey).Without(backStateKey)
}

func keepState(config rawjson.Object) connect.State { return connect.State(config.Text(keepStateKey)) }
func backState(config rawjson.Object) connect.State { return connect.State(config.Text(backStateKey)) }

// differingKeys names the settings in which two configs differ, without values.
func differingKeys(a, b rawjson.Object) []string {
	keys := map[string]bool{}
	for _, key := range append(a.Keys(), b.Keys()...) {
		valueA, inA := a.Get(key)
		valueB, inB := b.Get(key)
		if inA != inB || !rawjson.Equal(valueA, valueB) {
			keys[key] = true
		}
	}
	return slices.Sorted(maps.Keys(keys))
}

// maskedKeys names the settings whose value is a mask and not a value: some
// proxies and managed services hide passwords, and a copy would use the mask.
func maskedKeys(config rawjson.Object) []string {
	var masked []string
	for _, key := range config.Keys() {
		value := config.Text(key)
		if value == "[hidden]" || len(value) > 2 && strings.Trim(value, "*") == "" {
			masked = append(masked, key)
		}
	}
	return masked
}

// learn teaches the mask the values of a config that look like secrets, so that
// no message of a worker can carry them out.
func learn(mask *secret.Mask, config rawjson.Object) {
	if mask == nil {
		return
	}
	for _, key := range config.Keys() {
		mask.Add(secret.FromConfig(key, config.Text(key))...)
	}
}

// sinkGroup returns the consumer group of a sink (Worker.baseConsumerConfigs,
// SinkUtils.consumerGroupId; a worker may override it too, which REST does not tell).
func sinkGroup(connector string, config rawjson.Object) string {
	if group := config.Text("consumer.override.group.id"); group != "" {
		return group
	}
	return "connect-" + connector
}

// worthWaiting is from what time on a producer's linger.ms is waited for: a last
// commit waits for what is in flight by itself, for offset.flush.timeout.ms (5 s).
const worthWaiting = time.Second

// heldBack is how long a source's own producer may hold records back.
func heldBack(config rawjson.Object) time.Duration {
	linger, err := strconv.ParseInt(config.Text("producer.override.linger.ms"), 10, 32)
	if held := time.Duration(linger) * time.Millisecond; err == nil && held >= worthWaiting {
		return held
	}
	return 0
}
