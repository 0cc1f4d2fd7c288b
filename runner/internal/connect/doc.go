// Package connect is a client for the REST API of a Kafka Connect cluster.
//
// The two types to know are [Client] and [ResponseError]. The client has one method per
// REST resource, named as in Connect. It knows nothing of moves and decides nothing:
// configs and offsets pass through byte for byte ([rawjson.Value]), and a 202 or 204 is
// only a promise, so the caller has to read back.
//
// It retries only requests that have the same effect if they are sent twice, see
// [Client.RetryFor]. [Client.Create] is not one of them, so it is sent once.
package connect
