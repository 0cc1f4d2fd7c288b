package conformance

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

func (s *Suite) patchMerges() {
	name := s.Create(s.Source(s.Topic(), 1), connect.Stopped)
	s.Patch(name, `{"offsets":[{"partition":{"p":"a"},"offset":{"n":1}},{"partition":{"p":"b"},"offset":{"n":2}}]}`)
	s.Patch(name, `{"offsets":[{"partition":{"p":"b"},"offset":{"n":3,"m":"x"}},{"partition":{"p":"c"},"offset":{"n":4}}]}`)
	s.WantOffsets(name, `{"offsets":[{"partition":{"p":"a"},"offset":{"n":1}},{"partition":{"p":"b"},"offset":{"m":"x","n":3}},{"partition":{"p":"c"},"offset":{"n":4}}]}`)
	s.Patch(name, `{"offsets":[{"partition":{"p":"a"},"offset":null},{"partition":{"p":"unknown"},"offset":null}]}`)
	s.WantOffsets(name, `{"offsets":[{"partition":{"p":"b"},"offset":{"m":"x","n":3}},{"partition":{"p":"c"},"offset":{"n":4}}]}`)
	message, err := s.Client.AlterOffsets(s.ctx, name, s.JSON(`{"offsets":[{"partition":{"p":"c"},"offset":{"n":5}}]}`))
	if err != nil || !strings.Contains(message, "offsets for this connector have been altered successfully") {
		s.Errorf("message is %q, %v", message, err)
	}
}

const wantsStopped = "Connectors must be in the STOPPED state before their offsets can be modified."

func (s *Suite) patchWantsStopped() {
	name := s.Create(s.Source(s.Topic(), 1), connect.Running)
	patch := s.JSON(`{"offsets":[{"partition":{"p":"a"},"offset":{"n":1}}]}`)
	for _, state := range []connect.State{connect.Running, connect.Paused} {
		if state == connect.Paused {
			s.Must(s.Client.Pause(s.ctx, name))
		}
		s.AwaitAll(name, state, 1)
		_, err := s.Client.AlterOffsets(s.ctx, name, patch)
		s.WantRefused(err, http.StatusBadRequest, wantsStopped)
		_, err = s.Client.ResetOffsets(s.ctx, name)
		s.WantRefused(err, http.StatusBadRequest, wantsStopped)
	}
}

func (s *Suite) patchWantsEntries() {
	name := s.Create(s.Source(s.Topic(), 1), connect.Stopped)
	for _, document := range []string{`{"offsets":[]}`, `{}`} {
		_, err := s.Client.AlterOffsets(s.ctx, name, s.JSON(document))
		s.WantRefused(err, http.StatusBadRequest, "Partitions / offsets need to be provided for an alter offsets request")
	}
	_, err := s.Client.AlterOffsets(s.ctx, name, s.JSON(`{"offsets":[{"partition":{"p":"a"},"offset":{"n":1},"position":1}]}`))
	if answer, ok := errors.AsType[*connect.ResponseError](err); !ok || !strings.Contains(answer.Message, "Unrecognized field") || connect.IsTemporary(err) {
		s.Errorf("unknown member: %v", err)
	}
	s.WantOffsets(name, `{"offsets":[]}`)
}

// patchKeepsDigits: longs are exact to the last digit, on both sides.
func (s *Suite) patchKeepsDigits() {
	name := s.Create(s.Source(s.Topic(), 1), connect.Stopped)
	document := `{"offsets":[{"partition":{"p":9007199254740993},"offset":{"n":9223372036854775807,"m":-9223372036854775808,"t":true,"s":"ü\n","z":null}},` +
		`{"partition":{"p":"1"},"offset":{"n":1,"f":0.1}},{"partition":{"p":1},"offset":{"n":2,"f":1000.0}}]}`
	s.Patch(name, document)
	s.WantOffsets(name, document)
	_, err := s.Client.AlterOffsets(s.ctx, name, s.JSON(`{"offsets":[{"partition":{"p":"big"},"offset":{"n":9223372036854775808}}]}`))
	if answer, ok := errors.AsType[*connect.ResponseError](err); !ok || answer.Status != http.StatusInternalServerError || connect.IsTemporary(err) {
		s.Errorf("beyond a long: %v", err)
	}
	s.WantOffsets(name, document)
}

