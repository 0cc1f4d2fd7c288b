// Package hashmap knows the order in which a java.util.HashMap iterates: Connect rebuilds
// the partitions of offsets as such maps.
package hashmap

import (
	"slices"
	"unicode/utf16"

	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// Order spells a JSON object with its members in the order in which a
// java.util.HashMap of default capacity iterates over them. Connect rebuilds
// partitions as such maps, in GET and in PATCH.
func Order(value rawjson.Value) rawjson.Value {
	object, err := value.Object()
	if err != nil {
		return value
	}
	keys := object.Keys()
	buckets := 16
	for len(keys) > buckets*3/4 {
		buckets *= 2
	}
	slices.SortStableFunc(keys, func(a, b string) int {
		return int(javaHash(a))&(buckets-1) - int(javaHash(b))&(buckets-1)
	})
	var ordered rawjson.Object
	for _, key := range keys {
		member, _ := object.Get(key)
		ordered = ordered.With(key, member)
	}
	return ordered.Value()
}

// javaHash is String.hashCode as HashMap spreads it.
func javaHash(text string) uint32 {
	var hash uint32
	for _, unit := range utf16.Encode([]rune(text)) {
		hash = 31*hash + uint32(unit)
	}
	return hash ^ hash>>16
}
