package campaign_test

import (
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/connect-ferry/connect-ferry/runner/internal/campaign"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/move"
	"github.com/connect-ferry/connect-ferry/runner/internal/proof"
)

// TestTogether lets several connectors stand still at a time.
func TestTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		var names []string
		for i := range 16 {
			names = append(names, fmt.Sprintf("eu-1%02d", i))
		}
		s.create(names...)
		c := s.campaign(s.plan(""))
		c.Slots = campaign.NewSlots(8)
		mover := c.Mover.(*move.Mover)
		mover.BeforeWatch = c.Slots.Release
		mover.Turns.Together = 4
		mover.Turns.Shared = proof.FileLock(t.TempDir() + "/turn")
		got, message := s.run(t.Context(), c)
		for name, outcome := range got {
			if outcome != event.Moved {
				t.Errorf("%s %s", name, outcome)
			}
		}
		t.Log(message)
		s.exact()
	})
}
