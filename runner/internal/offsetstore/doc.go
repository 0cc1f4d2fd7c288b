// Package offsetstore is where the offsets of a connector are kept, and how they are
// read and written there: by Connect's REST API, as records of an offsets topic, or as
// the committed offsets of a consumer group.
//
// [Open] opens the [Store] of one instance, [MakeEqual] writes what a store lacks and
// reads it back. Nothing here decides which offsets are right: see package proof for
// when they are final, and package mirror for what they are in another Kafka.
package offsetstore
