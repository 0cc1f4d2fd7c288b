// Package single has the steps of a move as single commands, each on one connector of one
// cluster: read and write offsets, create stopped, bring to rest, start. They are for flows that
// do something of their own in between; each refuses what would lose or repeat records.
package single
