package clusterfile

import (
	"net/url"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/secret"
)

// Channel is a way to tell people. It has either a URL or a Subject.
type Channel struct {
	Name    string
	URL     secret.String // of a webhook: whoever knows it can write there
	Format  string        // what the webhook reads: auto, slack, teams or json
	TLS     *TLS
	Subject string   // of NATS
	Owners  []string // empty: it is told of everything
	Level   string   // the least it is told of: info, warn or error
}

// The defaults.
const (
	defaultFormat = "auto"
	defaultLevel  = "info"
)

// channels reads the section notify. nats is the section beside it.
func (r *reader) channels(from node, nats *NATS) []Channel {
	var all []Channel
	named := map[string]bool{}
	for _, element := range from.elements() {
		channel := r.channel(element, nats)
		if named[channel.Name] {
			r.fail(element.member("name"), "another channel has this name")
		}
		named[channel.Name] = true
		all = append(all, channel)
	}
	return all
}

func (r *reader) channel(from node, nats *NATS) Channel {
	channel := Channel{
		Name: r.text(from.member("name")), Format: defaultFormat, TLS: r.tls(from.member("tls")),
		Owners: r.texts(from.member("owners")), Level: defaultLevel,
	}
	if format, given := from.member("format").value.Text(); given {
		channel.Format = format
	}
	if level, given := from.member("level").value.Text(); given {
		channel.Level = level
	}
	hook, subject := from.member("url"), from.member("subject")
	switch {
	case hook.exists() == subject.exists():
		r.fail(from, "expected either url (a webhook) or subject (NATS)")
	case hook.exists():
		channel.URL = r.webhook(hook)
	default:
		channel.Subject = r.subject(subject, nats)
	}
	return channel
}

// webhook reads a URL that is a secret as a whole, since most services put the secret into
// its path.
func (r *reader) webhook(from node) secret.String {
	hook := r.secret(from)
	parsed, err := url.Parse(hook.Reveal())
	if err != nil || parsed.Hostname() == "" || parsed.Scheme != "http" && parsed.Scheme != "https" {
		r.fail(from, "expected a URL such as https://hooks.slack.com/services/...")
		return hook
	}
	// What answers may quote the path alone.
	if path := parsed.RequestURI(); len(path) >= shortestHeader {
		r.learn(secret.New(path))
	}
	return hook
}

// subject reads where to publish. The history's own subjects are no place for notices.
func (r *reader) subject(from node, nats *NATS) string {
	subject := r.named(from, "", subjectTokens, "words of letters, digits, - and _, with dots between them")
	switch {
	case nats == nil:
		r.fail(from, "a subject needs the section nats, which says where NATS is")
	case strings.HasPrefix(subject+".", nats.SubjectPrefix+"."):
		r.fail(from, "subjects below nats.subject_prefix are those of the history, choose another such as notices.ferry")
	}
	return subject
}
