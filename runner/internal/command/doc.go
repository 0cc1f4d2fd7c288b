// Package command is what all commands on one connector share: the record of their steps and
// their result ([Run]), the leases they hold meanwhile, and what several of them do to a
// connector: bring it to rest ([Rest]), watch it run ([Watch]), put it back ([Run.PutBack]).
// It decides nothing: packages move, single, accept and watch do, each for its commands.
//
// [Setup] is what the commands of one process have in common, and every [Run] is begun from it.
package command
