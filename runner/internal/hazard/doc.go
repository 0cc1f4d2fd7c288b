// Package hazard holds the hazard matrix: what can go wrong with a move, brought
// about on real Kafka and real Connect, with what came of every record. `make
// hazards` runs all of it and prints one table; the tests of everyone run the
// rows that say so.
//
// A row is a value of type row, in a file by theme. It runs the built ferry, which
// talks to the workers through proxies that do what networks and load balancers
// do. Every row, whatever it is about, is also held to what must always be true:
//
//   - tasks of both copies never ran at the same time, by what each task wrote in
//     its cluster's status topic,
//   - a copy was started with the offsets that the other side had, as they lay in
//     the offsets topics at that moment,
//   - no offsets were deleted, and nothing was deleted on the origin,
//   - nothing that ferry printed or wrote held the planted secret,
//   - nothing was lost and nothing is there twice, counted in records.
package hazard
