// Package plan reads what an operator writes: for now the clusters file.
package plan

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/secret"
	"github.com/connect-ferry/connect-ferry/schemas"
)

// InputError is a mistake in a file or a request: where it is and what was
// expected. Its text never holds a value from under a credential.
type InputError struct {
	File  string
	Place string // such as clusters.global.connect_url, with the line where it is known
	Err   error
}

func (e *InputError) Error() string {
	if e.Place == "" {
		return e.File + ": " + e.Err.Error()
	}
	return e.File + ": " + e.Place + ": " + e.Err.Error()
}

func (e *InputError) Unwrap() error { return e.Err }

// Clusters are the clusters an operator named.
type Clusters struct {
	file   string
	byName map[string]Cluster
}

// Cluster says how to reach one Connect cluster and, maybe, its Kafka.
type Cluster struct {
	Name        string
	ConnectURLs []string
	Username    string
	Password    secret.String
	BearerToken secret.String
	OAuth       *OAuth
	Headers     map[string]secret.String
	TLS         *TLS
	Kafka       *Kafka
}

// OAuth are OAuth 2.0 client credentials.
type OAuth struct {
	TokenURL     string
	ClientID     string
	ClientSecret secret.String
	Scopes       []string
}

// Kafka is the Kafka that holds a Connect cluster's internal topics. A topic
// that was not named is "".
type Kafka struct {
	BootstrapServers []string
	OffsetTopic      string
	StatusTopic      string
	ConfigTopic      string
	SASL             *SASL
	TLS              *TLS // nil: plain text
}

// SASL is a user of a Kafka.
type SASL struct {
	Mechanism string
	Username  string
	Password  secret.String
}

// Load reads a clusters file, YAML or JSON.
func Load(path string) (Clusters, error) {
	content, err := os.ReadFile(path) // #nosec G304 -- the operator names the file
	if err != nil {
		return Clusters{}, &InputError{File: path, Err: fmt.Errorf("cannot be read: %w", unwrapPath(err))}
	}
	return Parse(path, content)
}

// Parse reads a clusters document. file names it in errors, and relative paths
// in it start from the folder of that file.
func Parse(file string, content []byte) (Clusters, error) {
	source, err := parseSource(file, content)
	if err != nil {
		return Clusters{}, err
	}
	if err := schemas.Check(schemas.Clusters, source.json); err != nil {
		if problem, ok := errors.AsType[*schemas.Problem](err); ok {
			return Clusters{}, source.errorAt(problem.Place, errors.New(problem.Expected+hint(problem)))
		}
		return Clusters{}, &InputError{File: file, Err: err}
	}
	document, err := rawjson.ParseObject(source.json)
	if err != nil {
		return Clusters{}, &InputError{File: file, Err: err}
	}
	reader := &reader{source: source, folder: filepath.Dir(file)}
	clusters := Clusters{file: file, byName: map[string]Cluster{}}
	all := reader.object(node{value: document.Value()}, "clusters")
	for _, name := range all.keys() {
		clusters.byName[name] = reader.cluster(name, all.member(name))
	}
	if reader.err != nil {
		return Clusters{}, reader.err
	}
	return clusters, nil
}

// Cluster returns the cluster of that name.
func (c Clusters) Cluster(name string) (Cluster, error) {
	cluster, ok := c.byName[name]
	if !ok {
		return Cluster{}, fmt.Errorf("cluster %q is not in %s, which has %s", name, c.file, strings.Join(c.Names(), ", "))
	}
	return cluster, nil
}

// Names returns the names of the clusters in order.
func (c Clusters) Names() []string { return slices.Sorted(maps.Keys(c.byName)) }

// Secrets returns every credential of every cluster, for a [secret.Mask].
func (c Clusters) Secrets() []secret.String {
	var secrets []secret.String
	for _, cluster := range c.byName {
		secrets = append(secrets, cluster.Password, cluster.BearerToken)
		if cluster.Username != "" {
			secrets = append(secrets, secret.New(cluster.Username+":"+cluster.Password.Reveal()))
		}
		for _, value := range cluster.Headers {
			secrets = append(secrets, value)
		}
		if cluster.OAuth != nil {
			secrets = append(secrets, cluster.OAuth.ClientSecret)
		}
		if cluster.Kafka != nil && cluster.Kafka.SASL != nil {
			secrets = append(secrets, cluster.Kafka.SASL.Password)
		}
	}
	return secrets
}

func (r *reader) cluster(name string, from node) Cluster {
	cluster := Cluster{
		Name:        name,
		ConnectURLs: r.texts(from, "connect_url"),
		Username:    r.text(from, "username"),
		Password:    r.secret(from, "password"),
		BearerToken: r.secret(from, "bearer_token"),
		TLS:         r.tls(from),
	}
	for _, worker := range cluster.ConnectURLs {
		if err := checkURL(worker); err != nil {
			r.fail(from.at("connect_url"), err)
		}
	}
	if headers := from.member("headers"); headers.exists() {
		cluster.Headers = map[string]secret.String{}
		for _, header := range headers.keys() {
			cluster.Headers[header] = r.secret(headers, header)
		}
	}
	if oauth := from.member("oauth"); oauth.exists() {
		cluster.OAuth = &OAuth{
			TokenURL: r.text(oauth, "token_url"), ClientID: r.text(oauth, "client_id"),
			ClientSecret: r.secret(oauth, "client_secret"), Scopes: r.texts(oauth, "scopes"),
		}
		if err := checkURL(cluster.OAuth.TokenURL); err != nil {
			r.fail(oauth.at("token_url"), err)
		}
	}
	if err := cluster.oneLogin(); err != nil {
		r.fail(from.path, err)
	}
	if kafka := from.member("kafka"); kafka.exists() {
		cluster.Kafka = r.kafka(kafka)
	}
	return cluster
}

func (r *reader) kafka(from node) *Kafka {
	kafka := &Kafka{
		BootstrapServers: r.texts(from, "bootstrap_servers"),
		OffsetTopic:      r.text(from, "offset_storage_topic"),
		StatusTopic:      r.text(from, "status_storage_topic"),
		ConfigTopic:      r.text(from, "config_storage_topic"),
		TLS:              r.tls(from),
	}
	if sasl := from.member("sasl"); sasl.exists() {
		kafka.SASL = &SASL{Mechanism: r.text(sasl, "mechanism"), Username: r.text(sasl, "username"), Password: r.secret(sasl, "password")}
	}
	return kafka
}

// oneLogin refuses credentials of two kinds, of which only one could be sent.
func (c Cluster) oneLogin() error {
	ways := 0
	for _, used := range []bool{c.Username != "", !c.BearerToken.IsZero(), c.OAuth != nil} {
		if used {
			ways++
		}
	}
	if ways > 1 {
		return errors.New("give one of username, bearer_token and oauth, not several")
	}
	if (c.Username == "") != c.Password.IsZero() {
		return errors.New("username and password go together")
	}
	return nil
}

func checkURL(text string) error {
	parsed, err := url.Parse(text)
	switch {
	case err != nil || parsed.Host == "" || parsed.Scheme != "http" && parsed.Scheme != "https":
		return errors.New("expected a URL such as https://connect-1:8083")
	case parsed.User != nil:
		return errors.New("a URL with credentials ends up in logs, use username and password")
	case parsed.RawQuery != "" || parsed.Fragment != "":
		return errors.New("expected a base URL without ? or #")
	}
	return nil
}

func unwrapPath(err error) error {
	if wrapped, ok := errors.AsType[*os.PathError](err); ok {
		return wrapped.Err
	}
	return err
}
