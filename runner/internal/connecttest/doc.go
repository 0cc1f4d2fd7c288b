// Package connecttest is a Kafka Connect cluster in memory, with the faults of a
// real one, and the suite that keeps it honest.
//
// [Kafka] holds what Connect clusters share: topics of numbered records, offsets,
// consumer groups. [Cluster] is a Connect cluster on it: an [http.Handler] and an
// in-process transport, whose connectors really run, as goroutines with timers,
// so that a test in a testing/synctest bubble takes no time. What a move did to
// the records is then a matter of counting ([Kafka.Count]), and whether two copies
// ran at once of looking it up ([Kafka.Overlaps]).
//
// Nothing here decides about faults: a test that wants an answer lost writes so
// with [Cluster.Intercept]. [RunConformance] checks a cluster's behaviour over
// REST only, and real clusters pass it too; see README.md for what it does not
// cover.
package connecttest
