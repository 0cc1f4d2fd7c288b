// Package clusterfile reads the clusters file that an operator writes.
//
// [Load] returns [Clusters]: plain data with every reference resolved, and every path
// absolute or relative to the working directory. A mistake in the file is an
// [InputError]. The package opens no connections.
package clusterfile

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/secret"
	"github.com/connect-ferry/connect-ferry/schemas"
)

// Clusters are the contents of a clusters file.
type Clusters struct {
	file     string
	byName   map[string]Cluster
	nats     *NATS
	channels []Channel
	secrets  []secret.String
}

// Cluster says how to reach one Connect cluster and, optionally, its Kafka. At most one
// of Username, BearerToken, OAuth and an Authorization header is set.
type Cluster struct {
	Name        string
	ConnectURLs []string // at least one
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

// Kafka is the Kafka that holds a Connect cluster's internal topics. A topic that the
// file does not name is "".
type Kafka struct {
	BootstrapServers []string
	OffsetTopic      string
	StatusTopic      string
	ConfigTopic      string
	SASL             *SASL
	TLS              *TLS // nil: plain text
}

// SASL is a SASL login to a Kafka.
type SASL struct {
	Mechanism string // PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512
	Username  string
	Password  secret.String
}

// Load reads a clusters file, YAML or JSON.
func Load(path string) (Clusters, error) {
	content, err := Read(path)
	if err != nil {
		return Clusters{}, err
	}
	return Parse(path, content)
}

// Read reads a file that the operator names. If it cannot be read, it returns an [InputError].
func Read(file string) ([]byte, error) {
	content, err := os.ReadFile(file) // #nosec G304 -- the operator names the file
	if err != nil {
		return nil, &InputError{File: file, Err: fmt.Errorf("cannot be read: %w", withoutPath(err))}
	}
	return content, nil
}

// Parse parses a clusters file. Errors name it as file, and relative paths in it are
// relative to the folder of file.
func Parse(file string, content []byte) (Clusters, error) {
	source, err := schemas.Read(content)
	if err != nil {
		return Clusters{}, &InputError{File: file, Err: err}
	}
	if err := source.Check(schemas.Clusters); err != nil {
		return Clusters{}, &InputError{File: file, Err: err}
	}
	document, err := rawjson.ParseObject(source.JSON())
	if err != nil {
		return Clusters{}, &InputError{File: file, Err: err}
	}
	reader := &reader{source: source, folder: filepath.Dir(file)}
	clusters := Clusters{file: file, byName: map[string]Cluster{}}
	root := node{value: document.Value()}
	all := root.member("clusters")
	for _, name := range all.keys() {
		clusters.byName[name] = reader.cluster(name, all.member(name))
	}
	clusters.nats = reader.nats(root.member("nats"))
	clusters.channels = reader.channels(root.member("notify"), clusters.nats)
	if reader.err != nil {
		return Clusters{}, &InputError{File: file, Err: reader.err}
	}
	clusters.secrets = reader.secrets
	return clusters, nil
}

// Cluster returns the cluster of that name, or an error that lists the names in the file.
func (c Clusters) Cluster(name string) (Cluster, error) {
	cluster, ok := c.byName[name]
	if !ok {
		return Cluster{}, fmt.Errorf("cluster %q is not in %s, which has %s", name, c.file, strings.Join(c.Names(), ", "))
	}
	return cluster, nil
}

// Names returns the names of the clusters in order.
func (c Clusters) Names() []string { return slices.Sorted(maps.Keys(c.byName)) }

// NATS returns where leases and the history are kept; nil if the file does not say.
func (c Clusters) NATS() *NATS { return c.nats }

// Channels returns how people are told, in the file's order; none if the file does not say.
func (c Clusters) Channels() []Channel { return slices.Clone(c.channels) }

// Secrets returns every credential in the file, for a [secret.Mask], including those in
// headers and the URLs of webhooks, and user:password as HTTP basic authentication sends it.
func (c Clusters) Secrets() []secret.String { return slices.Clone(c.secrets) }
