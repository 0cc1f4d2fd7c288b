package plan

import (
	"fmt"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
)

// Summary is what a result says of the plan.
func (p Plan) Summary(file string) *event.Plan {
	summary := &event.Plan{Hash: p.Hash, File: file, Moves: len(p.Moves), Refused: p.Refused(), Stay: len(p.Stay), Waves: []event.PlanWave{}}
	for _, wave := range p.Waves {
		summary.Waves = append(summary.Waves, event.PlanWave{Wave: wave.Wave, Canary: wave.Canary, Connectors: len(wave.Connectors), Tasks: wave.Tasks})
	}
	return summary
}

// String is a sentence about the plan.
func (p Plan) String() string {
	waves := "1 wave"
	if len(p.Waves) != 1 {
		waves = fmt.Sprintf("%d waves", len(p.Waves))
	}
	said := fmt.Sprintf("%s to move in %s, %d to stay", Connectors(len(p.Moves)), waves, len(p.Stay))
	if refused := p.Refused(); refused > 0 {
		said += fmt.Sprintf(", %d refused", refused)
	}
	return said
}
