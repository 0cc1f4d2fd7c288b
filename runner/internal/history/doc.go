// Package history keeps the history of moves in NATS JetStream: it publishes the events
// of moves and rollbacks, and reads them back as stories.
//
// The types to know are [Publisher], an event.Recorder, and [Story], the history of one
// move. The connection is a natsstore.Store.
//
// The stream holds each step once. A step is identified by its move, the cluster that the
// connector moved to, and its name. A run that continues the move of a killed one takes
// the move's id from the stream and publishes only what is not there yet. Within the
// stream's duplicate window, Nats-Msg-Id does the same for events whose acknowledgement
// was lost.
//
// Each event is acknowledged before the next step begins, except while the connector
// stands still: then events wait in memory and are delivered in the background.
package history
