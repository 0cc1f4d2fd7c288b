package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// row is one measurement.
type row struct {
	Way        string `json:"way"`
	Run        int    `json:"run"`
	Connectors int    `json:"connectors"`
	Entries    int    `json:"entries,omitempty"` // of each; 0 for one a task
	// Downtime of the connectors, by the status topics: from the first task that paused or
	// ended on the origin until all run on the target.
	P50MS      int64            `json:"downtime_p50_ms"`
	P95MS      int64            `json:"downtime_p95_ms"`
	MaxMS      int64            `json:"downtime_max_ms"`
	SaidMaxMS  int64            `json:"downtime_max_said_ms,omitempty"` // by ferry itself, from its stop request
	WallMS     int64            `json:"wall_ms"`
	Requests   int              `json:"rest_requests"`
	MemoryMiB  int64            `json:"memory_mib,omitempty"` // of ferry, at most
	Steps      map[string]int64 `json:"steps_ms,omitempty"`   // mean of each
	Lost       int64            `json:"lost"`
	Duplicated int64            `json:"duplicated"`
}

func (r *row) setDowntimes(still []time.Duration) {
	if len(still) == 0 {
		return
	}
	slices.Sort(still)
	at := func(share float64) int64 { return still[int(math.Ceil(share*float64(len(still))))-1].Milliseconds() }
	r.P50MS, r.P95MS, r.MaxMS = at(0.5), at(0.95), at(1)
}

func (r row) String() string {
	return fmt.Sprintf("run %d  %-30s %4d connectors  down p50 %5d p95 %5d max %5d ms (said %d)  wall %6d ms  %5d requests  %3d MiB  %d lost %d duplicated  %v",
		r.Run, r.label(), r.Connectors, r.P50MS, r.P95MS, r.MaxMS, r.SaidMaxMS, r.WallMS, r.Requests, r.MemoryMiB, r.Lost, r.Duplicated, r.Steps)
}

// label names the way, and what is special about its connectors.
func (r row) label() string {
	if r.Entries > 0 {
		return fmt.Sprintf("%s, %d entries", r.Way, r.Entries)
	}
	return r.Way
}

// results are all measurements of one run of the bench.
type results struct {
	Command       string   `json:"command"`
	Machine       string   `json:"machine"` // before it began
	Busy          bool     `json:"busy"`    // with other work, so that ratios mean little
	Workers       int      `json:"workers"`
	Runs          int      `json:"runs"`
	AtATime       int      `json:"at_a_time"` // connectors that the flows move at a time
	ArticleWaitMS int64    `json:"article_wait_ms"`
	Rows          []row    `json:"rows"`
	Others        int      `json:"others,omitempty"` // connectors that stay on each cluster
	Beside        []beside `json:"beside,omitempty"`
	Cost          *cost    `json:"cost,omitempty"`
}

// machine says what the figures depend on, and whether others use it too.
func machine() (said string, busy bool) {
	said = fmt.Sprintf("%d processors", runtime.NumCPU())
	content, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return said, false
	}
	loads := strings.Fields(string(content))[:3]
	now, err := strconv.ParseFloat(loads[0], 64)
	return said + ", load average " + strings.Join(loads, ", ") + " before", err == nil && now > float64(runtime.NumCPU())
}

func (r results) write(folder string, docs bool) error {
	document, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	chart := []byte(r.chart())
	for name, content := range map[string][]byte{"bench.json": append(document, '\n'), "bench.md": []byte(r.tables()), "bench.svg": chart} {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o644); err != nil { // #nosec G306 -- results that others may read
			return err
		}
	}
	fmt.Print("\n" + r.tables())
	if !docs {
		return nil
	}
	return r.document(chart)
}

const (
	blockBegin = "<!-- written by make bench -->\n"
	blockEnd   = "<!-- end -->\n"
)

// document puts the tables between the marks in docs/campaign.md, and the chart beside it.
func (r results) document(chart []byte) error {
	page := filepath.Join("docs", "campaign.md")
	content, err := os.ReadFile(page) // #nosec G304 -- fixed
	if err != nil {
		return err
	}
	before, rest, begins := strings.Cut(string(content), blockBegin)
	_, after, ends := strings.Cut(rest, blockEnd)
	if !begins || !ends {
		return fmt.Errorf("%s lacks the marks %q and %q between which the result belongs", page, blockBegin, blockEnd)
	}
	block := fmt.Sprintf("\n```sh\n%s\n```\n\n%s\n", r.Command, r.tables())
	if err := os.WriteFile(page, []byte(before+blockBegin+block+blockEnd+after), 0o644); err != nil { // #nosec G306 -- a page
		return err
	}
	return os.WriteFile(filepath.Join("docs", "images", "bench.svg"), chart, 0o644) // #nosec G306 -- a picture
}