// patchOrdersFields: what PATCH writes, GET finds, whatever order it was sent in.
func (s *Suite) patchOrdersFields() {
	name := s.Create(s.Source(s.Topic(), 1), connect.Stopped)
	s.Patch(name, `{"offsets":[{"partition":{"server":"s","database":"d"},"offset":{"n":1}},{"partition":{"database":"e","server":"s"},"offset":{"n":2}}]}`)
	s.WantOffsets(name, `{"offsets":[{"partition":{"server":"s","database":"d"},"offset":{"n":1}},{"partition":{"database":"e","server":"s"},"offset":{"n":2}}]}`)
	s.Patch(name, `{"offsets":[{"partition":{"database":"d","server":"s"},"offset":{"n":3}},{"partition":{"server":"s","database":"e"},"offset":null}]}`)
	s.WantOffsets(name, `{"offsets":[{"partition":{"server":"s","database":"d"},"offset":{"n":3}}]}`)
}

func (s *Suite) patchRefusesNested() {
	name := s.Create(s.Source(s.Topic(), 1), connect.Stopped)
	for _, document := range []string{
		`{"offsets":[{"partition":{"p":{"q":1}},"offset":{"n":1}}]}`,
		`{"offsets":[{"partition":{"p":"a"},"offset":{"n":[1]}}]}`,
	} {
		_, err := s.Client.AlterOffsets(s.ctx, name, s.JSON(document))
		s.WantRefused(err, http.StatusInternalServerError, "")
	}
	s.WantOffsets(name, `{"offsets":[]}`)
}

// patchIsUsed: tasks start at what was patched, and anew after a tombstone.
func (s *Suite) patchIsUsed() {
	topic := s.Topic()
	name := s.Create(s.Source(topic, 1), connect.Running)
	s.AwaitAll(name, connect.Running, 1)
	s.HasWritten(name, topic)
	s.Stop(name)
	before := s.ReadOffsets(name)
	s.Position(before)
	partition := before.Entries()[0].Partition.String()
	s.Patch(name, `{"offsets":[{"partition":`+partition+`,"offset":{"n":5000000000}}]}`)
	if position := s.runOnce(name); position < 5000000000 || position > 6000000000 {
		s.Errorf("after an offset of 5000000000 the task went on to %d", position)
	}
	s.Patch(name, `{"offsets":[{"partition":`+partition+`,"offset":null}]}`)
	if position := s.runOnce(name); position >= 5000000000 {
		s.Errorf("after a tombstone the task went on to %d", position)
	}
}

// runOnce resumes a stopped connector with one task for a moment and returns the
// position it came to.
func (s *Suite) runOnce(name string) int64 {
	s.Helper()
	before := s.ReadOffsets(name)
	s.Must(s.Client.Resume(s.ctx, name))
	s.AwaitAll(name, connect.Running, 1)
	s.Must(wait.For(s.ctx, 2*time.Second))
	s.Stop(name)
	after := s.ReadOffsets(name)
	if offset.Equal(before, after) {
		s.Fatalf("offsets stayed %s", after.JSON())
	}
	return s.Position(after)
}

// listedStreams: what a config lists goes on where its partition stands, in whatever connector
// and task it is.
func (s *Suite) listedStreams() {
	topic := s.Topic()
	both := s.Create(s.Listed(topic, "x", "y"), connect.Running)
	s.AwaitAll(both, connect.Running, 2)
	s.HasWritten(both, topic)
	s.Must(wait.For(s.ctx, 2*time.Second))
	s.Stop(both)
	offsets := s.ReadOffsets(both)
	_, hasX := offsets.Get(s.JSON(`{"stream":"x"}`))
	y, hasY := offsets.Get(s.JSON(`{"stream":"y"}`))
	if offsets.Len() != 2 || !hasX || !hasY {
		s.Fatalf("offsets of x and y: %s", offsets.JSON())
	}
	one := s.Create(s.Listed(topic, "y"), connect.Stopped)
	s.Patch(one, `{"offsets":[{"partition":{"stream":"y"},"offset":`+y.String()+`}]}`)
	before := s.Position(s.ReadOffsets(one))
	if position := s.runOnce(one); position <= before {
		s.Errorf("y went on to %d from %d", position, before)
	}
}

