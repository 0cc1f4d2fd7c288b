package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// tables are everything that was measured, as Markdown.
func (r results) tables() string {
	parts := []string{r.caption()}
	if len(r.Rows) > 0 {
		parts = append(parts, r.table())
	}
	if len(r.Beside) > 0 {
		parts = append(parts, r.besideTable())
	}
	if r.Cost != nil {
		parts = append(parts, r.Cost.table())
	}
	return strings.Join(parts, "\n")
}

func (r results) caption() string {
	said := r.Machine + fmt.Sprintf("; %d run(s)", r.Runs)
	if len(r.Rows) > 0 {
		said += fmt.Sprintf("; %d worker(s) a cluster", r.Workers)
	}
	if slices.ContainsFunc(r.Rows, func(one row) bool { return one.Way == kestraArticle }) {
		said += fmt.Sprintf("; the article's flow waits %s", time.Duration(r.ArticleWaitMS)*time.Millisecond)
	}
	if r.Busy {
		return said + ".\nThe machine was busy with other work, so that ratios would mean little and are left out.\n"
	}
	return said + ".\n"
}

// table compares each measurement with the floor in barriers and with the article's flow.
func (r results) table() string {
	var text strings.Builder
	text.WriteString("| connectors | way | down p50 | p95 | max | wall | max / floor | wall / floor | max / article | wall / article | requests | MiB | lost, twice |\n")
	text.WriteString("|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n")
	rows := medians(r.Rows)
	for _, one := range rows {
		memory := ""
		if one.MemoryMiB > 0 {
			memory = fmt.Sprint(one.MemoryMiB)
		}
		fmt.Fprintf(&text, "| %d | %s | %s | %s | %s | %s | %s | %s | %d | %s | %d, %d |\n", one.Connectors, one.label(), span(one.P50MS), span(one.P95MS),
			span(one.MaxMS), span(one.WallMS), r.against(rows, one, floorBarriers), r.against(rows, one, kestraArticle), one.Requests, memory, one.Lost, one.Duplicated)
	}
	return text.String()
}

// against gives the ratios of the longest downtime and of the wall time to another way's, as
// two cells.
func (r results) against(rows []row, one row, way string) string {
	i := slices.IndexFunc(rows, func(other row) bool {
		return other.Way == way && other.Connectors == one.Connectors && other.Entries == one.Entries
	})
	if i < 0 || r.Busy {
		return " | "
	}
	ratio := func(a, b int64) string { return fmt.Sprintf("%.3g", float64(a)/float64(max(b, 1))) }
	return ratio(one.MaxMS, rows[i].MaxMS) + " | " + ratio(one.WallMS, rows[i].WallMS)
}

// span shows a time in the unit that suits it.
func span(ms int64) string {
	if ms < 10_000 {
		return fmt.Sprintf("%d ms", ms)
	}
	return fmt.Sprintf("%.1f s", float64(ms)/1000)
}

// medians are the medians of each figure over the runs; what was lost or sent twice is added up.
func medians(rows []row) []row {
	var found []row
	for _, one := range rows {
		same := func(other row) bool {
			return other.Way == one.Way && other.Connectors == one.Connectors && other.Entries == one.Entries
		}
		if slices.ContainsFunc(found, same) {
			continue
		}
		one.Lost, one.Duplicated, one.Steps = 0, 0, nil
		figures := map[*int64][]int64{}
		var requests []int
		for _, other := range rows {
			if !same(other) {
				continue
			}
			for figure, value := range map[*int64]int64{
				&one.P50MS: other.P50MS, &one.P95MS: other.P95MS, &one.MaxMS: other.MaxMS, &one.SaidMaxMS: other.SaidMaxMS,
				&one.WallMS: other.WallMS, &one.MemoryMiB: other.MemoryMiB,
			} {
				figures[figure] = append(figures[figure], value)
			}
			requests = append(requests, other.Requests)
			one.Lost += other.Lost
			one.Duplicated += other.Duplicated
		}
		for figure, values := range figures {
			*figure = median(values)
		}
		one.Requests = median(requests)
		found = append(found, one)
	}
	return found
}

// besideTable tells what the moves did to the connectors that stayed, each run by itself.
func (r results) besideTable() string {
	var text strings.Builder
	fmt.Fprintf(&text, "Beside %d connectors of one task that stay on each cluster, of %d workers:\n\n", r.Others, sharing(r.Workers))
	text.WriteString("| way | moved | tasks of others restarted on the origin | on the target | longest | down max | wall |\n|---|--:|--:|--:|--:|--:|--:|\n")
	for _, one := range r.Beside {
		var restarts []string
		var longest int64
		for _, of := range one.Clusters {
			said := fmt.Sprint(of.Restarted)
			if of.Unassigned > 0 {
				said += fmt.Sprintf(", %d still away", of.Unassigned)
			}
			restarts = append(restarts, said)
			longest = max(longest, of.LongestMS)
		}
		fmt.Fprintf(&text, "| %s | %d | %s | %s | %s | %s |\n", one.Way, one.Connectors, strings.Join(restarts, " | "), span(longest), span(one.MaxMS), span(one.WallMS))
	}
	return text.String()
}
