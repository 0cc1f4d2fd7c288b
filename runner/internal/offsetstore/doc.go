// Package offsetstore reads and writes the offsets of a connector: through Connect's REST
// API, as records of an offsets topic, or as the committed offsets of a consumer group.
//
// [Open] opens the [Store] of one instance. [MakeEqual] writes what a store lacks and
// reads it back. Nothing here decides which offsets are right: package proof proves that
// they are final, and package mirror translates them for another Kafka.
package offsetstore
