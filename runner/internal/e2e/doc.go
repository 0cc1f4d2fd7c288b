// Package e2e holds the tests of the built runner, as a process, on real Kafka
// and Connect clusters: what its flags do, and what became of every record.
package e2e
