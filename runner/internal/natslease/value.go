package natslease

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
)

const schemaID = "connect-ferry/lease/1"

// value is the value of a key.
type value struct {
	Schema    string       `json:"schema"`
	Run       string       `json:"run"` // id of the holder
	By        event.Holder `json:"by"`
	Command   string       `json:"command"`
	Cluster   string       `json:"cluster"`
	Connector string       `json:"connector"`
	Since     time.Time    `json:"since"` // by the holder's clock
	Renewals  int          `json:"renewals"`
	TTLMS     int64        `json:"ttl_ms"`
	// Expires is for people, by the holder's clock. Only the server's clock counts.
	Expires time.Time `json:"expires"`
}

func (v value) bytes() []byte {
	document, err := json.Marshal(v)
	if err != nil {
		panic("lease: a lease holds only what JSON can hold: " + err.Error())
	}
	return document
}

// found is a lease that was read from the bucket.
type found struct {
	value
	revision uint64
	age      time.Duration // since it was written, by the server's clock
}

func read(entry jetstream.KeyValueEntry, now time.Time, otherwise time.Duration) found {
	f := found{revision: entry.Revision(), age: now.Sub(entry.Created())}
	if json.Unmarshal(entry.Value(), &f.value) != nil || f.Schema != schemaID || f.TTLMS <= 0 {
		f.value = value{TTLMS: otherwise.Milliseconds()} // not a lease of ferry: assume our own TTL
	}
	return f
}

func (f found) ttl() time.Duration { return time.Duration(f.TTLMS) * time.Millisecond }

func (f found) expired() bool { return f.age >= f.ttl() }

// holder says who has the lease, since when, and for how much longer.
func (f found) holder() string {
	if f.Run == "" {
		return fmt.Sprintf("somebody whose lease is not ferry's, for another %s unless it is renewed", f.left())
	}
	return fmt.Sprintf("`ferry %s` of %s since %s UTC, for another %s unless it is renewed",
		f.Command, f.By, f.Since.UTC().Format("2006-01-02 15:04:05"), f.left())
}

func (f found) left() time.Duration { return max(0, f.ttl()-f.age).Round(100 * time.Millisecond) }
