package hazard

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
)

var (
	isCreate  = lab.To(http.MethodPost, "/connectors")
	isPause   = lab.To(http.MethodPut, "/pause")
	isStop    = lab.To(http.MethodPut, "/stop")
	isResume  = lab.To(http.MethodPut, "/resume")
	isPatch   = lab.To(http.MethodPatch, "/offsets")
	isOffsets = lab.To(http.MethodGet, "/offsets")
)

const forever = 1 << 30

// offsetRows are about offsets that are wrong, late, missing or left over.
func offsetRows() []row {
	return []row{
		{
			name: "H2-blocked-poll", hazard: "task in a long poll() at the stop", waits: true,
			how: "poll() blocks for 6 s, a stop would cancel it after 5 s",
			run: func(s *scene) verdict {
				s.begin(map[string]string{"poll.block.ms": "6000"})
				return s.moved(s.ferry("move"))
			},
		},
		{
			name: "H2-no-patience", hazard: "task in a long poll() at the stop", waits: true,
			how: "poll() blocks for 15 s, ferry is given 3 s",
			run: func(s *scene) verdict {
				s.begin(map[string]string{"poll.block.ms": "15000"})
				return s.putBack(s.ferry("move", "--timeout", "3s"), 11, event.NotProven, "still in its poll")
			},
		},
		{
			name: "H2-minutes", hazard: "task blocked in poll() for more than a minute", waits: true,
			how: "poll() blocks for 90 s; first with the default patience, then with --timeout 3m",
			run: func(s *scene) verdict {
				s.tasks = 1
				s.begin(map[string]string{"poll.block.ms": "90000"})
				s.want(s.ferry("move"), 11, event.NotProven)
				return s.moved(s.ferry("move", "--timeout", "3m"))
			},
		},
		{
			name: "H2-slow-acks", hazard: "records un-acknowledged at the pause",
			how: "the producer holds records back for 3 s (linger.ms)",
			run: func(s *scene) verdict {
				s.begin(map[string]string{"producer.override.linger.ms": "3000", "producer.override.batch.size": "1000000"})
				return s.moved(s.ferry("move"))
			},
		},
		{
			name: "H2-slower-acks", hazard: "acknowledged later than offset.flush.timeout.ms",
			how: "the producer holds records back for 8 s (linger.ms), the last commit waits 5 s for them",
			run: func(s *scene) verdict {
				s.begin(map[string]string{"producer.override.linger.ms": "8000", "producer.override.batch.size": "1000000"})
				got := s.ferry("move")
				if got.code == 0 { // the acknowledgements were in time after all
					return s.moved(got)
				}
				return s.putBack(got, 11, event.NotProven, "not proven")
			},
		},
		{
			name: "H4-missing-once", hazard: "GET offsets lacks a partition at first", short: true,
			how: "proxy takes one of two partitions out of the origin's first answer after the stop",
			run: func(s *scene) verdict {
				s.begin(nil)
				s.flush()
				s.origin.through(lab.Since(isStop, lab.Nth(isOffsets, 1, lab.Edit(dropFirst))))
				return s.moved(s.ferry("move"))
			},
		},
		{
			name: "H4-missing", hazard: "GET offsets lacks a partition it had",
			how: "proxy takes one of two partitions out of every answer of the origin after the stop",
			run: func(s *scene) verdict {
				s.begin(nil)
				s.flush()
				s.origin.through(lab.Since(isStop, lab.During(isOffsets, 1, forever, lab.Edit(dropFirst))))
				return s.putBack(s.ferry("move"), 11, event.NotProven, "gone or behind")
			},
		},
		{
			name: "H7-leftovers", hazard: "offsets of an earlier attempt on the target", short: true,
			how: "a connector of that name ran there with 3 tasks, further ahead, and was deleted",
			run: func(s *scene) verdict {
				s.leaveOffsets()
				s.begin(nil)
				return s.moved(s.ferry("move"))
			},
		},
		{
			name: "H7-null-once", hazard: "GET offsets shows null for what was just removed", short: true,
			how: "as above, and the proxy puts a null into the target's first answer after the first write",
			run: func(s *scene) verdict {
				s.leaveOffsets()
				s.begin(nil)
				s.flush()
				s.target.through(lab.Since(isPatch, lab.Nth(isOffsets, 1, lab.Edit(nullFirst))))
				return s.moved(s.ferry("move"))
			},
		},
		{
			name: "H7-taken", hazard: "the name is taken on the target",
			how: "a stopped connector of that name and another config is there",
			run: func(s *scene) verdict {
				other := s.numbered(map[string]string{"rate": "1", "topic": s.topic + "-old"})
				if err := s.target.Run(s.Context(), s.connector, other); err != nil {
					s.Fatal(err)
				}
				s.stop(s.target, s.connector)
				s.begin(nil)
				return s.refused(s.ferry("move"), "is taken on europe")
			},
		},
		{
			name: "H8-late-copy", hazard: "PATCH applied late", short: true,
			how: "proxy answers 500 Request timed out and carries it out 1.5 s later, when the copy runs",
			run: func(s *scene) verdict {
				s.begin(nil)
				done := make(chan struct{})
				s.target.through(lab.Nth(isPatch, 1, lab.Late(1500*time.Millisecond, done)))
				got := s.ferry("move")
				<-done
				return s.moved(got)
			},
		},
		{
			name: "H8-late-rehearsal", hazard: "PATCH of the rehearsal applied late", waits: true,
			how: "proxy answers 500 Request timed out and carries it out 20 s later",
			run: func(s *scene) verdict {
				s.begin(nil)
				s.flush()
				done := make(chan struct{})
				s.target.through(lab.Nth(isPatch, 1, lab.Late(20*time.Second, done)))
				got := s.ferry("move")
				<-done
				return s.moved(got)
			},
		},
		{
			name: "H21-rollback", hazard: "rollback after the target went on", short: true,
			how: "moved, 200 records later taken back",
			run: func(s *scene) verdict {
				s.begin(nil)
				s.want(s.ferry("move"), 0, event.Moved)
				s.flows(200)
				return s.rolledBack(s.ferry("rollback"), 0)
			},
		},
		{
			name: "H21-unreadable", hazard: "rollback, and the target's offsets cannot be read",
			how: "proxy answers the target's GET offsets with 500 after its stop",
			run: func(s *scene) verdict {
				s.begin(nil)
				s.want(s.ferry("move"), 0, event.Moved)
				s.flows(100)
				s.target.through(lab.Since(isStop, lab.During(isOffsets, 1, forever, lab.AnswerWith(500, "Timeout expired while fetching offsets"))))
				got := s.ferry("rollback")
				s.want(got, 1, event.Failed)
				s.runsOn(s.target, s.targetName)
				s.restsOn(s.origin, s.connector)
				return s.counted("put back: goes on on the target", answer{})
			},
		},
	}
}

