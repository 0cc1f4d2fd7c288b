package campaign_test

import (
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/move"
)

// most is how many requests a connector of a wave may cost where workers answer at once. Each is work
// for the workers that stop and start the others.
const most = 84

// TestRequests counts the requests of a wave.
func TestRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		var names []string
		for i := range 10 {
			names = append(names, fmt.Sprintf("eu-1%02d", i))
		}
		s.create(names...)
		c := s.campaign(s.plan(""))
		c.Mover.(*move.Mover).Turns.Together = 2
		s.sent.Store(0)
		got, _ := s.run(t.Context(), c)
		for name, outcome := range got {
			if outcome != event.Moved {
				t.Errorf("%s %s", name, outcome)
			}
		}
		if each := s.sent.Load() / 10; each > most {
			t.Errorf("%d requests for each connector, at most %d were enough", each, most)
		} else {
			t.Logf("%d requests for each connector", each)
		}
	})
}
