package main

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/internaltopic"
)

// at is a time of a record.
func at(ms int) time.Time { return time.UnixMilli(int64(ms)) }

func TestPassage(t *testing.T) {
	record := func(task int, state connect.State, ms int) internaltopic.Status {
		return internaltopic.Status{Task: task, State: state, At: at(ms)}
	}
	for name, test := range map[string]struct {
		origin, target []internaltopic.Status
		want           time.Duration // 0 if it has not arrived
	}{
		"paused first": {
			[]internaltopic.Status{record(0, connect.Paused, 10), record(0, connect.Unassigned, 30), record(0, "", 40), record(1, connect.Unassigned, 35)},
			[]internaltopic.Status{record(0, connect.Running, 100), record(1, connect.Running, 110)}, 100 * time.Millisecond,
		},
		"changed its worker before": {
			[]internaltopic.Status{record(0, connect.Unassigned, 1), record(0, connect.Running, 5), record(0, connect.Unassigned, 30), record(1, connect.Unassigned, 30)},
			[]internaltopic.Status{record(0, connect.Running, 50), record(1, connect.Running, 40)}, 20 * time.Millisecond,
		},
		"a task ends again before the last one runs": {
			[]internaltopic.Status{record(0, connect.Unassigned, 10), record(1, connect.Unassigned, 10)},
			[]internaltopic.Status{record(0, connect.Running, 20), record(0, connect.Unassigned, 25), record(1, connect.Running, 30), record(0, connect.Running, 40)},
			30 * time.Millisecond,
		},
		"changed its worker after": {
			[]internaltopic.Status{record(0, connect.Unassigned, 10)},
			[]internaltopic.Status{record(0, connect.Running, 20), record(1, connect.Running, 21), record(1, connect.Unassigned, 90), record(1, connect.Running, 99)},
			11 * time.Millisecond,
		},
		"one task only":     {[]internaltopic.Status{record(0, connect.Unassigned, 10)}, []internaltopic.Status{record(0, connect.Running, 20)}, 0},
		"failed":            {[]internaltopic.Status{record(0, connect.Unassigned, 10)}, []internaltopic.Status{record(0, connect.Running, 20), record(1, connect.Failed, 20)}, 0},
		"never left":        {nil, []internaltopic.Status{record(0, connect.Running, 20), record(1, connect.Running, 20)}, 0},
		"said nothing more": {[]internaltopic.Status{record(0, connect.Unassigned, 10)}, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			p := &passage{tasks: 2, away: map[int]time.Time{}, runs: map[int]time.Time{}}
			for _, one := range test.origin {
				p.leave(one)
			}
			for _, one := range test.target {
				p.arrive(one)
			}
			got, err := p.still()
			if got != test.want || (err == nil) != (test.want > 0) {
				t.Errorf("stood still for %s, %v, expected %s", got, err, test.want)
			}
		})
	}
}

func TestDowntimes(t *testing.T) {
	var still []time.Duration
	for i := range 40 {
		still = append(still, time.Duration(40-i)*time.Millisecond)
	}
	var one row
	one.setDowntimes(still)
	if one.P50MS != 20 || one.P95MS != 38 || one.MaxMS != 40 {
		t.Errorf("of 1 to 40: %d, %d, %d", one.P50MS, one.P95MS, one.MaxMS)
	}
	one.setDowntimes([]time.Duration{2 * time.Millisecond, time.Millisecond})
	if one.P50MS != 1 || one.P95MS != 2 || one.MaxMS != 2 {
		t.Errorf("of 1 and 2: %d, %d, %d", one.P50MS, one.P95MS, one.MaxMS)
	}
}

