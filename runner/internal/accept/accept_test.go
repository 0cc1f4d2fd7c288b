package accept

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/command"
	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
	"github.com/connect-ferry/connect-ferry/runner/internal/kept"
	"github.com/connect-ferry/connect-ferry/runner/internal/move"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/offsetstore"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair/pairtest"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/single"
	"github.com/connect-ferry/connect-ferry/schemas"
)

// acceptor accepts the connector of a world into a folder.
type acceptor struct {
	*pairtest.World
	folder kept.Folder
}

func newAcceptor(w *pairtest.World) *acceptor {
	w.T.Helper()
	return &acceptor{w, kept.Folder{Path: filepath.Join(w.T.TempDir(), "accepted"), Write: func(path string, content []byte) error { return os.WriteFile(path, content, 0o600) }}}
}

func (a *acceptor) accept() event.ConnectorResult {
	return a.acceptor().Accept(a.T.Context(), a.Request())
}

func (a *acceptor) acceptor() Acceptor { return Acceptor{Setup: setup(), Folder: a.folder, By: "Bert"} }

func setup() *command.Setup {
	return &command.Setup{Options: command.DefaultOptions(), Events: event.Discard{}}
}

func (a *acceptor) move() event.ConnectorResult {
	return (&move.Mover{Setup: setup()}).Move(a.T.Context(), a.Request())
}

func (a *acceptor) rollback() event.ConnectorResult {
	return (&move.Mover{Setup: setup()}).Rollback(a.T.Context(), a.Request())
}

// moved moves the connector and lets it go on.
func (a *acceptor) moved(config rawjson.Object) {
	a.T.Helper()
	a.Run(config)
	a.Expect(a.move(), event.Moved, connect.Stopped, connect.Running)
	a.Pass(70 * time.Second)
}

func (a *acceptor) refused(what, reason string) {
	a.T.Helper()
	origin, target := a.State(a.Global), a.State(a.Europe)
	result := a.accept()
	if !result.Outcome.Bad() || !strings.Contains(result.Message, reason) || result.Changed {
		a.T.Errorf("%s: %s, changed %t: %s", what, result.Outcome, result.Changed, result.Message)
	}
	a.At(origin, target)
}

func (a *acceptor) certificate(name string) kept.Certificate {
	a.T.Helper()
	content, err := os.ReadFile(filepath.Join(a.folder.Path, name))
	var c kept.Certificate
	if err == nil {
		err = schemas.Check(schemas.Accepted, content)
	}
	if err == nil {
		err = json.Unmarshal(content, &c)
	}
	if err != nil {
		a.T.Fatal(err)
	}
	return c
}

const keptFile, offsetsFile = "global.orders.json", "global.orders.offsets.json"

