// Package oldworkers moves connectors between workers of versions that lack parts
// of Connect's REST API, with the built runner.
package oldworkers
