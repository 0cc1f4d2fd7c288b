package connecttest

import (
	"net/http"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/conformance"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

func TestFaults(t *testing.T) {
	const patch = `{"offsets":[{"partition":{"p":"a"},"offset":{"n":1}}]}`
	for name, test := range map[string]struct {
		fault   func(*Cluster) *RequestFault
		refused func(error) bool
		after   time.Duration // by when the offsets are written, 0 for at once
		written bool
	}{
		"lost request":       {fault: func(*Cluster) *RequestFault { return On("PATCH", "/offsets").Times(1).LostRequest() }, refused: connect.IsUnreachable},
		"lost answer":        {fault: func(*Cluster) *RequestFault { return On("PATCH", "").Times(1).LostAnswer() }, refused: connect.IsUnreachable, written: true},
		"late":               {fault: func(c *Cluster) *RequestFault { return On("PATCH", "").Times(1).Late(c, time.Minute) }, refused: connect.IsUnreachable, after: time.Minute, written: true},
		"conflict":           {fault: func(*Cluster) *RequestFault { return On("PATCH", "").Times(1).Conflict() }, refused: connect.IsTemporary},
		"rebalance expected": {fault: func(*Cluster) *RequestFault { return On("", "/offsets").Times(1).RebalanceExpected() }, refused: connect.IsTemporary},
		"timed out":          {fault: func(*Cluster) *RequestFault { return On("PATCH", "").Times(1).TimedOut() }, refused: connect.IsTemporary, written: true},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, cluster *Cluster, s *conformance.Suite) {
				connector := s.Create(SourceConfig(numbers, 1), connect.Stopped)
				cluster.Intercept(Faults(On("DELETE", "").LostRequest(), test.fault(cluster)))
				_, err := s.Client.RetryFor(0).AlterOffsets(t.Context(), connector, s.JSON(patch))
				if !test.refused(err) {
					t.Errorf("answer: %v", err)
				}
				if test.after > 0 {
					s.WantOffsets(connector, `{"offsets":[]}`)
					s.Must(wait.For(t.Context(), test.after+time.Second))
				}
				if want := map[bool]string{true: patch, false: `{"offsets":[]}`}; true {
					s.WantOffsets(connector, want[test.written])
				}
				if _, err := s.Client.AlterOffsets(t.Context(), connector, s.JSON(patch)); err != nil {
					t.Errorf("the second time: %v", err)
				}
				cluster.Intercept(func(w http.ResponseWriter, r *http.Request, next http.Handler) { next.ServeHTTP(w, r) })
			})
		})
	}
}