func (s *Suite) resetOffsets() {
	name := s.Create(s.Source(s.Topic(), 1), connect.Stopped)
	s.Patch(name, `{"offsets":[{"partition":{"p":"a"},"offset":{"n":1}},{"partition":{"p":"b"},"offset":{"n":2}}]}`)
	for range 2 {
		message, err := s.Client.ResetOffsets(s.ctx, name)
		if err != nil || !strings.Contains(message, "offsets for this connector have been reset successfully") {
			s.Errorf("message is %q, %v", message, err)
		}
		s.WantOffsets(name, `{"offsets":[]}`)
	}
}

// orderedMap: offsets whose partition Connect spells otherwise than the task
// read as null, and what is written for them is not what the task reads.
func (s *Suite) orderedMap() {
	topic := s.Topic()
	name := s.Create(s.OrderedMap(topic), connect.Running)
	s.HasWritten(name, topic)
	s.Stop(name)
	document := s.ReadOffsets(name)
	if document.Len() == 0 || len(document.Unreadable()) != document.Len() {
		s.Fatalf("offsets are %s, want nulls", document.JSON())
	}
	other := s.Create(s.OrderedMap(topic), connect.Stopped)
	s.Patch(other, document.JSON().String())
	s.WantOffsets(other, `{"offsets":[]}`)
	// Written over REST, GET shows it, and the task goes its own way.
	written := `{"offsets":[{"partition":` + document.Entries()[0].Partition.String() + `,"offset":{"n":5000000000}}]}`
	s.Patch(other, written)
	s.WantOffsets(other, written)
	s.Must(s.Client.Resume(s.ctx, other))
	s.HasWritten(other, topic)
	s.Stop(other)
	s.WantOffsets(other, written)
}

// sinkOffsets: the offsets of a sink are those of its consumer group, which only
// its members may change while it has any.
func (s *Suite) sinkOffsets() {
	topic := s.Topic()
	feeder := s.Create(s.Source(topic, 1), connect.Running)
	s.HasWritten(feeder, topic)
	s.Stop(feeder)
	name := s.Create(s.Sink(topic), connect.Running)
	s.AwaitAll(name, connect.Running, 1)
	s.HasWritten(name, topic)
	s.Stop(name)
	document := s.ReadOffsets(name)
	if document.Len() == 0 {
		s.Fatal("no offsets of the group after the stop")
	}
	first := document.Entries()[0]
	partition, err := first.Partition.Object()
	s.Must(err)
	position, err := first.Offset.Object()
	s.Must(err)
	if value, _ := position.Get("kafka_offset"); partition.Text("kafka_topic") != topic || value.IsZero() {
		s.Errorf("entry is %s %s", first.Partition, first.Offset)
	}
	s.patchGroup(name, `{"offsets":[{"partition":{"kafka_topic":"`+topic+`","kafka_partition":"0"},"offset":{"kafka_offset":1}}]}`)
	s.WantOffsets(name, `{"offsets":[{"partition":{"kafka_topic":"`+topic+`","kafka_partition":0},"offset":{"kafka_offset":1}}]}`)
	for _, bad := range []string{
		`{"offsets":[{"partition":{"p":"a"},"offset":{"n":1}}]}`,
		`{"offsets":[{"partition":{"kafka_topic":"` + topic + `","kafka_partition":"x"},"offset":{"kafka_offset":1}}]}`,
		`{"offsets":[{"partition":{"kafka_topic":"` + topic + `","kafka_partition":0},"offset":{"n":1}}]}`,
	} {
		_, err := s.Client.AlterOffsets(s.ctx, name, s.JSON(bad))
		s.WantRefused(err, http.StatusBadRequest, "")
	}
	if _, err := s.Client.RetryFor(limit).ResetOffsets(s.ctx, name); err != nil {
		s.Error(err)
	}
	s.WantOffsets(name, `{"offsets":[]}`)
}

// patchGroup writes to a group that its last member may have left a moment ago.
func (s *Suite) patchGroup(name, document string) {
	s.Helper()
	if _, err := s.Client.RetryFor(limit).AlterOffsets(s.ctx, name, s.JSON(document)); err != nil {
		s.Fatalf("patch %s: %v", document, err)
	}
}
