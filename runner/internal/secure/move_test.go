package secure

import (
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab/labtest"
)

// thereAndBack moves a connector and back, both with hard proof and exact.
func (s *stage) thereAndBack(t *testing.T, global, europe settings) {
	t.Helper()
	connector := labtest.Name(t)
	s.run(t, connector)
	for _, step := range []struct {
		command, format string
		want            event.Outcome
	}{{"move", "json", event.Moved}, {"rollback", "kestra", event.RolledBack}} {
		got := s.ferry(t, global, europe, step.format, moving(step.command, connector)...)
		if got.Code != 0 || len(got.Result.Connectors) != 1 {
			t.Fatalf("%s: exit code %d\n%s", step.command, got.Code, said(got))
		}
		moved := got.Result.Connectors[0]
		if moved.Outcome != step.want || moved.Proof == nil || moved.Proof.Kind != event.Hard {
			t.Fatalf("%s: %+v\n%s", step.command, moved, said(got))
		}
		t.Logf("%s: %s", step.command, moved.Message)
		s.flows(t, connector, 50)
	}
	s.exact(t, connector)
}

func TestMove(t *testing.T) {
	s := newStage(t)

	t.Run("client certificate to basic", func(t *testing.T) {
		// REST by client certificate and by password, Kafka by SCRAM and by client certificate.
		s.thereAndBack(t, s.global(), s.europe())
	})

	t.Run("bearer and header", func(t *testing.T) {
		token, key := s.plants.New("bearer token"), s.plants.New("header")
		behind := &tls.Config{Certificates: []tls.Certificate{s.issue("front", -time.Hour, time.Hour).Pair}, MinVersion: tls.VersionTLS12}
		global := s.global().with(settings{
			"connect_url":  front(t, s.Connect("global"), behind, bearing("Authorization", "Bearer "+token)),
			"bearer_token": token, "tls.cert_file": "", "tls.key_file": "",
		})
		europe := s.europe().with(settings{
			"connect_url": front(t, s.Connect("europe"), behind, bearing("X-Api-Key", key)),
			"username":    "", "password": "", "headers.X-Api-Key": key,
		})
		s.thereAndBack(t, global, europe)
	})

	// The front calls itself inner, the issuer does not: server_name is for the workers alone.
	oauth := func(t *testing.T, tokens *issuer) (global, europe settings) {
		inner := &tls.Config{Certificates: []tls.Certificate{s.issue("inner", -time.Hour, time.Hour, "inner.example").Pair}, MinVersion: tls.VersionTLS12}
		outer := &tls.Config{Certificates: []tls.Certificate{s.issue("outer", -time.Hour, time.Hour).Pair}, MinVersion: tls.VersionTLS12}
		global = s.global().with(settings{
			"connect_url": front(t, s.Connect("global"), inner, tokens.allow), "tls.server_name": "inner.example",
			"oauth.token_url": serve(t, outer, tokens.serve) + "/token", "oauth.client_id": tokens.clientID, "oauth.client_secret": tokens.secret,
		})
		return global, s.europe()
	}

	t.Run("token whose end is told", func(t *testing.T) {
		// A token counts as expired ten seconds early: this one is good for one.
		tokens := newIssuer(s.plants, 11*time.Second, "11")
		global, europe := oauth(t, tokens)
		s.thereAndBack(t, global, europe)
		if issued, refused := tokens.issued(); issued < 3 || refused != 0 {
			t.Errorf("%d tokens, %d times refused; want several, and none used too long", issued, refused)
		}
	})

	t.Run("token that expires in the middle", func(t *testing.T) {
		tokens := newIssuer(s.plants, 1500*time.Millisecond, "")
		global, europe := oauth(t, tokens)
		s.thereAndBack(t, global, europe)
		if issued, refused := tokens.issued(); issued < 3 || refused < 2 {
			t.Errorf("%d tokens, %d times refused; want one that expired in each of two commands", issued, refused)
		}
	})
}

// TestFailingTask has a secret in the trace of a task, which every format tells.
func TestFailingTask(t *testing.T) {
	s := newStage(t)
	connector := labtest.Name(t)
	s.run(t, connector)
	for _, format := range []string{"text", "json", "kestra"} {
		secret := s.plants.New("trace, " + format)
		got := s.ferry(t, s.global(), s.europe(), format, append(moving("move", connector), "--overwrite", "--request", s.request(t, secret))...)
		if got.Code != 12 || !strings.Contains(said(got), "login with *** refused") {
			t.Errorf("%s: exit code %d\n%s", format, got.Code, said(got))
		}
	}
	s.exact(t, connector)
}

// request is a request file that makes the copy fail and tell the secret.
func (s *stage) request(t *testing.T, secret string) string {
	t.Helper()
	file := filepath.Join(s.folder, "request.json")
	content := fmt.Sprintf(`{"set": {"fail.on.start": "true", "secret": %q}}`, secret)
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
