package plan

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/secret"
	"github.com/connect-ferry/connect-ferry/schemas"
)

// node is a value of the document and where it stands. It exists unless its
// value is zero.
type node struct {
	value rawjson.Value
	path  []string
}

func (n node) exists() bool { return !n.value.IsZero() }

func (n node) at(key string) []string { return append(n.path[:len(n.path):len(n.path)], key) }

func (n node) keys() []string {
	object, err := n.value.Object()
	if err != nil {
		return nil
	}
	return object.Keys()
}

func (n node) member(key string) node {
	object, err := n.value.Object()
	if err != nil {
		return node{}
	}
	value, _ := object.Get(key)
	return node{value: value, path: n.at(key)}
}

// reader reads a document that its schema has accepted, so that only the
// references in it can fail. It keeps the first failure.
type reader struct {
	source *source
	folder string
	err    error
}

func (r *reader) fail(place []string, err error) {
	if r.err == nil {
		r.err = r.source.errorAt(place, err)
	}
}

func (r *reader) object(from node, key string) node { return from.member(key) }

// text returns the string under key, with its references resolved.
func (r *reader) text(from node, key string) string {
	member := from.member(key)
	text, _ := member.value.Text()
	resolved, err := r.resolve(text)
	if err != nil {
		r.fail(member.path, err)
	}
	return resolved
}

func (r *reader) secret(from node, key string) secret.String { return secret.New(r.text(from, key)) }

// texts returns the strings under key, which may be one or a list.
func (r *reader) texts(from node, key string) []string {
	member := from.member(key)
	elements, isList := member.value.Elements()
	if !isList {
		if text := r.text(from, key); text != "" {
			return []string{text}
		}
		return nil
	}
	var all []string
	for i, element := range elements {
		text, _ := element.Text()
		resolved, err := r.resolve(text)
		if err != nil {
			r.fail(append(member.path, fmt.Sprint(i)), err)
		}
		all = append(all, resolved)
	}
	return all
}

func (r *reader) tls(from node) *TLS {
	member := from.member("tls")
	if !member.exists() {
		return nil
	}
	settings := &TLS{
		CAFile: r.path(member, "ca_file"), CertFile: r.path(member, "cert_file"), KeyFile: r.path(member, "key_file"),
		ServerName: r.text(member, "server_name"),
	}
	if (settings.CertFile == "") != (settings.KeyFile == "") {
		r.fail(member.path, errors.New("cert_file and key_file go together"))
	}
	return settings
}

func (r *reader) path(from node, key string) string {
	path := r.text(from, key)
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(r.folder, path)
}

// references are ${env:NAME} and ${file:PATH}; $${ stands for ${ itself.
var references = regexp.MustCompile(`\$?\$\{([a-z]*)(:?)([^}]*)\}?`)

func (r *reader) resolve(text string) (string, error) {
	var failure error
	resolved := references.ReplaceAllStringFunc(text, func(reference string) string {
		if strings.HasPrefix(reference, "$$") {
			return reference[1:]
		}
		parts := references.FindStringSubmatch(reference)
		value, err := r.lookup(parts[1], parts[3])
		if err != nil && failure == nil {
			failure = err
		}
		return value
	})
	return resolved, failure
}

func (r *reader) lookup(kind, name string) (string, error) {
	switch kind {
	case "env":
		value, ok := os.LookupEnv(name)
		if !ok {
			return "", fmt.Errorf("environment variable %s is not set", name)
		}
		return value, nil
	case "file":
		path := name
		if !filepath.IsAbs(path) {
			path = filepath.Join(r.folder, path)
		}
		content, err := os.ReadFile(path) // #nosec G304 -- the operator names the file
		if err != nil {
			return "", fmt.Errorf("file %s: %w", name, unwrapPath(err))
		}
		return strings.TrimRight(string(content), "\r\n"), nil
	case "secret":
		return "", fmt.Errorf("${secret:%s} is resolved by the Kestra plugin only, use ${env:NAME} or ${file:PATH} here", name)
	default:
		return "", errors.New("expected ${env:NAME} or ${file:PATH}; write $${ for ${ itself")
	}
}

// known are the keys that hint offers instead of an unknown one.
var known = []string{
	"clusters", "connect_url", "username", "password", "bearer_token", "oauth", "token_url", "client_id", "client_secret", "scopes",
	"headers", "tls", "ca_file", "cert_file", "key_file", "server_name", "kafka", "bootstrap_servers", "offset_storage_topic",
	"status_storage_topic", "config_storage_topic", "sasl", "mechanism",
}

// hint offers the known key that is meant by a misspelt one.
func hint(problem *schemas.Problem) string {
	unknown, isUnknown := strings.CutPrefix(problem.Expected, "unknown key ")
	if !isUnknown {
		return ""
	}
	simple := strings.NewReplacer("'", "", "-", "_", ".", "_").Replace(strings.ToLower(unknown))
	for _, key := range known {
		if key == simple || strings.ReplaceAll(key, "_", "") == strings.ReplaceAll(simple, "_", "") ||
			distance(key, simple) <= 2 {
			return ", did you mean " + key
		}
	}
	return ""
}

// distance is the Levenshtein distance of two short words.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			diagonal, row[j] = row[j], min(row[j]+1, row[j-1]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
