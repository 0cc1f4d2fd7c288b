package move

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
	"github.com/connect-ferry/connect-ferry/runner/internal/kept"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/offsetstore"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/schemas"
)

// acceptor accepts the connector of a world into a folder.
type acceptor struct {
	*world
	folder kept.Folder
}

func newAcceptor(w *world) *acceptor {
	w.t.Helper()
	return &acceptor{w, kept.Folder{Path: filepath.Join(w.t.TempDir(), "accepted"), Write: func(path string, content []byte) error { return os.WriteFile(path, content, 0o600) }}}
}

func (a *acceptor) accept() event.ConnectorResult {
	return a.mover().Accept(a.t.Context(), a.request(), a.folder, "Bert")
}

// moved moves the connector and lets it go on.
func (a *acceptor) moved(config rawjson.Object) {
	a.t.Helper()
	a.run(config)
	a.expect(a.move(), event.Moved, connect.Stopped, connect.Running)
	a.pass(70 * time.Second)
}

func (a *acceptor) refused(what, reason string) {
	a.t.Helper()
	origin, target := a.state(a.global), a.state(a.europe)
	result := a.accept()
	if !result.Outcome.Bad() || !strings.Contains(result.Message, reason) || result.Changed {
		a.t.Errorf("%s: %s, changed %t: %s", what, result.Outcome, result.Changed, result.Message)
	}
	a.at(origin, target)
}

func (a *acceptor) certificate(name string) kept.Certificate {
	a.t.Helper()
	content, err := os.ReadFile(filepath.Join(a.folder.Path, name))
	var c kept.Certificate
	if err == nil {
		err = schemas.Check(schemas.Accepted, content)
	}
	if err == nil {
		err = json.Unmarshal(content, &c)
	}
	if err != nil {
		a.t.Fatal(err)
	}
	return c
}

const keptFile, offsetsFile = "global.orders.json", "global.orders.offsets.json"

// TestAccept: the origin's copy is gone, the target runs on, and what was kept is what the copy
// had. A second time changes nothing.
func TestAccept(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a := newAcceptor(w)
		w.set = map[string]string{"db.password": "planted-target", "rate": "7"}
		a.moved(slowSource().With("db.password", rawjson.String("planted-origin")).With("only.here", rawjson.String("a b")))
		last, err := w.global.Client().Offsets(t.Context(), orders)
		if err != nil {
			t.Fatal(err)
		}
		result := a.accept()
		w.expect(result, event.Accepted, "", connect.Running)
		if !result.Changed || result.State != "accepted" || !strings.Contains(result.Instructions, keptFile) {
			t.Errorf("%+v", result)
		}
		c := a.certificate(keptFile)
		if c.RemovedAt.IsZero() || c.Config.Text("db.password") != "***" || c.Config.Text("only.here") != "a b" || c.Entries != 2 || c.Shared {
			t.Errorf("%+v", c)
		}
		document, err := os.ReadFile(filepath.Join(a.folder.Path, offsetsFile))
		if err != nil || !offset.Equal(parsed(t, string(document)), parsed(t, last.String())) {
			t.Errorf("kept %s (%v), and the copy had %s", document, err, last)
		}
		for _, file := range result.Files {
			if content, _ := os.ReadFile(file); strings.Contains(string(content), "planted") {
				t.Errorf("%s holds a secret: %s", file, content)
			}
		}
		again := a.accept()
		w.expect(again, event.Unchanged, "", connect.Running)
		if again.Changed {
			t.Error("changed")
		}
		w.exact()
	})
}

func parsed(t *testing.T, text string) offset.Document {
	t.Helper()
	value, err := rawjson.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	document, err := offset.Parse(value)
	if err != nil {
		t.Fatal(err)
	}
	return document
}

// TestAcceptedIsBroughtBack carries out what the certificate says, and rolls back: nothing is
// lost, nothing is sent twice.
func TestAcceptedIsBroughtBack(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a := newAcceptor(w)
		w.set = map[string]string{"note": "on target only"}
		a.moved(slowSource())
		w.expect(a.accept(), event.Accepted, "", connect.Running)
		want := []string{
			"ferry create-stopped --cluster global --from europe --connector orders --was-state running --unset note",
			"ferry connect-offsets-put --cluster global --connector orders --offsets " + offsetsFile,
		}
		if got := a.certificate(keptFile).BringBack; strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Fatalf("%q", got)
		}
		back := w.request().Back()
		back.Unset = []string{"note"}
		settings, err := w.mover().ReadConfig(t.Context(), back.From())
		if err != nil {
			t.Fatal(err)
		}
		if created := w.mover().CreateStopped(t.Context(), back, settings, connect.Running); created.Outcome != event.Created {
			t.Fatal(created.Message)
		}
		document, err := os.ReadFile(filepath.Join(a.folder.Path, offsetsFile))
		if err != nil {
			t.Fatal(err)
		}
		if put := w.mover().PutOffsets(t.Context(), back.To(), offsetstore.Auto, parsed(t, string(document))); put.Outcome != event.Written {
			t.Fatal(put.Message)
		}
		w.set = nil
		w.expect(w.rollback(), event.RolledBack, connect.Running, connect.Stopped)
		w.exact()
	})
}

