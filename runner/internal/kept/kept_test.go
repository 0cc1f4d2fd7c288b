package kept

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/schemas"
)

func folder(t *testing.T) Folder {
	t.Helper()
	return Folder{Path: filepath.Join(t.TempDir(), "new", "folder"), Write: func(path string, content []byte) error { return os.WriteFile(path, content, 0o600) }}
}

func open(t *testing.T, of Folder, connector string) Entry {
	t.Helper()
	entry, err := of.Open("global", connector)
	if err != nil {
		t.Fatal(err)
	}
	return entry
}

func certificate(connector string) Certificate {
	return Certificate{
		Connector: connector, TargetConnector: connector, Origin: "global", Target: "europe", KeptAt: time.Unix(1, 0).UTC(),
		OriginState: "STOPPED", TargetState: "RUNNING", Config: rawjson.Object{}.With("a.number", rawjson.String("9007199254740993")), BringBack: []string{"ferry"},
	}
}

// TestEachRemovalHasItsOwn: a certificate is found again until its copy is gone, and the next
// removal gets another.
func TestEachRemovalHasItsOwn(t *testing.T) {
	const connector = "a/b c%"
	of := folder(t)
	first := open(t, of, connector)
	if first.Before != nil || first.Begun != nil {
		t.Fatalf("%+v", first)
	}
	files, err := first.Keep(certificate(connector), offset.Document{})
	if err != nil || len(files) != 2 || filepath.Dir(files[1]) != of.Path {
		t.Fatalf("%q, %v", files, err)
	}
	content, err := os.ReadFile(files[1])
	if err != nil || schemas.Check(schemas.Accepted, content) != nil || !strings.Contains(string(content), `"9007199254740993"`) {
		t.Errorf("%v: %s", err, content)
	}
	again := open(t, of, connector)
	if again.Begun == nil || again.Before != nil || again.Offsets() != first.Offsets() {
		t.Errorf("a run that was cut off is not found: %+v", again)
	}
	if err := again.Removed(time.Unix(2, 0)); err != nil {
		t.Fatal(err)
	}
	next := open(t, of, connector)
	if next.Before == nil || !next.Before.RemovedAt.Equal(time.Unix(2, 0)) || next.Begun != nil || next.Offsets() == first.Offsets() {
		t.Errorf("%+v", next)
	}
	if other := open(t, of, "orders"); other.Before != nil {
		t.Error("the certificate of another connector was found")
	}
}

// TestRenames: what was accepted under another name is known by it, of these two clusters alone.
func TestRenames(t *testing.T) {
	of := folder(t)
	for connector, target := range map[string]string{"orders": "orders-eu", "bills": "bills", "prices": "prices-eu"} {
		renamed := certificate(connector)
		renamed.TargetConnector = target
		entry := open(t, of, connector)
		if _, err := entry.Keep(renamed, offset.Document{}); err != nil {
			t.Fatal(err)
		}
		if connector == "prices" { // not removed yet
			continue
		}
		if err := entry.Removed(time.Unix(2, 0)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(of.Path, "other.json"), []byte("no JSON"), 0o600); err != nil {
		t.Fatal(err)
	}
	for target, want := range map[string]map[string]string{"europe": {"orders": "orders-eu"}, "asia": {}} {
		if got, err := of.Renames("global", target); err != nil || !maps.Equal(got, want) {
			t.Errorf("%v, %v", got, err)
		}
	}
	if got, err := (Folder{Path: filepath.Join(of.Path, "absent")}).Renames("global", "europe"); err != nil || len(got) > 0 {
		t.Errorf("%v, %v", got, err)
	}
}

// TestSharedOffsetsAreNotKept: they go on, and old ones are of no use.
func TestSharedOffsetsAreNotKept(t *testing.T) {
	entry := open(t, folder(t), "orders")
	shared := certificate("orders")
	shared.Shared = true
	files, err := entry.Keep(shared, offset.Document{})
	if _, missing := os.Stat(entry.Offsets()); err != nil || len(files) != 1 || missing == nil {
		t.Errorf("%q, %v", files, err)
	}
}

// TestForeignFilesAreRefused: what is no certificate of this connector is not overwritten.
func TestForeignFilesAreRefused(t *testing.T) {
	for _, content := range []string{"no JSON", `{"schema": "other/1"}`, `{"schema": "connect-ferry/accepted/1", "origin": "asia", "connector": "orders"}`} {
		of := folder(t)
		if err := os.MkdirAll(of.Path, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(of.Path, "global.orders.json"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := of.Open("global", "orders"); err == nil || !strings.Contains(err.Error(), "global.orders.json") {
			t.Errorf("%s: %v", content, err)
		}
	}
}
