// Package neighbours tells what a move does to the other connectors of both clusters: which
// of their tasks stopped and started again meanwhile, as the status topic has it. A move
// makes the workers of a group share their tasks anew, twice on each cluster.
package neighbours

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/internaltopic"
)

// Watches are those of one command. They share a reader for each cluster: each reader costs the
// brokers a connection and an answer for every record. The zero value is ready to use.
type Watches struct {
	mu    sync.Mutex
	feeds map[string]*feed // by the cluster's name
}

// Watch follows the status topics of some clusters.
type Watch struct {
	// own reports whether a connector is none of the neighbours.
	own     func(connector string) bool
	sides   []side
	once    sync.Once
	reports []event.Neighbours
}

// side is the part of a feed that one watch tells of.
type side struct {
	*feed
	from int // the first record
}

// Begin follows the clusters whose status topic is known, from now on. A topic that cannot be
// read is left out: the report is no reason to fail. End the watch.
func (w *Watches) Begin(ctx context.Context, own func(connector string) bool, clusters ...*cluster.Cluster) *Watch {
	watch := &Watch{own: own, sides: make([]side, len(clusters))}
	var opening sync.WaitGroup
	for i, of := range clusters {
		topic, err := of.StatusTopic()
		if err != nil {
			continue
		}
		opening.Go(func() { watch.sides[i] = w.join(ctx, of.Name, topic) })
	}
	opening.Wait()
	watch.sides = slices.DeleteFunc(watch.sides, func(one side) bool { return one.feed == nil })
	return watch
}

// End ends the watch and returns a report for each cluster that could be followed to the end.
// It may be called again.
func (w *Watch) End() []event.Neighbours {
	w.once.Do(func() {
		for _, one := range w.sides {
			if records, err := one.leave(one.from); err == nil {
				w.reports = append(w.reports, report(one.name, records, w.own))
			}
		}
	})
	return w.reports
}

// listed is how many tasks a report lists, those that stood still longest.
const listed = 50

// report tells of the tasks of neighbours that went UNASSIGNED, and whether they run again.
func report(on string, records []internaltopic.Status, own func(string) bool) event.Neighbours {
	type task struct {
		connector string
		number    int
	}
	left := map[task]time.Time{} // since when a task is UNASSIGNED
	down := map[task]time.Duration{}
	for _, record := range records {
		if record.Task == internaltopic.OfConnector || own(record.Connector) {
			continue
		}
		of := task{record.Connector, record.Task}
		since, away := left[of]
		switch record.State { //nolint:exhaustive // the other states are not what a rebalance does
		case connect.Unassigned:
			if !away {
				left[of] = record.At
			}
		case connect.Running:
			if away {
				down[of] += record.At.Sub(since)
				delete(left, of)
			}
		case "": // deleted, or stopped by its owner
			delete(left, of)
		}
	}
	found := event.Neighbours{Cluster: on, Restarted: len(down), Unassigned: len(left)}
	for of, stood := range down {
		found.Tasks = append(found.Tasks, event.NeighbourTask{Connector: of.connector, Task: of.number, DownMS: stood.Milliseconds()})
		found.LongestMS = max(found.LongestMS, stood.Milliseconds())
	}
	slices.SortFunc(found.Tasks, func(a, b event.NeighbourTask) int {
		return cmp.Or(cmp.Compare(b.DownMS, a.DownMS), cmp.Compare(a.Connector, b.Connector), cmp.Compare(a.Task, b.Task))
	})
	found.Tasks = found.Tasks[:min(len(found.Tasks), listed)]
	return found
}
