// Package natslease keeps two runs from working on the same connector at the same time,
// with a key for each connector and cluster in a NATS bucket.
//
// Every write to a key names the revision it replaces, so if two runs want a key, only
// one gets it. The holder renews its lease; a lease that was not renewed in time may be
// taken over. This compares no two clocks: the age of a lease is the time between two
// timestamps of the server.
//
// The holder counts the TTL from when it sent its last renewal, and is sure of its lease
// for two thirds of it. The last third allows for NATS servers whose clocks differ, and
// for a process that is delayed between the check and the write.
//
// A holder that is not sure asks NATS before each write. If the lease is gone, it writes
// nothing more. If NATS does not answer, it goes on: a connector must not be left
// standing because NATS is down. Two runs are then kept apart as they are without NATS,
// by what the clusters show.
package natslease