// three are three runs of each of three ways.
func three() results {
	found := results{Command: "make bench", Machine: "2 processors", Workers: 1, Runs: 3, ArticleWaitMS: 60_000}
	for run := range 3 {
		shift := int64(run)
		found.Rows = append(found.Rows,
			row{Way: floorBarriers, Run: run + 1, Connectors: 10, P50MS: 90, P95MS: 95, MaxMS: 100 + shift, WallMS: 1000, Requests: 50},
			row{Way: ferryApply, Run: run + 1, Connectors: 10, P50MS: 100, P95MS: 140, MaxMS: 151 + shift, WallMS: 4000, Requests: 500 + run, MemoryMiB: 70, Lost: 1},
			row{Way: kestraArticle, Run: run + 1, Connectors: 10, P50MS: 61_000, P95MS: 62_000, MaxMS: 64_640, WallMS: 130_000, Requests: 60},
			row{Way: ferryHard, Run: run + 1, Connectors: 1, Entries: 200, P50MS: 100, P95MS: 100, MaxMS: 100, WallMS: 3000, Requests: 80, MemoryMiB: 60},
		)
	}
	return found
}

func TestTable(t *testing.T) {
	text := three().tables()
	for _, want := range []string{
		"2 processors; 3 run(s); 1 worker(s) a cluster; the article's flow waits 1m0s.\n",
		"| 10 | rest-barriers | 90 ms | 95 ms | 101 ms | 1000 ms | 1 | 1 | 0.00156 | 0.00769 | 50 |  | 0, 0 |\n",
		"| 10 | ferry-apply | 100 ms | 140 ms | 152 ms | 4000 ms | 1.5 | 4 | 0.00235 | 0.0308 | 501 | 70 | 3, 0 |\n",
		"| 10 | kestra-article | 61.0 s | 62.0 s | 64.6 s | 130.0 s | 640 | 130 | 1 | 1 | 60 |  | 0, 0 |\n",
		"| 1 | ferry-hard, 200 entries | 100 ms | 100 ms | 100 ms | 3000 ms |  |  |  |  | 80 | 60 | 0, 0 |\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %q in\n%s", want, text)
		}
	}
	if rows := strings.Count(text, "\n| 1"); rows != 4 {
		t.Errorf("%d rows, expected one for each way:\n%s", rows, text)
	}
}

func TestNoRatiosOfABusyMachine(t *testing.T) {
	found := three()
	found.Busy = true
	if text := found.tables(); !strings.Contains(text, "ratios would mean little") || !strings.Contains(text, "| 152 ms | 4000 ms |  |  |  |  | 501 |") {
		t.Errorf("the tables of a busy machine are\n%s", text)
	}
}

func TestBesideTable(t *testing.T) {
	found := results{Workers: 1, Runs: 1, Others: 260, Beside: []beside{{
		row:      row{Way: ferryApply, Connectors: 40, MaxMS: 700, WallMS: 12_345},
		Clusters: []event.Neighbours{{Cluster: "global", Restarted: 3, LongestMS: 80}, {Cluster: "europe", Unassigned: 1, LongestMS: 90}},
	}}}
	for _, want := range []string{
		"Beside 260 connectors of one task that stay on each cluster, of 2 workers:\n",
		"| ferry-apply | 40 | 3 | 0, 1 still away | 90 ms | 700 ms | 12.3 s |\n",
	} {
		if text := found.tables(); !strings.Contains(text, want) {
			t.Errorf("there is no %q in\n%s", want, text)
		}
	}
}

// TestChart reads the picture as a browser does, and looks for what it has to show.
func TestChart(t *testing.T) {
	picture := three().chart()
	decoder := xml.NewDecoder(strings.NewReader(picture))
	for {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("%v in\n%s", err, picture)
		}
	}
	for _, want := range []string{">10 connectors<", ">1 connector with 200 offset entries<", ">152 ms, 4000 ms<", ">64.6 s, 130.0 s<", ">1000 s<"} {
		if strings.Count(picture, want) != 1 {
			t.Errorf("%d of %q in\n%s", strings.Count(picture, want), want, picture)
		}
	}
}
