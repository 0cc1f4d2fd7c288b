// Package internaltopic reads and writes the records of Kafka Connect's internal topics,
// as its workers do: offset.storage.topic (KafkaOffsetBackingStore, OffsetUtils),
// status.storage.topic (KafkaStatusBackingStore) and config.storage.topic
// (KafkaConfigBackingStore). It knows no Kafka client.
package internaltopic

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf16"

	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// OffsetKey returns the key under which Connect keeps the offset of a source
// partition: the JSON array of the connector's name and the partition
// (OffsetStorageWriter.doFlush), as Jackson writes it, without spaces. The bytes
// of the partition are kept.
func OffsetKey(connector string, partition rawjson.Value) []byte {
	var key bytes.Buffer
	key.WriteByte('[')
	writeJackson(&key, connector)
	key.WriteByte(',')
	key.WriteString(partition.String())
	key.WriteByte(']')
	return key.Bytes()
}

// writeJackson writes a JSON string as Jackson writes it to bytes
// (UTF8JsonGenerator): quotes, backslashes and control characters are escaped,
// and so is what lies beyond the Basic Multilingual Plane, as two surrogates.
// Everything else is UTF-8.
func writeJackson(to *bytes.Buffer, text string) {
	to.WriteByte('"')
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			to.WriteByte('\\')
			to.WriteRune(c)
		case c < ' ':
			if short := strings.IndexRune("\b\t\n\f\r", c); short >= 0 {
				to.WriteByte('\\')
				to.WriteByte("btnfr"[short])
			} else {
				fmt.Fprintf(to, `\u%04X`, c)
			}
		case c > 0xFFFF:
			high, low := utf16.EncodeRune(c)
			fmt.Fprintf(to, `\u%04X\u%04X`, high, low)
		default:
			to.WriteRune(c)
		}
	}
	to.WriteByte('"')
}

// PartitionOf returns the source partition in a record's key, byte for byte. own
// is false for a key that is not of this connector. The error says why a key
// that is of this connector cannot be carried.
func PartitionOf(key []byte, connector string) (partition rawjson.Value, own bool, err error) {
	elements, wrapped, ok := KeyElements(key)
	if !ok || len(elements) == 0 {
		return rawjson.Value{}, false, nil
	}
	var name *string
	if json.Unmarshal(elements[0], &name) != nil || name == nil || *name != connector {
		return rawjson.Value{}, false, nil
	}
	switch {
	case wrapped:
		return rawjson.Value{}, true, fmt.Errorf("the key %s is in the form of workers with internal.key.converter.schemas.enable=true, "+
			"which is not carried: Connect 3.0 and later would not find it", brief(key))
	case len(elements) != 2:
		return rawjson.Value{}, true, fmt.Errorf("the key %s has %d elements where a name and a partition were expected", brief(key), len(elements))
	}
	if partition, err = rawjson.Parse(elements[1]); err != nil {
		return rawjson.Value{}, true, fmt.Errorf("the partition in the key %s: %w", brief(key), err)
	}
	if !partition.IsObject() {
		return rawjson.Value{}, true, fmt.Errorf("the partition in the key %s is %s where a JSON object was expected", brief(key), partition)
	}
	if own := OffsetKey(connector, partition); !bytes.Equal(own, key) {
		return rawjson.Value{}, true, fmt.Errorf("the key %s was not written the way Connect writes it, which is %s: "+
			"it would not stay the same when it is written again", brief(key), brief(own))
	}
	return partition, true, nil
}

// KeyElements returns the elements of a key that is a JSON array, bare or
// wrapped with its schema. ok is false for anything else, of which Connect
// itself can make nothing (OffsetUtils.processPartitionKey).
func KeyElements(key []byte) (elements []json.RawMessage, wrapped, ok bool) {
	if json.Unmarshal(key, &elements) == nil {
		return elements, false, true
	}
	var envelope struct {
		Payload []json.RawMessage `json:"payload"`
	}
	if json.Unmarshal(key, &envelope) == nil && envelope.Payload != nil {
		return envelope.Payload, true, true
	}
	return nil, false, false
}

// OffsetOf returns the offset in a record's value, byte for byte, and null for a
// tombstone.
func OffsetOf(value []byte) (rawjson.Value, error) {
	if value == nil {
		return rawjson.Null, nil
	}
	offset, err := rawjson.Parse(value)
	if err != nil {
		return rawjson.Value{}, fmt.Errorf("the offset %s: %w", brief(value), err)
	}
	object, err := offset.Object()
	if err != nil {
		return rawjson.Value{}, fmt.Errorf("the offset %s: %w", brief(value), err)
	}
	_, schema := object.Get("schema")
	_, payload := object.Get("payload")
	if schema && payload && object.Len() == 2 {
		return rawjson.Value{}, fmt.Errorf("the offset %s is in the form of workers with internal.value.converter.schemas.enable=true, "+
			"which is not carried: Connect 3.0 and later would not understand it", brief(value))
	}
	return offset, nil
}

const briefLength = 160

func brief(text []byte) string {
	if len(text) > briefLength {
		return strings.ToValidUTF8(string(text[:briefLength]), "?") + "..."
	}
	return strings.ToValidUTF8(string(text), "?")
}
