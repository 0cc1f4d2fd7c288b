package move

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/certificate"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair/pairtest"
)

// certified runs a move or a rollback, and returns its certificate; nil if it left none.
func (w *world) certified(run func(*Mover) event.ConnectorResult) (event.ConnectorResult, *certificate.Document) {
	w.T.Helper()
	var made *certificate.Document
	mover := w.mover()
	mover.Certify = func(kept *certificate.Evidence) *event.CertificateFiles {
		document := certificate.New(kept, "id", "", certificate.About{})
		made = &document
		return &event.CertificateFiles{HTML: "page"}
	}
	result := run(mover)
	if (made != nil) != (result.Certificate != nil) {
		w.T.Errorf("certificate %+v of %s", result.Certificate, result.Outcome)
	}
	return result, made
}

func (w *world) certifiedMove() (event.ConnectorResult, *certificate.Document) {
	w.T.Helper()
	return w.certified(func(m *Mover) event.ConnectorResult { return m.Move(w.T.Context(), w.Request()) })
}

func stepsOf(d *certificate.Document) (names []string) {
	for _, s := range d.Timeline {
		names = append(names, s.Step)
	}
	return names
}

// TestCertificateOfAMove holds a certificate against what the clusters say, there, again, and
// back.
func TestCertificateOfAMove(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.Set = map[string]string{"stream.note": "eu"}
		w.Run(pairtest.SlowSource())
		before := time.Now()
		result, d := w.certifiedMove()
		w.Expect(result, event.Moved, connect.Stopped, connect.Running)
		if want := []string{"check", "prepare", "quiesce", "prove", "copy", "interlock", "start", "watch"}; !slices.Equal(stepsOf(d), want) {
			t.Errorf("steps %q", stepsOf(d))
		}
		if d.Origin.Version == "" || d.Target.KafkaClusterID == "" || d.Command != "move" || d.OriginState != connect.Stopped || d.TargetState != connect.Running {
			t.Errorf("says %+v", d)
		}
		if len(d.Config.Differences) != 1 || d.Config.Differences[0].Target != "eu" || d.Config.SHA256.Origin == d.Config.SHA256.Target {
			t.Errorf("config %+v", d.Config)
		}
		if len(d.Cutovers) != 1 {
			t.Fatalf("%d cutovers", len(d.Cutovers))
		}
		c := d.Cutovers[0]
		if c.From != "global" || c.To != "europe" || c.RunsOn != "europe" || c.Copy != "rest" || c.Proof.Kind != result.Proof.Kind || len(c.Offsets) == 0 {
			t.Errorf("cutover %+v", c)
		}
		if c.DowntimeMS == nil || *c.DowntimeMS != *result.DowntimeMS || c.StillSince.Before(before) || c.RunsSince.After(d.EndedAt) {
			t.Errorf("stood still from %s to %s, and the result says %d ms", c.StillSince, c.RunsSince, *result.DowntimeMS)
		}
		value, err := w.Global.Client().Offsets(t.Context(), orders)
		if err != nil {
			t.Fatal(err)
		}
		final, err := offset.Parse(value)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range c.Offsets {
			kept, _ := final.Get(row.Partition)
			if row.Final.Canonical() != kept.Canonical() || row.Copied.Canonical() != row.Final.Canonical() || row.Later.IsZero() || c.LaterAt.IsZero() {
				t.Errorf("row %+v, and the origin has %s", row, kept)
			}
		}

		w.Pass(90 * time.Second)
		again, found := w.certifiedMove()
		w.Expect(again, event.Unchanged, connect.Stopped, connect.Running)
		if c := found.Cutovers[0]; c.Proof != nil || c.Copy != "" || c.DowntimeMS != nil || !c.Offsets[0].Copied.IsZero() ||
			c.Offsets[0].Final.Canonical() != d.Cutovers[0].Offsets[0].Final.Canonical() || c.Offsets[0].Later.Canonical() == c.Offsets[0].Final.Canonical() {
			t.Errorf("a move that was made earlier: %+v", c)
		}

		back, d := w.certified(func(m *Mover) event.ConnectorResult { return m.Rollback(t.Context(), w.Request()) })
		w.Expect(back, event.RolledBack, connect.Running, connect.Stopped)
		if c := d.Cutovers[0]; c.From != "europe" || c.To != "global" || c.RunsOn != "global" || c.Proof == nil || d.Command != "rollback" ||
			c.Offsets[0].Final.Canonical() == found.Cutovers[0].Offsets[0].Final.Canonical() {
			t.Errorf("rollback %+v", c)
		}
		w.Exact()
	})
}

// TestCertificateOfAFailure: what failed after the start has a way there and a way back, what
// failed before it says since when it runs again, and what was refused leaves none.
func TestCertificateOfAFailure(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		if _, none := w.certifiedMove(); none != nil {
			t.Errorf("a connector that is not there has the certificate %+v", none)
		}
		w.Run(pairtest.SlowSource())
		w.Europe.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
			if r.Method == http.MethodPatch && strings.HasSuffix(r.URL.Path, "/offsets") && w.State(w.Global) == connect.Stopped {
				http.Error(rw, `{"error_code":500,"message":"no disk"}`, http.StatusInternalServerError)
				return
			}
			next.ServeHTTP(rw, r)
		})
		failed, d := w.certifiedMove()
		w.Expect(failed, event.Failed, connect.Running, "")
		if c := d.Cutovers[0]; c.RunsOn != "global" || c.DowntimeMS == nil || c.Proof == nil || c.Copy != "" || c.Offsets[0].Final.IsZero() || !c.Offsets[0].Copied.IsZero() {
			t.Errorf("put back: %+v", c)
		}
		if last := d.Timeline[len(d.Timeline)-1]; last.Step != "put_back" || last.Toward != "global" {
			t.Errorf("last step %+v", last)
		}
		w.Europe.Intercept(nil)
		w.Europe.FailStarts(orders, noLogin)
		rolledBack, d := w.certifiedMove()
		w.Expect(rolledBack, event.RolledBack, connect.Running, connect.Stopped)
		if len(d.Cutovers) != 2 || d.Cutovers[0].To != "europe" || !d.Cutovers[0].RunsSince.IsZero() || d.Cutovers[1].RunsOn != "global" {
			t.Errorf("there and back: %+v", d.Cutovers)
		}
		w.Exact()
	})
}