// dropFirst takes the first entry out of an answer with offsets.
func dropFirst(body []byte) []byte {
	var document struct {
		Offsets []json.RawMessage `json:"offsets"`
	}
	if json.Unmarshal(body, &document) != nil || len(document.Offsets) == 0 {
		return body
	}
	document.Offsets = document.Offsets[1:]
	text, err := json.Marshal(document)
	if err != nil {
		return body
	}
	return text
}

// nullFirst makes the first offset of an answer null.
func nullFirst(body []byte) []byte {
	var document struct {
		Offsets []struct {
			Partition json.RawMessage `json:"partition"`
			Offset    json.RawMessage `json:"offset"`
		} `json:"offsets"`
	}
	if json.Unmarshal(body, &document) != nil || len(document.Offsets) == 0 {
		return body
	}
	document.Offsets[0].Offset = json.RawMessage("null")
	text, err := json.Marshal(document)
	if err != nil {
		return body
	}
	return text
}

// leaveOffsets runs a connector of the row's name on the target, with one task
// more and further than the row's own will be, and deletes it.
func (s *scene) leaveOffsets() {
	s.Helper()
	old := s.topic + "-old"
	config := s.numbered(map[string]string{"tasks.max": "3", "topic": old, "stream.prefix": s.topic, "rate": "5000", "start.sequence": "1000000"})
	if err := s.target.Run(s.Context(), s.connector, config); err != nil {
		s.Fatal(err)
	}
	s.flowsIn(old, 300)
	s.stop(s.target, s.connector)
	if err := s.target.Client().RetryFor(patience).Delete(s.Context(), s.connector); err != nil {
		s.Fatal(err)
	}
}
