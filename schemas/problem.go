package schemas

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// DocumentError is the first thing that is wrong with a document.
type DocumentError struct {
	Line, Column int      // from 1, in characters; 0 where not known
	Place        []string // keys and indexes from the root
	Expected     string   // what is wrong and what was expected
}

// Error says where and what: "12:7: clusters.a.password: expected text, found a
// list".
func (p *DocumentError) Error() string {
	text := p.Expected
	if place := p.place(); place != "" {
		text = place + ": " + text
	}
	if p.Line > 0 {
		text = fmt.Sprintf("%d:%d: %s", p.Line, p.Column, text)
	}
	return text
}

// In returns the error with the name of the file before it, as compilers write
// it: "clusters.yaml:12:7: clusters.a.password: ...".
func (p *DocumentError) In(file string) string {
	if p.Line > 0 {
		return file + ":" + p.Error()
	}
	return file + ": " + p.Error()
}

// private are the keys below which a key may be a credential that somebody put
// in the wrong place: nothing below them is named.
var private = []string{"username", "password", "bearer_token", "client_secret", "headers", "set"}

// name is a key that can be shown. Text such as password:hunter2 is none: it is
// what remains of a line with a blank forgotten.
var name = regexp.MustCompile(`^[\p{L}\p{N}_.@/ -]{1,80}$`)

func (p *DocumentError) place() string {
	shown := p.Place
	if at := slices.IndexFunc(shown, func(key string) bool { return slices.Contains(private, key) }); at >= 0 {
		shown = shown[:at+1]
	}
	parts := make([]string, len(shown))
	for i, key := range shown {
		if parts[i] = key; !name.MatchString(key) {
			parts[i] = "(key " + fmt.Sprint(len([]rune(key))) + " characters long)"
		}
	}
	return strings.Join(parts, ".")
}
