package connecttest

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest/hashmap"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

type entry struct {
	Partition rawjson.Value `json:"partition"`
	Offset    rawjson.Value `json:"offset"`
}

type offsetsBody struct {
	Offsets []entry `json:"offsets"`
}

func (c *Cluster) getOffsets(w *worker, r *http.Request) (answer, error) {
	return c.onHerder(func() (answer, error) {
		known, exists := c.catchUp(w).configs[name(r)]
		if !exists {
			return answer{}, errNotFound("Connector " + name(r) + " not found")
		}
		plugin, loaded := c.plugin(known.config.Text("connector.class"))
		if !loaded {
			return answer{}, c.noPlugin(known.config.Text("connector.class"))
		}
		if plugin.Type == "sink" {
			return ok(offsetsBody{c.kafka.groupEntries(sinkGroup(name(r), known.config.Text("consumer.override.group.id")))})
		}
		return ok(c.sourceOffsets(w, name(r), known.config))
	})
}

// sourceOffsets takes the partitions from the worker's memory and only then
// reads the topic to its end (Worker.sourceConnectorOffsets), so a partition that
// is new since the worker last read is missing. With exactly-once sources the
// whole topic is read each time.
func (c *Cluster) sourceOffsets(w *worker, connector string, config rawjson.Object) offsetsBody {
	store := c.store(config)
	if caught := time.Now().Add(-max(w.lag, offsetsLag)); caught.After(w.readTo) {
		w.readTo = caught
	}
	until := w.readTo
	if c.exactlyOnce {
		until = time.Now()
	}
	document := offsetsBody{Offsets: []entry{}}
	for _, partition := range store.partitions(connector, until) {
		value, found := store.get(connector, partition)
		if !found {
			value = rawjson.Null
		}
		document.Offsets = append(document.Offsets, entry{partition, value})
	}
	w.readTo = time.Now()
	return document
}

func (c *Cluster) patchOffsets(w *worker, r *http.Request) (answer, error) {
	request, err := body(r)
	if err != nil {
		return answer{}, err
	}
	entries, err := parseEntries(request)
	if err != nil {
		return answer{}, err
	}
	if len(entries) == 0 {
		return answer{}, errBadRequest("Partitions / offsets need to be provided for an alter offsets request")
	}
	return c.modifyOffsets(w, name(r), entries)
}

func (c *Cluster) deleteOffsets(w *worker, r *http.Request) (answer, error) {
	return c.modifyOffsets(w, name(r), nil)
}

// parseEntries reads ConnectorOffsets; entries of equal partitions collapse, the
// last wins (ConnectorOffsets.toMap).
func parseEntries(request rawjson.Object) ([]entry, error) {
	for _, key := range request.Keys() {
		if key != "offsets" {
			return nil, unrecognized(key, "ConnectorOffsets", `"offsets"`)
		}
	}
	member, _ := request.Get("offsets")
	elements, _ := member.Elements()
	var entries []entry
	places := map[string]int{}
	for _, element := range elements {
		object, err := element.Object()
		if err != nil {
			return nil, errInternal("Cannot construct instance of `" + entities + "ConnectorOffset`")
		}
		for _, key := range object.Keys() {
			if key != "partition" && key != "offset" {
				return nil, unrecognized(key, "ConnectorOffset", `"partition", "offset"`)
			}
		}
		partition, _ := object.Get("partition")
		offset, given := object.Get("offset")
		if !given {
			offset = rawjson.Null
		}
		if place, again := places[partition.Canonical()]; again {
			entries[place] = entry{partition, offset}
			continue
		}
		places[partition.Canonical()] = len(entries)
		entries = append(entries, entry{partition, offset})
	}
	return entries, nil
}

func unrecognized(field, class, known string) error {
	return errInternal(fmt.Sprintf("Unrecognized field %q (class %s%s), not marked as ignorable (known properties: [%s])", field, entities, class, known))
}

// modifyOffsets writes entries, or removes all offsets if entries is nil.
func (c *Cluster) modifyOffsets(w *worker, connector string, entries []entry) (answer, error) {
	return c.writing(w, func() (answer, error) {
		if c.rebalanceDue {
			return answer{}, errStale
		}
		known, exists := c.state.configs[connector]
		if !exists {
			return answer{}, errNotFound("Connector " + connector + " not found")
		}
		if known.target != connect.Stopped || len(known.tasks) > 0 {
			return answer{}, errBadRequest("Connectors must be in the STOPPED state before their offsets can be modified. This can be done " +
				"for the specified connector by issuing a 'PUT' request to the '/connectors/" + connector + "/stop' endpoint")
		}
		plugin, loaded := c.plugin(known.config.Text("connector.class"))
		if !loaded {
			return answer{}, c.noPlugin(known.config.Text("connector.class"))
		}
		var err error
		if plugin.Type == "sink" {
			err = c.modifyGroup(plugin, connector, sinkGroup(connector, known.config.Text("consumer.override.group.id")), entries)
		} else {
			err = c.modifySource(plugin, connector, known.config, entries)
		}
		if err != nil {
			return answer{}, err
		}
		return ok(struct {
			Message string `json:"message"`
		}{modified(plugin, entries == nil)})
	})
}

