// Package family knows the kinds of connectors: where each keeps its position, which
// settings are part of its identity, what can go wrong in a move, and what its operator
// has to know beforehand.
//
// All of that is data, in families.yaml, so that a kind of connector can be added without
// code. [For] finds the family of a config, and [Family.Judge] returns the findings about
// a move. A connector that is not described belongs to a family that claims nothing.
package family