// TestAccept: the origin's copy is gone, the target runs on, and what was kept is what the copy
// had. A second time changes nothing.
func TestAccept(t *testing.T) {
	pairtest.InWorld(t, func(t *testing.T, w *pairtest.World) {
		a := newAcceptor(w)
		w.Set = map[string]string{"db.password": "planted-target", "rate": "7"}
		a.moved(pairtest.SlowSource().With("db.password", rawjson.String("planted-origin")).With("only.here", rawjson.String("a b")))
		last, err := w.Global.Client().Offsets(t.Context(), pairtest.Orders)
		if err != nil {
			t.Fatal(err)
		}
		result := a.accept()
		w.Expect(result, event.Accepted, "", connect.Running)
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
		w.Expect(again, event.Unchanged, "", connect.Running)
		if again.Changed {
			t.Error("changed")
		}
		w.Exact()
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
	pairtest.InWorld(t, func(t *testing.T, w *pairtest.World) {
		a := newAcceptor(w)
		w.Set = map[string]string{"note": "on target only"}
		a.moved(pairtest.SlowSource())
		w.Expect(a.accept(), event.Accepted, "", connect.Running)
		want := []string{
			"ferry create-stopped --cluster global --from europe --connector orders --was-state running --unset note",
			"ferry connect-offsets-put --cluster global --connector orders --offsets " + offsetsFile,
		}
		if got := a.certificate(keptFile).BringBack; strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Fatalf("%q", got)
		}
		back := w.Request().Back()
		back.Unset = []string{"note"}
		steps := single.Steps{Setup: setup()}
		settings, err := steps.ReadConfig(t.Context(), back.From())
		if err != nil {
			t.Fatal(err)
		}
		if created := steps.CreateStopped(t.Context(), back, settings, connect.Running); created.Outcome != event.Created {
			t.Fatal(created.Message)
		}
		document, err := os.ReadFile(filepath.Join(a.folder.Path, offsetsFile))
		if err != nil {
			t.Fatal(err)
		}
		if put := steps.PutOffsets(t.Context(), back.To(), offsetstore.Auto, parsed(t, string(document))); put.Outcome != event.Written {
			t.Fatal(put.Message)
		}
		w.Set = nil
		w.Expect(a.rollback(), event.RolledBack, connect.Running, connect.Stopped)
		w.Exact()
	})
}

// TestAcceptRefuses: the copy stays wherever it is still of use, or in doubt.
func TestAcceptRefuses(t *testing.T) {
	pairtest.InWorld(t, func(t *testing.T, w *pairtest.World) {
		a := newAcceptor(w)
		ask := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			w.Pass(10 * time.Second)
		}
		global, europe := w.Global.Client(), w.Europe.Client()
		a.refused("nowhere", "does not exist on global")
		w.Run(pairtest.SlowSource())
		a.refused("not moved", "is not on europe")
		a.moved(pairtest.SlowSource())

		ask(europe.Pause(t.Context(), pairtest.Orders))
		a.refused("target paused", "only a connector that runs can be accepted")
		ask(europe.Stop(t.Context(), pairtest.Orders))
		a.refused("target stopped", "is STOPPED on europe, and only a connector that runs can be accepted")
		ask(europe.Resume(t.Context(), pairtest.Orders))

		ask(global.Resume(t.Context(), pairtest.Orders))
		if result := a.accept(); result.Outcome != event.RunningTwice {
			t.Errorf("running twice: %s: %s", result.Outcome, result.Message)
		}
		ask(global.Pause(t.Context(), pairtest.Orders))
		a.refused("origin paused", "its copy on global is PAUSED")
		ask(global.Stop(t.Context(), pairtest.Orders))

		from := instance.Instance{Cluster: w.Request().Origin, Name: pairtest.Orders}
		ask(from.MarkBack(t.Context(), connect.Running))
		a.refused("rollback begun", "a rollback to global is not finished")
		ask(from.Unmark(t.Context()))
		ask(global.PatchConfig(t.Context(), pairtest.Orders, config.ChangeToPreliminary()))
		a.refused("origin waits for offsets", "waits for offsets")
		ask(from.Unmark(t.Context()))

		w.Europe.FailTask(pairtest.Orders, 0, "java.lang.Exception")
		w.Pass(time.Second)
		if result := a.accept(); result.Outcome != event.Down {
			t.Errorf("task failed: %s: %s", result.Outcome, result.Message)
		}
		ask(europe.Restart(t.Context(), pairtest.Orders))

		ahead := offsetsOf(t, global, pairtest.Orders)
		w.Global.PutOffset(pairtest.Orders, ahead.Entries()[0].Partition, rawjson.Object{}.With("sequence", rawjson.Int(1_000_000)).Value())
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
		w := pairtest.New(t, true, nil, nil)
		a := newAcceptor(w)
		a.moved(pairtest.SlowSource())
		w.Expect(a.rollback(), event.RolledBack, connect.Running, connect.Stopped)
		for _, do := range []func() error{
			func() error { return w.Global.Client().Stop(t.Context(), pairtest.Orders) },
			func() error { return w.Europe.Client().Resume(t.Context(), pairtest.Orders) },
		} {
			if err := do(); err != nil {
				t.Fatal(err)
			}
			w.Pass(10 * time.Second)
		}
		a.refused("idle copy, started by hand", "belongs to no finished move")
	})
}

