// Package lease keeps two runs from working on the same connector at the same
// time, with a key for each connector and cluster in a NATS bucket.
//
// Every write to a key names the revision it replaces, so of two runs that want
// one, one gets it. The holder renews it; whoever finds a lease that was not
// renewed for its time takes it. No two clocks are compared for that: how old a
// lease is, is the time between two stamps of the server.
//
// The holder counts the time itself from when it sent its last renewal, and is
// sure of its lease for two thirds of it. What follows, the last third, is for
// servers of a NATS cluster whose clocks differ, and for a process that is held up
// between asking and writing.
//
// A holder that is not sure asks NATS before each write. If that says that the
// lease is gone, nothing more is written. If NATS does not answer, the run goes
// on: a connector must not be left standing because NATS is down, and what keeps
// two runs apart then is what keeps them apart without NATS, the clusters.
package natslease
