// Package lab runs real Apache Kafka and real distributed Kafka Connect
// clusters as child processes on loopback, for tests, the demo and people.
//
// [Start] gets the published jars by Maven into a cache folder (once for each
// Kafka version), starts everything at the same time and returns when it
// answers. Whatever it started ends with [Lab.Close], and with the process that
// called Start, even when that is killed (on Linux; elsewhere a killed parent
// leaves its children). [Count] tells how many records of a topic were lost and
// duplicated, exactly, as all traffic in a lab is numbered.
//
// It never waits a fixed time and chooses free ports, so that any number of
// labs run side by side.
package lab
