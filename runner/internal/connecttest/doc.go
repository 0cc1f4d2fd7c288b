// Package connecttest is Kafka Connect in memory, with the faults of a real cluster. Package
// conformance keeps it honest.
//
// [Kafka] holds what Connect clusters share: topics of numbered records, offsets,
// consumer groups. [Cluster] is a Connect cluster on it: an [http.Handler] and an
// in-process transport, whose connectors really run, as goroutines with timers,
// so that a test in a testing/synctest bubble takes no time. What a move did to
// the records is then a matter of counting ([Kafka.Count]), and whether two copies
// ran at once of looking it up ([Kafka.Overlaps]).
//
// Nothing here decides about faults: a test that wants an answer lost writes so
// with [Cluster.Intercept].
//
// It does not imitate: config providers and transforms; a transaction boundary of the
// connector's own; compaction and history of the internal topics; session timeouts (a
// worker's death is noticed at once); rebalances that move running tasks; plugins other
// than connectors. README.md has the whole list, and what was learned of the real one.
package connecttest
