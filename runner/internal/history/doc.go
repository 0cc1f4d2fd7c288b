// Package history keeps what happened in NATS JetStream: it publishes the events
// of moves and rollbacks, and reads them back as stories.
//
// The types to know are [Publisher], an event.Recorder, and [Story], what the stream
// tells of one move. The connection is a natsstore.Store.
//
// There is one copy of each step in the stream. A step is known by its move, the
// cluster the connector was on its way to, and its name. A run that goes on with
// what a killed one has begun goes on with its move: it takes the move's id from
// the stream, and publishes only what is not there yet. Within the stream's
// duplicate window Nats-Msg-Id does the same for events whose acknowledgement was
// lost.
//
// An event is acknowledged before the next step, but never while the connector
// stands still: then it waits in memory, and is delivered at the side.
package history