func modified(plugin Plugin, reset bool) string {
	how := "altered"
	if reset {
		how = "reset"
	}
	if plugin.AltersOffsets {
		return "The offsets for this connector have been " + how + " successfully"
	}
	return "The Connect framework-managed offsets for this connector have been " + how + " successfully. However, if this connector manages " +
		"offsets externally, they will need to be manually " + how + " in the system that the connector uses."
}

// modifySource fences the connector's exactly-once tasks first, whatever becomes
// of the request then (DistributedHerder.modifyConnectorOffsets).
func (c *Cluster) modifySource(plugin Plugin, connector string, config rawjson.Object, entries []entry) error {
	store := c.store(config)
	if c.exactlyOnce {
		c.kafka.fence(c.groupID, connector)
	}
	if entries == nil {
		for _, partition := range store.partitions(connector, time.Now()) {
			entries = append(entries, entry{partition, rawjson.Null})
		}
	}
	for i, given := range entries {
		partition, err := throughConverter(given.Partition)
		if err != nil {
			return err
		}
		offset, err := throughConverter(given.Offset)
		if err != nil {
			return err
		}
		entries[i] = entry{hashmap.Order(partition), offset}
	}
	if plugin.RefusesOffsets != "" {
		return errInternal(plugin.RefusesOffsets)
	}
	for _, given := range entries {
		store.put(connector, given.Partition, given.Offset)
	}
	return nil
}

// modifyGroup is Worker.modifySinkConnectorOffsets: a group with members takes
// no offsets from others.
func (c *Cluster) modifyGroup(plugin Plugin, connector, groupName string, entries []entry) error {
	if entries == nil {
		if found := c.kafka.groups[groupName]; found != nil && len(found.members) > 0 {
			return busyGroup("reset", connector)
		}
		delete(c.kafka.groups, groupName)
		return nil
	}
	parsed := map[topicPartition]*int64{}
	for _, given := range entries {
		partition, offset, err := sinkEntry(given)
		if err != nil {
			return err
		}
		parsed[partition] = offset
	}
	if plugin.RefusesOffsets != "" {
		return errInternal(plugin.RefusesOffsets)
	}
	group := c.kafka.group(groupName)
	if len(group.members) > 0 {
		return busyGroup("alter", connector)
	}
	group.alter(parsed)
	return nil
}

func busyGroup(how, connector string) error {
	return errInternal("Failed to " + how + " consumer group offsets for connector " + connector + " either because its tasks haven't stopped completely yet " +
		"or the connector was resumed before the request to " + how + " its offsets could be successfully completed. If the connector is in a stopped state, " +
		"this operation can be safely retried. If it doesn't eventually succeed, the Connect cluster may need to be restarted to get rid of the zombie sink tasks.")
}

// sinkEntry is SinkUtils.parseSinkConnectorOffsets for one entry.
func sinkEntry(given entry) (topicPartition, *int64, error) {
	partition, err := given.Partition.Object()
	if err != nil {
		return topicPartition{}, nil, errBadRequest("The partition for a sink connector offset cannot be null or missing")
	}
	topic, hasTopic := partition.Get("kafka_topic")
	number, hasNumber := partition.Get("kafka_partition")
	switch {
	case !hasTopic || !hasNumber:
		return topicPartition{}, nil, errBadRequest("The partition for a sink connector offset must contain the keys 'kafka_topic' and 'kafka_partition'")
	case topic.IsNull():
		return topicPartition{}, nil, errBadRequest("Kafka topic names must be valid strings and may not be null")
	case number.IsNull():
		return topicPartition{}, nil, errBadRequest("Kafka partitions must be valid numbers and may not be null")
	}
	parsed, err := strconv.Atoi(plain(number))
	if err != nil {
		return topicPartition{}, nil, errBadRequest("Failed to parse the following Kafka partition value in the provided offsets: '" + plain(number) +
			"'. Partition values for sink connectors need to be integers.")
	}
	where := topicPartition{plain(topic), parsed}
	if given.Offset.IsNull() {
		return where, nil, nil
	}
	offset, err := given.Offset.Object()
	value, hasOffset := offset.Get("kafka_offset")
	if err != nil || !hasOffset {
		return topicPartition{}, nil, errBadRequest("The offset for a sink connector should either be null or contain the key 'kafka_offset'")
	}
	position, err := strconv.ParseInt(plain(value), 10, 64)
	if err != nil {
		return topicPartition{}, nil, errBadRequest("Failed to parse the following Kafka offset value in the provided offsets: '" + plain(value) +
			"'. Offset values for sink connectors need to be integers.")
	}
	return where, &position, nil
}

// plain is String.valueOf: texts and numbers are taken alike.
func plain(value rawjson.Value) string {
	if text, isText := value.Text(); isText {
		return text
	}
	return value.String()
}
