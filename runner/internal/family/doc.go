// Package family knows what kinds of connectors there are: where each keeps its
// position, which settings belong to its identity, what is dangerous about it, and
// what its operator has to be told before it is moved.
//
// All of that is data, in families.yaml, so that a kind of connector is added
// without code. [For] finds the family of a config, and [Family.Judge] says what
// speaks against a move. A connector that nobody has described is of a family
// that claims nothing.
package family
