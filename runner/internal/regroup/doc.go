// Package regroup makes one connector of several, and several of one, and undoes either:
// many MirrorSourceConnectors become one with all their topics, a connector with a list of
// tables becomes two with half of the list each.
//
// All four are one thing. The connectors of one side are brought to rest and proven, those of
// the other get their offsets and start ([carry]). What a connector owns decides who gets an
// offset: the partitions of what its config lists ([owner]). Nothing else is copied, so what
// an earlier config left behind stays where it is.
//
// Where a regrouping stands is derived from the clusters ([place]), never from a file. A side
// that is to start is marked (config.Preliminary) until all of its connectors hold their final
// offsets, and none of them starts before: so a side of which one connector runs has all
// offsets, and a marked side never has the latest.
package regroup
