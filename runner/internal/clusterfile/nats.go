package clusterfile

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/secret"
)

// NATS says where leases and the history are kept, and how to log in. At most one of
// CredsFile, Nkey, Token and Username is set.
type NATS struct {
	URLs      []string // at least one
	CredsFile string
	Nkey      secret.String // the seed
	Token     secret.String
	Username  string
	Password  secret.String
	TLS       *TLS // nil: the URL decides
	// Stream holds the history, Bucket the leases.
	Stream, Bucket string
	SubjectPrefix  string
	// LeaseTTL is after how long without a renewal another run may take a lease.
	LeaseTTL time.Duration
	// Required forbids writing to a cluster while NATS cannot be used.
	Required bool
}

// The defaults.
const (
	defaultStream   = "FERRY"
	defaultBucket   = "ferry-leases"
	defaultPrefix   = "ferry"
	defaultLeaseTTL = 30 * time.Second
)

// The bounds of LeaseTTL. A shorter lease would expire while a server restarts; a longer
// one would keep everybody out after a crash.
const (
	minLeaseTTL = time.Second
	maxLeaseTTL = time.Hour
)

var (
	jetStreamName = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)
	subjectTokens = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)
)

func (r *reader) nats(from node) *NATS {
	if !from.exists() {
		return nil
	}
	nats := &NATS{
		CredsFile: r.path(from.member("creds_file")),
		Nkey:      r.secret(from.member("nkey")), Token: r.secret(from.member("token")),
		Username: r.text(from.member("username")), Password: r.secret(from.member("password")),
		TLS:           r.tls(from.member("tls")),
		Stream:        r.named(from.member("stream"), defaultStream, jetStreamName, "letters, digits, - and _"),
		Bucket:        r.named(from.member("bucket"), defaultBucket, jetStreamName, "letters, digits, - and _"),
		SubjectPrefix: r.named(from.member("subject_prefix"), defaultPrefix, subjectTokens, "words of letters, digits, - and _, with dots between them"),
		LeaseTTL:      r.leaseTTL(from.member("lease_ttl")),
		Required:      true,
	}
	for _, server := range from.member("url").elements() {
		nats.URLs = append(nats.URLs, r.natsURL(server))
	}
	if required, ok := from.member("required").value.Bool(); ok {
		nats.Required = required
	}
	if logins := nats.logins(); len(logins) > 1 {
		r.fail(from, "has "+strings.Join(logins, " and ")+", expected one way to log in")
	}
	return nats
}

func (n *NATS) logins() []string {
	var logins []string
	for _, login := range []struct {
		name string
		used bool
	}{{"creds_file", n.CredsFile != ""}, {"nkey", !n.Nkey.IsZero()}, {"token", !n.Token.IsZero()}, {"username", n.Username != ""}} {
		if login.used {
			logins = append(logins, login.name)
		}
	}
	return logins
}

func (r *reader) named(from node, otherwise string, form *regexp.Regexp, of string) string {
	name := r.text(from)
	if name == "" {
		return otherwise
	}
	if !form.MatchString(name) {
		r.fail(from, "expected "+of)
	}
	return name
}

func (r *reader) leaseTTL(from node) time.Duration {
	text := r.text(from)
	if text == "" {
		return defaultLeaseTTL
	}
	ttl, err := time.ParseDuration(text)
	if err != nil || ttl < minLeaseTTL || ttl > maxLeaseTTL {
		r.fail(from, "expected a time from "+minLeaseTTL.String()+" to 1h, such as 30s")
	}
	return ttl
}

func (r *reader) natsURL(from node) string {
	text := r.text(from)
	parsed, err := url.Parse(text)
	switch {
	case err != nil || parsed.Hostname() == "" || !slices.Contains([]string{"nats", "tls", "ws", "wss"}, parsed.Scheme):
		r.fail(from, "expected a URL such as nats://nats-1:4222")
	case parsed.User != nil:
		r.fail(from, "a URL with credentials ends up in logs, use username and password, token, nkey or creds_file")
	}
	return text
}
