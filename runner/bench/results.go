package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// row is one measurement.
type row struct {
	Way        string `json:"way"`
	Run        int    `json:"run"`
	Connectors int    `json:"connectors"`
	Entries    int    `json:"entries,omitempty"` // of each; 0 for one a task
	// Downtime of the connectors: from the stop until all tasks run again.
	P50MS      int64            `json:"downtime_p50_ms"`
	P95MS      int64            `json:"downtime_p95_ms"`
	MaxMS      int64            `json:"downtime_max_ms"`
	WallMS     int64            `json:"wall_ms"`
	Requests   int              `json:"rest_requests"`
	MemoryMiB  int64            `json:"memory_mib,omitempty"` // of ferry, at most
	Steps      map[string]int64 `json:"steps_ms,omitempty"`   // mean of each
	Lost       int64            `json:"lost"`
	Duplicated int64            `json:"duplicated"`
}

func newRow(still []time.Duration) row {
	if len(still) == 0 {
		return row{}
	}
	slices.Sort(still)
	at := func(share float64) int64 { return still[int(share*float64(len(still)-1))].Milliseconds() }
	return row{P50MS: at(0.5), P95MS: at(0.95), MaxMS: at(1)}
}

func (r row) String() string {
	return fmt.Sprintf("run %d  %-14s %4d connectors %6d entries  down p50 %5d p95 %5d max %5d ms  wall %6d ms  %5d requests  %3d MiB  %d lost %d duplicated  %v",
		r.Run, r.Way, r.Connectors, r.Entries, r.P50MS, r.P95MS, r.MaxMS, r.WallMS, r.Requests, r.MemoryMiB, r.Lost, r.Duplicated, r.Steps)
}

// results are all measurements of one run of the bench.
type results struct {
	Workers int   `json:"workers"`
	Rows    []row `json:"rows"`
}

func (r results) write(folder string) error {
	document, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{"bench.json": append(document, '\n'), "bench.md": []byte(r.table()), "bench.svg": []byte(r.chart())} {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o644); err != nil { // #nosec G306 -- results that others may read
			return err
		}
	}
	fmt.Print("\n" + r.table())
	return nil
}

// table compares each measurement with the floor in barriers of the same run.
func (r results) table() string {
	var text strings.Builder
	text.WriteString("| run | way | connectors | entries | down p50 | p95 | max | wall | max / barriers | wall / barriers | requests | MiB | lost, twice |\n")
	text.WriteString("|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n")
	for _, one := range r.Rows {
		down, wall := "", ""
		if floor, ok := r.floor(one); ok {
			down, wall = fmt.Sprintf("%.2f", ratio(one.MaxMS, floor.MaxMS)), fmt.Sprintf("%.2f", ratio(one.WallMS, floor.WallMS))
		}
		fmt.Fprintf(&text, "| %d | %s | %d | %d | %d ms | %d ms | %d ms | %d ms | %s | %s | %d | %d | %d, %d |\n", one.Run, one.Way, one.Connectors, one.Entries,
			one.P50MS, one.P95MS, one.MaxMS, one.WallMS, down, wall, one.Requests, one.MemoryMiB, one.Lost, one.Duplicated)
	}
	return text.String()
}

func (r results) floor(of row) (row, bool) {
	i := slices.IndexFunc(r.Rows, func(one row) bool {
		return one.Way == floorBarriers && one.Run == of.Run && one.Connectors == of.Connectors && one.Entries == of.Entries
	})
	if i < 0 {
		return row{}, false
	}
	return r.Rows[i], true
}

func ratio(a, b int64) float64 { return float64(a) / float64(max(b, 1)) }
