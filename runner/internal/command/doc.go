// Package command is what all commands on one connector share: the record of their steps and
// their result ([Run]), the leases they hold meanwhile, and what several of them do to a
// connector: bring it to rest ([Rest]), watch it run ([Watch]), put it back ([Run.PutBack]).
// What is to be done, and when, is decided by the packages above: move, single, accept, watch.
//
// [Setup] is what the commands of one process have in common, and every [Run] is begun from it.
// Package regroup, whose commands are on many connectors, shares the Setup alone.
package command
