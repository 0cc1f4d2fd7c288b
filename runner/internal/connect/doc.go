// Package connect is a client for the REST API of a Kafka Connect cluster.
//
// The two types to know are [Client] and [ResponseError]. The client is plain:
// one method per REST resource, named as Connect names it. It knows nothing of
// moves, and it decides nothing: configs and offsets pass through as the bytes
// they are ([rawjson.Value]), and a 202 or 204 is returned as what it is, a
// promise that the caller has to read back.
//
// It retries only what may be sent twice with the same effect, see [Client.RetryFor].
// Creating a connector may not, so [Client.Create] is sent once.
package connect