// TestKilledAcceptance kills an acceptance at every request and runs it again: the copy is gone,
// its certificate is complete, and the target ran on all the time.
func TestKilledAcceptance(t *testing.T) {
	for _, answered := range []bool{true, false} {
		pairtest.AtEveryRequest(t, func(t *testing.T, request int) (done bool) {
			w := pairtest.New(t, true, nil, nil)
			a := newAcceptor(w)
			a.moved(pairtest.SlowSource())
			w.Line.Cut(request, answered)
			a.accept()
			done = w.Line.Sent < request
			w.Line.Cut(0, false)
			if result := a.accept(); result.Outcome != event.Accepted && result.Outcome != event.Unchanged {
				t.Errorf("after a kill: %s: %s", result.Outcome, result.Message)
			}
			w.At("", connect.Running)
			if c := a.certificate(keptFile); c.RemovedAt.IsZero() || c.Entries != 2 {
				t.Errorf("certificate: %+v", c)
			}
			if _, err := os.Stat(filepath.Join(a.folder.Path, "global.orders-2.json")); err == nil {
				t.Error("one removal has two certificates")
			}
			w.Exact()
			return done
		})
	}
}

// TestCreatedAgain: a deployment tool creates the copy again after it was accepted.
func TestCreatedAgain(t *testing.T) {
	pairtest.InWorld(t, func(t *testing.T, w *pairtest.World) {
		a := newAcceptor(w)
		a.moved(pairtest.SlowSource())
		w.Expect(a.accept(), event.Accepted, "", connect.Running)
		if err := w.Global.Client().PutConfig(t.Context(), pairtest.Orders, pairtest.SlowSource()); err != nil {
			t.Fatal(err)
		}
		w.Await(w.Global, connect.Running)
		twice := a.accept()
		if twice.Outcome != event.RunningTwice || !strings.Contains(twice.Message, "has created it again") || !strings.Contains(twice.Instructions, "/stop") {
			t.Errorf("%s: %s; %s", twice.Outcome, twice.Message, twice.Instructions)
		}
		w.At(connect.Running, connect.Running)
		if err := w.Global.Client().Stop(t.Context(), pairtest.Orders); err != nil {
			t.Fatal(err)
		}
		w.Pass(70 * time.Second)
		first := a.certificate(keptFile)
		result := a.accept()
		w.Expect(result, event.Accepted, "", connect.Running)
		if !strings.Contains(result.Message, "has created it again") || !strings.Contains(result.Instructions, "ferry handover") {
			t.Errorf("%s; %s", result.Message, result.Instructions)
		}
		if now := a.certificate(keptFile); !now.RemovedAt.Equal(first.RemovedAt) {
			t.Error("the first certificate was replaced")
		}
		a.certificate("global.orders-2.json")
	})
}

// TestTwoAcceptAtOnce has another run begin at any moment of an acceptance, without leases. One removes the copy, to the other it
// is gone, and neither takes that for a failure.
func TestTwoAcceptAtOnce(t *testing.T) {
	for delay := time.Duration(0); delay < 3*time.Second; delay += 97 * time.Millisecond {
		synctest.Test(t, func(t *testing.T) {
			a := newAcceptor(pairtest.New(t, false, nil, nil))
			a.moved(connecttest.SourceConfig(pairtest.Topic, 2))
			var results [2]event.ConnectorResult
			var runs sync.WaitGroup
			for i := range results {
				runs.Go(func() {
					a.Pass(time.Duration(i) * delay)
					acceptor := a.acceptor()
					acceptor.Folder.Path = filepath.Join(acceptor.Folder.Path, strconv.Itoa(i)) // in Kestra each task has its own
					results[i] = acceptor.Accept(a.T.Context(), a.Request())
				})
			}
			runs.Wait()
			removed := 0
			for _, result := range results {
				if result.Outcome == event.Accepted {
					removed++
				} else if result.Outcome != event.Unchanged {
					t.Errorf("with the second run %s after the first: %s: %s", delay, result.Outcome, result.Message)
				}
			}
			if removed == 0 {
				t.Errorf("with the second run %s after the first, no run has removed it: %+v", delay, results)
			}
			a.At("", connect.Running)
		})
	}
}