// TestAcceptRefuses: the copy stays wherever it is still of use, or in doubt.
func TestAcceptRefuses(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a := newAcceptor(w)
		ask := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			w.pass(10 * time.Second)
		}
		global, europe := w.global.Client(), w.europe.Client()
		a.refused("nowhere", "does not exist on global")
		w.run(slowSource())
		a.refused("not moved", "is not on europe")
		a.moved(slowSource())

		ask(europe.Pause(t.Context(), orders))
		a.refused("target paused", "only a connector that runs can be accepted")
		ask(europe.Stop(t.Context(), orders))
		a.refused("target stopped", "is STOPPED on europe, and only a connector that runs can be accepted")
		ask(europe.Resume(t.Context(), orders))

		ask(global.Resume(t.Context(), orders))
		if result := a.accept(); result.Outcome != event.RunningTwice {
			t.Errorf("running twice: %s: %s", result.Outcome, result.Message)
		}
		ask(global.Pause(t.Context(), orders))
		a.refused("origin paused", "its copy on global is PAUSED")
		ask(global.Stop(t.Context(), orders))

		from := instance.Instance{Cluster: w.request().Origin, Name: orders}
		ask(from.MarkBack(t.Context(), connect.Running))
		a.refused("rollback begun", "a rollback to global is not finished")
		ask(from.Unmark(t.Context()))
		ask(global.PatchConfig(t.Context(), orders, config.ChangeToPreliminary()))
		a.refused("origin waits for offsets", "waits for offsets")
		ask(from.Unmark(t.Context()))

		w.europe.FailTask(orders, 0, "java.lang.Exception")
		w.pass(time.Second)
		if result := a.accept(); result.Outcome != event.Down {
			t.Errorf("task failed: %s: %s", result.Outcome, result.Message)
		}
		ask(europe.Restart(t.Context(), orders))

		ahead := offsetsOf(t, global, orders)
		w.global.PutOffset(orders, ahead.Entries()[0].Partition, rawjson.Object{}.With("sequence", rawjson.Int(1_000_000)).Value())
		a.refused("target behind", "the target is behind")
		if _, err := os.Stat(a.folder.Path); err == nil {
			t.Error("a certificate was written of a copy that was never accepted")
		}
	})
}

func offsetsOf(t *testing.T, client *connect.Client, connector string) offset.Document {
	t.Helper()
	value, err := client.Offsets(t.Context(), connector)
	if err != nil {
		t.Fatal(err)
	}
	return parsed(t, value.String())
}

// TestAcceptOfAnUnfinishedMove: a copy that somebody started by hand is not accepted.
func TestAcceptOfAnUnfinishedMove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, true)
		a := newAcceptor(w)
		a.moved(slowSource())
		w.expect(w.rollback(), event.RolledBack, connect.Running, connect.Stopped)
		for _, do := range []func() error{
			func() error { return w.global.Client().Stop(t.Context(), orders) },
			func() error { return w.europe.Client().Resume(t.Context(), orders) },
		} {
			if err := do(); err != nil {
				t.Fatal(err)
			}
			w.pass(10 * time.Second)
		}
		a.refused("idle copy, started by hand", "belongs to no finished move")
	})
}

// TestKilledAcceptance kills an acceptance at every request and runs it again: the copy is gone,
// its certificate is complete, and the target ran on all the time.
func TestKilledAcceptance(t *testing.T) {
	for _, answered := range []bool{true, false} {
		atEveryRequest(t, func(t *testing.T, request int) (done bool) {
			w := newWorld(t, true)
			a := newAcceptor(w)
			a.moved(slowSource())
			w.line.Cut(request, answered)
			a.accept()
			done = w.line.Sent < request
			w.line.Cut(0, false)
			if result := a.accept(); result.Outcome != event.Accepted && result.Outcome != event.Unchanged {
				t.Errorf("after a kill: %s: %s", result.Outcome, result.Message)
			}
			w.at("", connect.Running)
			if c := a.certificate(keptFile); c.RemovedAt.IsZero() || c.Entries != 2 {
				t.Errorf("certificate: %+v", c)
			}
			if _, err := os.Stat(filepath.Join(a.folder.Path, "global.orders-2.json")); err == nil {
				t.Error("one removal has two certificates")
			}
			w.exact()
			return done
		})
	}
}

// TestCreatedAgain: a deployment tool creates the copy again after it was accepted.
func TestCreatedAgain(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a := newAcceptor(w)
		a.moved(slowSource())
		w.expect(a.accept(), event.Accepted, "", connect.Running)
		if err := w.global.Client().PutConfig(t.Context(), orders, slowSource()); err != nil {
			t.Fatal(err)
		}
		w.await(w.global, connect.Running)
		twice := a.accept()
		if twice.Outcome != event.RunningTwice || !strings.Contains(twice.Message, "has created it again") || !strings.Contains(twice.Instructions, "/stop") {
			t.Errorf("%s: %s; %s", twice.Outcome, twice.Message, twice.Instructions)
		}
		w.at(connect.Running, connect.Running)
		if err := w.global.Client().Stop(t.Context(), orders); err != nil {
			t.Fatal(err)
		}
		w.pass(70 * time.Second)
		first := a.certificate(keptFile)
		result := a.accept()
		w.expect(result, event.Accepted, "", connect.Running)
		if !strings.Contains(result.Message, "has created it again") || !strings.Contains(result.Instructions, "ferry handover") {
			t.Errorf("%s; %s", result.Message, result.Instructions)
		}
		if now := a.certificate(keptFile); !now.RemovedAt.Equal(first.RemovedAt) {
			t.Error("the first certificate was replaced")
		}
		a.certificate("global.orders-2.json")
	})
}
