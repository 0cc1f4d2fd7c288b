package plan

import (
	"cmp"
	"slices"

	"github.com/connect-ferry/connect-ferry/runner/internal/rules"
)

// divide puts the moves into waves, in the order of the rules' numbers: first the canaries,
// then as many as the bound of tasks allows. A connector with more tasks goes alone. It
// numbers the waves from 1 and sets the number in each move.
func divide(moves []Move, bounds rules.Waves) []Wave {
	order := make([]int, len(moves))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(moves[a].Wave, moves[b].Wave) })
	canaries := canaries(moves, order, bounds.Canary)

	var waves []Wave
	add := func(i, asked int, canary bool) {
		last := len(waves) - 1
		tasks := max(moves[i].Tasks, 1)
		if last < 0 || waves[last].Canary != canary || waves[last].Wave != asked || bounds.MaxTasks > 0 && waves[last].Tasks+tasks > bounds.MaxTasks {
			waves = append(waves, Wave{Wave: asked, Canary: canary})
			last++
		}
		waves[last].Tasks += tasks
		waves[last].Connectors = append(waves[last].Connectors, moves[i].Connector)
	}
	for _, i := range order {
		if canaries[i] {
			add(i, 0, true)
		}
	}
	for _, i := range order {
		if !canaries[i] {
			add(i, moves[i].Wave, false)
		}
	}
	number := map[string]int{}
	for i := range waves {
		waves[i].Wave = i + 1
		for _, connector := range waves[i].Connectors {
			number[connector] = i + 1
		}
	}
	for i := range moves {
		moves[i].Wave = number[moves[i].Connector]
	}
	return waves
}

// canaries picks, for each target, the given number of connectors with the fewest tasks among
// those that can be moved and go first.
func canaries(moves []Move, order []int, each int) map[int]bool {
	picked, count := map[int]bool{}, map[string]int{}
	if each == 0 {
		return picked
	}
	smallest := slices.Clone(order)
	slices.SortStableFunc(smallest, func(a, b int) int {
		return cmp.Or(cmp.Compare(moves[a].Wave, moves[b].Wave), cmp.Compare(moves[a].Tasks, moves[b].Tasks))
	})
	for _, i := range smallest {
		if moves[i].Go && count[moves[i].Target] < each {
			picked[i] = true
			count[moves[i].Target]++
		}
	}
	return picked
}
