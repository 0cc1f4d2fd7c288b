package connecttest

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest/hashmap"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// offsetsTopic is a compacted offsets topic: the last value of each key. The key
// is the bytes of ["connector",{partition}], so two spellings of one partition
// are two keys, which is what makes some offsets unreadable over REST.
type offsetsTopic struct {
	values  map[string]offsetValue
	removed map[string]removedOffset
	log     []offsetValue // every record, in order
}

type offsetValue struct {
	connector string
	partition rawjson.Value
	value     rawjson.Value
	since     time.Time // first written, or written again after a tombstone
}

// removedOffset is a key whose last record is a tombstone.
type removedOffset struct {
	offsetValue
	at time.Time
}

func (k *Kafka) offsetsTopic(name string) *offsetsTopic {
	if k.offsets[name] == nil {
		k.offsets[name] = &offsetsTopic{values: map[string]offsetValue{}, removed: map[string]removedOffset{}}
	}
	return k.offsets[name]
}

// key is the record key for a partition as it is spelled.
func offsetKey(connector string, partition rawjson.Value) string {
	return rawjson.Array(rawjson.String(connector), partition).String()
}

func (o *offsetsTopic) get(connector string, partition rawjson.Value) (rawjson.Value, bool) {
	found, ok := o.values[offsetKey(connector, partition)]
	return found.value, ok
}

// put writes a record; a null value is a tombstone.
func (o *offsetsTopic) put(connector string, partition, value rawjson.Value) {
	key := offsetKey(connector, partition)
	o.log = append(o.log, offsetValue{connector: connector, partition: partition, value: value})
	if value.IsNull() {
		if known, ok := o.values[key]; ok {
			o.removed[key] = removedOffset{known, time.Now()}
		}
		delete(o.values, key)
		return
	}
	delete(o.removed, key)
	since := time.Now()
	if known, ok := o.values[key]; ok {
		since = known.since
	}
	o.values[key] = offsetValue{connector: connector, partition: partition, value: value, since: since}
}

// partitions returns the partitions that a worker knows of which read the topic
// until then, spelled as a Java HashMap spells them. They include those with a
// later tombstone: get finds nothing for them.
func (o *offsetsTopic) partitions(connector string, until time.Time) []rawjson.Value {
	known := map[string]rawjson.Value{}
	add := func(entry offsetValue) {
		if entry.connector == connector && entry.partition.IsObject() && !entry.since.After(until) {
			known[entry.partition.Canonical()] = hashmap.Order(entry.partition)
		}
	}
	for _, entry := range o.values {
		add(entry)
	}
	for _, entry := range o.removed {
		if entry.at.After(until) {
			add(entry.offsetValue)
		}
	}
	var partitions []rawjson.Value
	for _, canonical := range slices.Sorted(maps.Keys(known)) {
		partitions = append(partitions, known[canonical])
	}
	return partitions
}

// throughConverter returns a partition or an offset as Connect's JsonConverter
// gives it back: longs exact, decimals as doubles. It returns an error where
// Connect has no type for a value.
func throughConverter(value rawjson.Value) (rawjson.Value, error) {
	if value.IsNull() || value.IsZero() {
		return rawjson.Null, nil
	}
	object, err := value.Object()
	if err != nil {
		return value, errData("Offsets must be specified as a Map")
	}
	var converted rawjson.Object
	for _, key := range object.Keys() {
		member, _ := object.Get(key)
		text := member.String()
		switch first := text[0]; {
		case first == '{':
			return value, errData("Offsets may only contain primitive types as values, but field " + key + " contains MAP")
		case first == '[':
			return value, errData("Offsets may only contain primitive types as values, but field " + key + " contains ARRAY")
		case first == '-' || first >= '0' && first <= '9':
			if member, err = number(key, text); err != nil {
				return value, err
			}
		}
		converted = converted.With(key, member)
	}
	return converted.Value(), nil
}

func number(key, text string) (rawjson.Value, error) {
	if !strings.ContainsAny(text, ".eE") {
		whole, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return rawjson.Value{}, errData("Offsets may only contain primitive types as values, but field " + key + " contains class java.math.BigInteger")
		}
		return rawjson.Int(whole), nil
	}
	double, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return rawjson.Value{}, errData("Offsets may only contain primitive types as values, but field " + key + " contains " + text)
	}
	return rawjson.Parse([]byte(javaDouble(double)))
}

// javaDouble writes a double as Double.toString does: plain from 1e-3 to 1e7,
// else with an exponent, always with a decimal point.
func javaDouble(double float64) string {
	if double == 0 || double >= 1e-3 && double < 1e7 || double <= -1e-3 && double > -1e7 {
		text := strconv.FormatFloat(double, 'f', -1, 64)
		if !strings.Contains(text, ".") {
			text += ".0"
		}
		return text
	}
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(double, 'e', -1, 64), "e")
	if !strings.Contains(mantissa, ".") {
		mantissa += ".0"
	}
	power, err := strconv.Atoi(exponent)
	if err != nil {
		panic("connecttest: exponent of a formatted float: " + err.Error())
	}
	return mantissa + "E" + strconv.Itoa(power)
}
