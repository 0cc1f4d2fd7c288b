// Package move moves connectors from one Connect cluster, the origin, to
// another, the target, and back.
//
// The type to know is [Mover]. [Mover.Move] and [Mover.Rollback] handle one
// connector each and are safe to kill and to run again: the clusters are the
// ledger. Where a move stands is derived from what both clusters say
// (pair.Observation.State), never from a file of ours. docs/design.md follows one
// connector through the code.
//
//	check > prepare > quiesce > prove > copy > read back > interlock > start > watch
//	└─── origin runs on ───┘  └──────────────── downtime ───────────────┘
//
// A move is check.go, prepare.go and a cutover: rest.go brings the origin to rest,
// transfer.go copies its offsets, cutover.go has the interlock and the start, watch.go
// looks at the copy afterwards. undo.go is for what fails, rollback.go for what is taken
// back on request, step*.go for one step at a time.
//
// Invariants; docs/design.md names the test of each:
//
//   - Only one side ever may run: the target is started only after both sides were
//     read back stopped without tasks in the same breath ([cutover.interlock]).
//   - Until the target is asked to start, any failure resumes the origin as it
//     was. From then on, the way back is a move the other way, with the target's
//     newer offsets.
//   - What somebody else started or stopped meanwhile, another run or a person, is
//     never undone, stopped or overwritten. Only a lease can keep two runs apart;
//     without one they fail, and say so.
//   - A config is put only after the leader said that the connector exists: it
//     would create it, running.
//   - What was read as "could not be read" is never taken for "none".
//   - An origin's connector is never deleted, nor its offsets written, by a move.
//   - DELETE offsets is never used: it would wipe a group or a topic that two
//     clusters share. What is only on the target goes by tombstones.
package move
