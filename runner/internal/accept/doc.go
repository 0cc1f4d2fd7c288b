// Package accept ends a move that its owner accepts: it removes the origin's copy, for good. It
// refuses unless the target runs at or past the offsets of that copy, and first keeps what brings
// the copy back (package kept).
package accept
