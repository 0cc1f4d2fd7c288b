package clusterfile

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/secret"
	"github.com/connect-ferry/connect-ferry/schemas"
)

// node is a value of the document and its path. It exists unless its value is zero.
type node struct {
	value rawjson.Value
	path  []string
}

func (n node) exists() bool { return !n.value.IsZero() }

func (n node) below(key string, value rawjson.Value) node {
	return node{value: value, path: append(n.path[:len(n.path):len(n.path)], key)}
}

func (n node) keys() []string {
	object, err := n.value.Object()
	if err != nil {
		return nil
	}
	return object.Keys()
}

// member returns the value under key, which may not exist.
func (n node) member(key string) node {
	object, err := n.value.Object()
	if err != nil {
		return node{}
	}
	value, _ := object.Get(key)
	return n.below(key, value)
}

// elements returns the elements of a list. A single value counts as a list of one.
func (n node) elements() []node {
	values, isList := n.value.Elements()
	if !isList && n.exists() {
		return []node{n}
	}
	all := make([]node, len(values))
	for i, value := range values {
		all[i] = n.below(fmt.Sprint(i), value)
	}
	return all
}

// reader reads a document that its schema has accepted. It keeps the first error and the
// secrets it read.
type reader struct {
	source  *schemas.Source
	folder  string
	err     error
	secrets []secret.String
}

// fail records a mistake at a node. expected must hold no value of the document.
func (r *reader) fail(at node, expected string) {
	if r.err == nil {
		r.err = r.source.Problem(at.path, expected)
	}
}

// text returns a string with its references resolved, or "" if there is none.
func (r *reader) text(from node) string {
	text, _ := from.value.Text()
	resolved, mistake := resolve(text, r.folder)
	switch {
	case mistake != "":
		r.fail(from, mistake)
	case resolved == "" && text != "":
		r.fail(from, "is empty after its references are replaced")
	}
	return resolved
}

func (r *reader) texts(from node) []string {
	var all []string
	for _, element := range from.elements() {
		all = append(all, r.text(element))
	}
	return all
}

func (r *reader) secret(from node) secret.String {
	value := secret.New(r.text(from))
	r.learn(value)
	return value
}

func (r *reader) learn(value secret.String) {
	if !value.IsZero() {
		r.secrets = append(r.secrets, value)
	}
}

// sensitiveHeader matches names of headers that hold credentials.
var sensitiveHeader = regexp.MustCompile(`(?i)auth|cookie|session|key|sign`)

// shortestHeader is the length from which a header's value counts as a secret whatever
// its name. Shorter values may be a team's name, which would be masked in every message.
const shortestHeader = 16

// learnHeader adds a header's value to the secrets if the header's name says so, if the
// value comes from a reference, or if it is long.
func (r *reader) learnHeader(name, value string, from node) {
	written, _ := from.value.Text()
	if !secret.SensitiveKey(name) && !sensitiveHeader.MatchString(name) && written == value && len(value) < shortestHeader {
		return
	}
	r.learn(secret.New(value))
	// A worker may quote the token alone, without the word before it.
	if scheme, credential, ok := strings.Cut(value, " "); ok && slices.Contains([]string{"Basic", "Bearer", "Token"}, scheme) {
		r.learn(secret.New(credential))
	}
}
