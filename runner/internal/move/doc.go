// Package move moves connectors from one Connect cluster, the origin, to
// another, the target, and back.
//
// The type to know is [Mover]. [Mover.Move] and [Mover.Rollback] handle one
// connector each and are safe to kill and to run again: the clusters are the
// ledger. Where a move stands is derived from what both clusters say
// ([Observation.State]), never from a file of ours.
//
//	check > prepare > quiesce > prove > copy > read back > interlock > start > watch
//	└─── origin runs on ───┘  └──────────────── downtime ───────────────┘
//
// Invariants, each of which has a test:
//
//   - Only one side ever may run: the target is started only after the origin was
//     read back stopped without tasks in the same breath ([cutover.interlock]).
//   - Until the target is asked to start, any failure resumes the origin as it
//     was. From then on, the way back is a move the other way, with the target's
//     newer offsets.
//   - What was read as "could not be read" is never taken for "none".
//   - An origin's connector is never deleted, nor its offsets written, by a move.
//   - DELETE offsets is never used: it would wipe a group or a topic that two
//     clusters share. What is only on the target goes by tombstones.
package move
