// Package notice tells people. A [Sender] sends a [Notice] to those channels of the clusters
// file that are for its owner and its level.
//
// All of them are tried, each with a deadline of its own, and one that fails keeps no other
// from being told. The URL of a webhook is a secret: what is said of a channel is its name
// and its host.
package notice

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/clusterfile"
)

// SchemaID is the value of "schema" in every notice.
const SchemaID = "connect-ferry/notice/1"

// Notice is what people are told. As JSON it is a document of schemas/notice.schema.json.
type Notice struct {
	Schema     string    `json:"schema"`
	Time       time.Time `json:"time"`
	Level      Level     `json:"level"`
	Message    string    `json:"message"`
	Owner      string    `json:"owner,omitempty"` // the team that owns the connectors
	Connectors []string  `json:"connectors,omitempty"`
	Link       string    `json:"link,omitempty"` // to look at
}

// Level is how bad it is, as the clusters file writes it.
type Level string

// The levels.
const (
	Info  Level = "info"
	Warn  Level = "warn"
	Error Level = "error"
)

// rank orders the levels.
func (l Level) rank() int { return slices.Index([]Level{Info, Warn, Error}, l) }

// isFor reports whether a channel is told of the notice. A channel without owners is told of
// every owner's, and one with owners of theirs alone.
func (n Notice) isFor(channel clusterfile.Channel) bool {
	mine := len(channel.Owners) == 0 || slices.Contains(channel.Owners, n.Owner)
	return mine && n.Level.rank() >= Level(channel.Level).rank()
}

// fact is something that is known of a notice besides its message.
type fact struct{ name, value string }

func (n Notice) facts() []fact {
	var all []fact
	if len(n.Connectors) > 0 {
		all = append(all, fact{"Connector", strings.Join(n.Connectors, ", ")})
	}
	if n.Owner != "" {
		all = append(all, fact{"Owner", n.Owner})
	}
	if n.Link != "" && !n.opens() {
		all = append(all, fact{"Link", n.Link})
	}
	return all
}

// opens reports whether a browser can open the link. Teams shows no card at all that has a
// button with any other.
func (n Notice) opens() bool {
	parsed, err := url.Parse(n.Link)
	return err == nil && parsed.Host != "" && (parsed.Scheme == "http" || parsed.Scheme == "https")
}
