// Package move moves connectors from one Connect cluster, the origin, to
// another, the target, and back.
//
// The type to know is [Mover]. [Mover.Move] and [Mover.Rollback] handle one connector
// each. They are safe to kill and to run again: the clusters are the ledger. Where a move
// stands follows from what both clusters say (pair.Observation.State), never from a file
// of ours. docs/design.md follows one connector through the code.
//
//	check > prepare > quiesce > prove > copy > read back > interlock > start > watch
//	└─── origin runs on ───┘  └──────────────── downtime ───────────────┘
//
// A move is check.go, prepare.go and a cutover (cutover.go): [command.Rest] stops the origin,
// transfer.go copies its offsets, cutover.go has the interlock and the start, and
// [command.Watch] watches the copy afterwards. undo.go undoes a move that failed, rollback.go
// one on request. Package single has the steps as single commands, package accept ends a move.
//
// Invariants; docs/design.md names the test of each:
//
//   - Only one side may ever run: the target starts only after both sides were read
//     back at the same time, stopped and without tasks ([cutover.interlock]).
//   - Any failure before the request that starts the target puts the origin back as it
//     was. After that request, the way back is a move the other way, with the target's
//     newer offsets.
//   - What another run or a person started or stopped meanwhile is never undone,
//     stopped or overwritten. Only a lease can keep two runs apart; without one they
//     fail, and say so.
//   - A config is put only after the leader confirmed that the connector exists: a PUT
//     would create a missing one, running.
//   - "Could not be read" is never taken for "none".
//   - A move never deletes the origin's connector and never writes its offsets.
//   - DELETE offsets is never used: it would wipe a group or a topic that two clusters
//     share. Entries that only the target has are removed by tombstones.
package move
