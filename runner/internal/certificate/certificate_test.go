package certificate

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson/rawjsontest"
)

// TestHashHasNoSecret: the hash does not tell one secret from another, and it can be computed
// from what a cluster shows with what the certificate says, as docs/certificate.md does it.
func TestHashHasNoSecret(t *testing.T) {
	origin := rawjsontest.Object(t, `{"name":"orders","tasks.max":"2","query":"a < b & \"c\"","db.password":"1234","token":"${file:/x:y}","ferry.keep.state":"IDLE"}`)
	first := rawjsontest.Object(t, `{"name":"orders-eu","tasks.max":"2","query":"a < b & \"c\"","db.password":"1235","token":"${file:/x:y}"}`)
	second := rawjsontest.Object(t, `{"name":"orders-eu","tasks.max":"2","query":"a < b & \"c\"","db.password":"1234","token":"${file:/x:y}"}`)
	differs, same := compare(&origin, &first), compare(&origin, &second)
	if differs.SHA256 != same.SHA256 || same.SHA256.Origin != same.SHA256.Target {
		t.Errorf("the hash depends on the secret: %+v, %+v", differs.SHA256, same.SHA256)
	}
	if len(differs.Secrets) != 1 || *differs.Secrets[0].Equal || len(same.Secrets) != 1 || !*same.Secrets[0].Equal || same.Secrets[0].Setting != "db.password" {
		t.Errorf("secrets %+v and %+v", differs.Secrets, same.Secrets)
	}
	shown := map[string]string{}
	if err := json.Unmarshal(origin.Value().Bytes(), &shown); err != nil {
		t.Fatal(err)
	}
	delete(shown, "name")
	delete(shown, "ferry.keep.state")
	for _, secret := range same.Secrets {
		shown[secret.Setting] = "***"
	}
	canonical, err := json.Marshal(shown) // sorted, and with <, > and & escaped
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("%x", sha256.Sum256(canonical)); same.SHA256.Origin != want {
		t.Errorf("hash %s, want %s of %s", same.SHA256.Origin, want, canonical)
	}
	// Any other setting changes it.
	if other := origin.With("tasks.max", rawjsontest.Value(t, `"3"`)); compare(&other, nil).SHA256.Origin == same.SHA256.Origin {
		t.Error("the hash does not depend on a setting")
	}
}

func TestOneSideOnly(t *testing.T) {
	origin := rawjsontest.Object(t, `{"name":"orders","a":"b","db.password":"1234"}`)
	found := compare(&origin, nil)
	if found.SHA256.Target != "" || found.SHA256.Origin == "" || found.Differences != nil || found.Secrets[0].Equal != nil || found.Settings != 2 {
		t.Errorf("found %+v", found)
	}
	if compare(nil, nil) != nil {
		t.Error("a config that nobody saw is compared")
	}
}

func document(t *testing.T, text string) *offset.Document {
	t.Helper()
	parsed, err := offset.Parse(rawjsontest.Value(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return &parsed
}

func TestRows(t *testing.T) {
	final := document(t, `{"offsets":[{"partition":{"p":10},"offset":{"o":1}},{"partition":{"p":9},"offset":{"o":12345678901234567890}}]}`)
	later := document(t, `{"offsets":[{"partition":{"p":9},"offset":{"o":2}},{"partition":{"p":11},"offset":null}]}`)
	var got []string
	for _, row := range rows(final, nil, later) {
		got = append(got, fmt.Sprintf("%s %s %t %s", row.Partition, row.Final, row.Copied.IsZero(), row.Later))
	}
	want := []string{`{"p":9} {"o":12345678901234567890} true {"o":2}`, `{"p":10} {"o":1} true null`, `{"p":11} null true null`}
	if !slices.Equal(got, want) {
		t.Errorf("rows %q", got)
	}
	all := rows(final, nil, later)
	if !all[1].Later.IsZero() || all[2].Later.IsZero() || !all[2].Later.IsNull() {
		t.Error("an offset that is null and one that is not there are the same")
	}
}

func TestDue(t *testing.T) {
	for _, test := range []struct {
		command, state string
		outcome        event.Outcome
		changed, want  bool
	}{
		{"move", "moved", event.Moved, true, true},
		{"move", "moved", event.Unchanged, false, true},
		{"move", "not_begun", event.Refused, false, false},
		{"move", "prepared", event.Failed, true, true},
		{"rollback", "not_begun", event.Unchanged, false, false},
		{"accept", "accepted", event.Unchanged, false, true},
		{"accept", "moved", event.Refused, false, false},
		{"rollback", "prepared", event.RolledBack, true, true},
		{"move", "", event.Held, false, false},
	} {
		e := Evidence{Command: test.command, Result: event.ConnectorResult{State: test.state, Outcome: test.outcome, Changed: test.changed}}
		if e.Due() != test.want {
			t.Errorf("%+v: due %t", test, e.Due())
		}
	}
}
