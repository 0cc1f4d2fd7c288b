// Package config reads the settings of a connector that a move depends on, and makes the
// config of its copy. The rest of a config stays opaque.
package config

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/secret"
)

// The settings by which a connector's producers and consumers use another Kafka than its
// workers (KIP-458).
const (
	ProducerServers = "producer.override.bootstrap.servers"
	ConsumerServers = "consumer.override.bootstrap.servers"
)

// Class returns the connector's class, as the config writes it.
func Class(config rawjson.Object) string { return config.Text("connector.class") }

// GroupOverride gives a sink a consumer group of its own choice.
const GroupOverride = "consumer.override.group.id"

// Group returns the consumer group of a sink (Worker.baseConsumerConfigs,
// SinkUtils.consumerGroupId). A worker may override it too, which REST does not show.
func Group(connector string, config rawjson.Object) string {
	if group := config.Text(GroupOverride); group != "" {
		return group
	}
	return "connect-" + connector
}

// Topics returns the topics in a sink's "topics" setting.
func Topics(config rawjson.Object) []string {
	return strings.FieldsFunc(config.Text("topics"), func(c rune) bool { return c == ',' || c == ' ' })
}

// OwnTopic returns a source's own offsets topic, "" if it has none (KIP-618, Kafka 3.3).
func OwnTopic(config rawjson.Object) string { return config.Text("offsets.storage.topic") }

// worthWaiting is the shortest linger.ms to wait for: the last commit itself waits for
// records in flight, for offset.flush.timeout.ms (5 s).
const worthWaiting = time.Second

// Linger returns how long a source's own producer may keep records before it sends
// them (linger.ms), 0 if that is too short to matter.
func Linger(config rawjson.Object) time.Duration {
	milliseconds, err := strconv.ParseInt(config.Text("producer.override.linger.ms"), 10, 32)
	if linger := time.Duration(milliseconds) * time.Millisecond; err == nil && linger >= worthWaiting {
		return linger
	}
	return 0
}

// Copy returns the config of a copy under a name. set overrides settings and unset
// removes some; the marks of earlier moves are removed too.
func Copy(config rawjson.Object, name string, set map[string]string, unset []string) rawjson.Object {
	config = WithoutMarks(config).With("name", rawjson.String(name))
	for _, key := range slices.Sorted(maps.Keys(set)) {
		config = config.With(key, rawjson.String(set[key]))
	}
	for _, key := range unset {
		config = config.Without(key)
	}
	return config
}

// Differing lists the settings in which two configs differ, without their values.
func Differing(a, b rawjson.Object) []string {
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

// Shown returns a setting for people: its value, *** for what probably is a secret, "" if it
// is not set.
func Shown(config rawjson.Object, key string) string {
	value := config.Text(key)
	if secret.InConfig(key, value) {
		return secret.New(value).String()
	}
	return value
}

// Differences compares the configs of a connector on both sides, without ferry's marks and the
// name. Secrets are masked, see [Shown].
func Differences(origin, target rawjson.Object) []event.SettingDifference {
	origin, target = WithoutMarks(origin).Without("name"), WithoutMarks(target).Without("name")
	var found []event.SettingDifference
	for _, key := range Differing(origin, target) {
		found = append(found, event.SettingDifference{Setting: key, Origin: Shown(origin, key), Target: Shown(target, key)})
	}
	return found
}

// references are what a config provider resolves, ${provider:path:key}. They name a secret and
// are none.
var references = regexp.MustCompile(`\$\{[^}:]+:[^}]*\}`)

// IsSecret reports whether a setting may hold a secret in clear: its name or its value gives it
// away, or a worker defines it as a password.
func IsSecret(key, value string, defined connect.Definition) bool {
	literal := references.ReplaceAllString(value, "")
	return secret.InConfig(key, literal) || defined.Type == "PASSWORD" && literal != ""
}

// WithoutSecrets returns a config in which *** stands for each secret, see [IsSecret].
func WithoutSecrets(config rawjson.Object, defined map[string]connect.Definition) rawjson.Object {
	for _, key := range config.Keys() {
		if value := config.Text(key); IsSecret(key, value, defined[key]) {
			config = config.With(key, rawjson.String(secret.New(value).String()))
		}
	}
	return config
}

// Masked lists the settings that show a mask instead of a value: some proxies and managed
// services hide passwords, and a copy would use the mask.
func Masked(config rawjson.Object) []string {
	var masked []string
	for _, key := range config.Keys() {
		value := config.Text(key)
		if value == "[hidden]" || len(value) > 2 && strings.Trim(value, "*") == "" {
			masked = append(masked, key)
		}
	}
	return masked
}

// Learn teaches a mask, which may be nil, the values that look like secrets, so that they
// are masked in workers' messages too.
func Learn(mask *secret.Mask, config rawjson.Object) {
	if mask == nil {
		return
	}
	for _, key := range config.Keys() {
		mask.Add(secret.FromConfig(key, config.Text(key))...)
	}
}
