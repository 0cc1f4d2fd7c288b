package discover

import (
	"context"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/internaltopic"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// Evidence is what a Connect cluster's REST API tells of its connectors, to know
// its topics by. Two clusters on one Kafka may well have connectors of the same
// names and configs, one the copies of the other, so that names prove nothing.
type Evidence struct {
	Connectors map[string]connect.Listed
	// Offsets asks the REST API for a connector's offsets. Workers before 3.5 do
	// not know the question ([connect.IsUnsupported]).
	Offsets func(ctx context.Context, connector string) (offset.Document, error)
}

// fit says whether a topic is the one that was looked for.
type fit int

const (
	no    fit = iota // it holds something else
	maybe            // nothing speaks for it or against it
	yes              // it holds what only this cluster's can hold
)

// judgement is a fit and what it rests on, in words that end up in an error.
type judgement struct {
	fit fit
	why string
}

// config judges a topic as the config topic: it holds this cluster's connectors
// and no other, with these configs and target states.
func (e Evidence) config(found *content) judgement {
	if found.partitions != 1 || found.kind != internaltopic.ConfigKind && found.kind != internaltopic.NoKind {
		return judgement{no, "it is no config topic"}
	}
	for _, name := range sorted(found.connectors) {
		if _, ours := e.Connectors[name]; !ours {
			return judgement{no, "it holds connector " + name + ", which is not of this cluster"}
		}
	}
	doubt := ""
	for _, name := range sorted(e.Connectors) {
		listed := e.Connectors[name]
		if !found.connectors[name] {
			return judgement{no, "it lacks connector " + name}
		}
		if config := found.configs[name]; !rawjson.Equal(config.Value(), listed.Config.Value()) {
			return judgement{no, "it holds another config of connector " + name}
		}
		if state := found.targets[name]; !agrees(state, listed.Status.Connector.State) {
			// As between a worker that died and the rebalance after it.
			doubt = "connector " + name + " is not in the state that it tells"
		}
	}
	if len(e.Connectors) == 0 || doubt != "" {
		return judgement{maybe, doubt}
	}
	return judgement{yes, ""}
}

// agrees reports whether a connector in that state can have that target state. A
// worker before 3.5 takes STOPPED for PAUSED.
func agrees(target, state connect.State) bool {
	switch state {
	case connect.Running:
		return target == connect.Running || target == ""
	case connect.Stopped:
		return target == connect.Stopped
	case connect.Paused:
		return target == connect.Paused || target == connect.Stopped
	case connect.Failed, connect.Unassigned, connect.Restarting:
		return true
	default:
		return true // none is told
	}
}

// status judges a topic as the status topic by the workers: no two clusters on
// one Kafka have one at the same address.
func (e Evidence) status(found *content) judgement {
	if found.kind != internaltopic.StatusKind && found.kind != internaltopic.NoKind {
		return judgement{no, "it is no status topic"}
	}
	known, seen := 0, 0
	for name, listed := range e.Connectors {
		if listed.Status.Connector.WorkerID == "" {
			continue // no worker took it on yet
		}
		known++
		if found.workers[name] == listed.Status.Connector.WorkerID {
			seen++
		}
	}
	switch {
	case known > 0 && seen == 0:
		return judgement{no, "none of this cluster's connectors is in it with its worker"}
	case known > 0 && 2*seen > known:
		return judgement{yes, ""}
	case known > 0:
		return judgement{maybe, "most of this cluster's connectors are not in it with their workers"}
	}
	for _, name := range sorted(found.workers) {
		// A worker that ends a deleted connector late writes after the leader's
		// tombstone, so that UNASSIGNED stays behind for good.
		if _, ours := e.Connectors[name]; !ours && !found.ended[name] {
			return judgement{no, "it holds connector " + name + ", which is not of this cluster"}
		}
	}
	return judgement{maybe, ""}
}
