package hazard

import (
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
)

var linked = map[string]string{"key.order": "linked"}

// rawRows are about offsets that REST cannot carry, and workers that have no
// endpoints for them.
func rawRows() []row {
	return []row{
		{
			name: "H1-ordered-keys", hazard: "partition keys in an order that REST loses", short: true,
			how: "source with LinkedHashMap partitions, GET offsets answers null; moved and taken back",
			run: func(s *scene) verdict {
				s.begin(linked)
				s.flush()
				got := s.ferry("move")
				s.want(got, 0, event.Moved)
				if got.first().Copy != "raw" {
					s.Errorf("copied by %s", got.first().Copy)
				}
				s.flows(100)
				return s.rolledBack(s.ferry("rollback"), 0)
			},
		},
		{
			name: "H1-by-rest", hazard: "partition keys in an order that REST loses",
			how: "the same, and REST asked for (--copy rest)",
			run: func(s *scene) verdict {
				s.begin(linked)
				s.flush()
				return s.refused(s.ferry("move", "--copy", "rest"), "null")
			},
		},
		{
			name: "H1-by-hand", hazard: "partition keys in an order that REST loses",
			how: "NOT ferry: stop, GET, POST stopped, PATCH what GET said, resume; every call succeeds",
			run: (*scene).plainRecipe,
		},
		{
			name: "H1-first-time", hazard: "partition keys in an order that REST loses",
			how: "nothing was committed yet when the checks looked",
			run: func(s *scene) verdict {
				s.begin(linked)
				return s.moved(s.ferry("move"))
			},
		},
		oldRow("2.8.2", "v2-8", "4.3.1", "global"),
		oldRow("3.4.1", "v3-4", "4.3.1", "global"),
		oldRow("3.6.2", "v3-6", "4.3.1", "global"),
		oldRow("4.3.1", "global", "3.6.2", "v3-6"),
	}
}

func oldRow(originVersion, origin, targetVersion, target string) row {
	return row{
		name: "O-" + origin + "-" + target, hazard: "workers of an old version", stage: old, from: origin, to: target,
		versions: originVersion + " > " + targetVersion, how: "moved under traffic and taken back",
		run: func(s *scene) verdict {
			s.begin(nil)
			s.want(s.ferry("move"), 0, event.Moved)
			s.flows(100)
			return s.rolledBack(s.ferry("rollback"), 0)
		},
	}
}

// plainRecipe does by hand what every description of a move says. It shows the
// hazard: no call fails, and everything is sent again.
func (s *scene) plainRecipe() verdict {
	s.Helper()
	s.byHand, s.doubles = true, true
	s.begin(linked)
	s.flush()
	s.flows(100)
	s.stop(s.origin, s.connector)
	origin, target := s.origin.Client(), s.target.Client()
	document, err := origin.Offsets(s.Context(), s.connector)
	s.must(err)
	config, err := origin.Config(s.Context(), s.connector)
	s.must(err)
	s.must(target.Create(s.Context(), s.connector, config, connect.Stopped))
	s.awaitState(s.target, s.connector, connect.Stopped)
	said, err := target.AlterOffsets(s.Context(), s.connector, document)
	s.must(err)
	s.resume(s.target, s.connector)
	s.Logf("GET said %s, PATCH said %q", document, said)
	s.flows(300)
	found := s.countedNow("all calls 200, sent again", answer{})
	if found.duplicated == 0 {
		s.Error("nothing was sent again, so this is no hazard any more")
	}
	return found
}

func (s *scene) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}
