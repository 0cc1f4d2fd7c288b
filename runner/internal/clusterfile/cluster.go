package clusterfile

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/secret"
)

func (r *reader) cluster(name string, from node) Cluster {
	cluster := Cluster{
		Name:        name,
		ConnectURLs: r.workers(from.member("connect_url")),
		Username:    r.text(from.member("username")),
		Password:    r.secret(from.member("password")),
		BearerToken: r.secret(from.member("bearer_token")),
		Headers:     r.headers(from.member("headers")),
		OAuth:       r.oauth(from.member("oauth")),
		TLS:         r.tls(from.member("tls")),
		Kafka:       r.kafka(from.member("kafka")),
	}
	if strings.Contains(cluster.Username, ":") {
		r.fail(from.member("username"), "HTTP basic authentication takes no user name with a colon")
	}
	if cluster.Username != "" {
		r.learn(secret.New(cluster.Username + ":" + cluster.Password.Reveal()))
	}
	if logins := cluster.logins(); len(logins) > 1 {
		r.fail(from, "has "+strings.Join(logins, " and ")+", expected one way to log in")
	}
	return cluster
}

func (r *reader) workers(from node) []string {
	elements := from.elements()
	workers := make([]string, len(elements))
	for i, element := range elements {
		workers[i] = r.url(element)
	}
	return workers
}

// logins lists the logins that the cluster is given. Only one of them can be sent.
func (c Cluster) logins() []string {
	var logins []string
	if c.Username != "" {
		logins = append(logins, "username")
	}
	if !c.BearerToken.IsZero() {
		logins = append(logins, "bearer_token")
	}
	if c.OAuth != nil {
		logins = append(logins, "oauth")
	}
	if _, ok := c.Headers["Authorization"]; ok {
		logins = append(logins, "headers.Authorization")
	}
	return logins
}

// unsettable are headers that Go's HTTP client silently ignores.
var unsettable = []string{"Host", "Content-Length", "Transfer-Encoding", "Trailer"}

// headers reads headers and stores them under their canonical names.
func (r *reader) headers(from node) map[string]secret.String {
	if !from.exists() {
		return nil
	}
	headers := map[string]secret.String{}
	for _, written := range from.keys() {
		member := from.member(written)
		name := http.CanonicalHeaderKey(written)
		value := r.text(member)
		_, twice := headers[name]
		switch {
		case !isToken(written):
			r.fail(member, "a header's name is of letters, digits and -")
		case slices.Contains(unsettable, name):
			r.fail(member, "the header "+name+" cannot be set, it follows from connect_url and the request")
		case twice:
			r.fail(member, "the header "+name+" appears twice")
		case strings.ContainsFunc(value, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }):
			r.fail(member, "a header's value is one line without control characters")
		}
		headers[name] = secret.New(value)
		r.learnHeader(name, value, member)
	}
	return headers
}

func isToken(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("!#$%&'*+-.^_`|~", c)
	})
}

func (r *reader) oauth(from node) *OAuth {
	if !from.exists() {
		return nil
	}
	oauth := &OAuth{
		TokenURL:     r.url(from.member("token_url")),
		ClientID:     r.text(from.member("client_id")),
		ClientSecret: r.secret(from.member("client_secret")),
		Scopes:       r.texts(from.member("scopes")),
	}
	r.learn(secret.New(oauth.ClientID + ":" + oauth.ClientSecret.Reveal()))
	return oauth
}

func (r *reader) kafka(from node) *Kafka {
	if !from.exists() {
		return nil
	}
	kafka := &Kafka{
		BootstrapServers: r.texts(from.member("bootstrap_servers")),
		OffsetTopic:      r.text(from.member("offset_storage_topic")),
		StatusTopic:      r.text(from.member("status_storage_topic")),
		ConfigTopic:      r.text(from.member("config_storage_topic")),
		TLS:              r.tls(from.member("tls")),
	}
	for i, server := range from.member("bootstrap_servers").elements() {
		if !isServer(kafka.BootstrapServers[i]) {
			r.fail(server, "expected a broker such as kafka-1:9092")
		}
	}
	if sasl := from.member("sasl"); sasl.exists() {
		kafka.SASL = &SASL{
			Mechanism: r.text(sasl.member("mechanism")),
			Username:  r.text(sasl.member("username")),
			Password:  r.secret(sasl.member("password")),
		}
	}
	return kafka
}

func isServer(text string) bool {
	host, port, err := net.SplitHostPort(text)
	if err != nil || host == "" || strings.ContainsAny(host, "/@, ") {
		return false
	}
	number, err := strconv.ParseUint(port, 10, 16)
	return err == nil && number > 0
}

func (r *reader) url(from node) string {
	text := r.text(from)
	parsed, err := url.Parse(text)
	switch {
	case err != nil || parsed.Hostname() == "" || parsed.Scheme != "http" && parsed.Scheme != "https":
		r.fail(from, "expected a URL such as https://connect-1:8083")
	case parsed.User != nil:
		r.fail(from, "a URL with credentials ends up in logs, use username and password")
	case parsed.RawQuery != "" || parsed.Fragment != "":
		r.fail(from, "expected a URL without ? and #")
	}
	return text
}
