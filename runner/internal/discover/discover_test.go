package discover

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/kafka"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson/rawjsontest"
)

// contentOf makes the content of a topic out of its records.
func contentOf(topic string, partitions int, asked map[string]connect.Listed, pairs ...[2]string) *content {
	found := newContent(topic, partitions)
	for _, pair := range pairs {
		if !found.visit(record(topic, 0, pair[0], pair[1]), asked) {
			break
		}
	}
	return found
}

// What is found when nothing, or little, can be compared.
func TestFindByElimination(t *testing.T) {
	session := [2]string{"session-key", "{}"}
	for name, test := range map[string]struct {
		topics map[string]*content
		want   TopicNames
		why    map[string]string // by role
	}{
		"one new cluster": {
			topics: map[string]*content{
				"configs": contentOf("configs", 1, nil, session),
				"other":   contentOf("other", 5, nil, [2]string{"x", "y"}),
			},
			want: TopicNames{Config: "configs"},
			why: map[string]string{
				"status":  "no compacted topic of this Kafka holds what this cluster's would",
				"offsets": "name it as kafka.offset_storage_topic in the clusters file",
			},
		},
		"its status and offsets are both empty": {
			topics: map[string]*content{
				"configs": contentOf("configs", 1, nil, session), "status": contentOf("status", 5, nil), "offsets": contentOf("offsets", 25, nil),
			},
			want: TopicNames{Config: "configs"},
			why: map[string]string{
				"status":  "it can be any of the topics offsets, status: name the right one as kafka.status_storage_topic in the clusters file",
				"offsets": "it can be any of the topics offsets, status",
			},
		},
		"it had connectors once": {
			topics: map[string]*content{
				"configs": contentOf("configs", 1, nil, [2]string{"connector-a", "{}"}, [2]string{"connector-a", ""}),
				"status":  contentOf("status", 5, nil, [2]string{"status-connector-a", ""}),
				"offsets": contentOf("offsets", 25, nil, [2]string{`["a",{}]`, "{}"}),
			},
			want: TopicNames{Config: "configs", Status: "status", Offsets: "offsets"},
		},
		"beside a cluster with connectors": {
			topics: map[string]*content{
				"configs":   contentOf("configs", 1, nil, session),
				"status":    contentOf("status", 5, nil, [2]string{"status-connector-a", ""}),
				"b-configs": contentOf("b-configs", 1, nil, session, [2]string{"connector-b", "{}"}),
				"b-status":  contentOf("b-status", 5, nil, [2]string{"status-connector-b", `{"state":"RUNNING","worker_id":"b:8083","generation":1}`}),
			},
			want: TopicNames{Config: "configs", Status: "status"},
			why:  map[string]string{"offsets": "no compacted topic"},
		},
		"two new clusters": {
			topics: map[string]*content{"a": contentOf("a", 1, nil, session), "b": contentOf("b", 1, nil, session), "empty": contentOf("empty", 1, nil)},
			why: map[string]string{
				"config": "it can be any of the topics a, b: name the right one as kafka.config_storage_topic",
				"status": "it may be empty, but not all of the rest is known: name the right one as kafka.status_storage_topic",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			search := &search{
				client: &kafka.Client{}, contents: test.topics, all: true,
				evidence: Evidence{Offsets: func(context.Context, string) (offset.Document, error) { return offset.Document{}, nil }},
			}
			topics, err := search.run(t.Context(), TopicNames{})
			if err != nil {
				t.Fatal(err)
			}
			wantFound(t, name, topics, test.want.Config, test.want.Status, test.want.Offsets)
			for role, why := range test.why {
				found := map[string]Topic{"config": topics.Config, "status": topics.Status, "offsets": topics.Offsets}[role]
				if found.Err == nil || !strings.Contains(found.Err.Error(), why) {
					t.Errorf("%s: %v, want %s", role, found.Err, why)
				}
			}
		})
	}
}

// What tells a cluster's topic from that of another with the same connector.
func TestJudgeConfigTopic(t *testing.T) {
	config := func(text string) rawjson.Object { return rawjsontest.Object(t, text) }
	listed := func(state connect.State) map[string]connect.Listed {
		return map[string]connect.Listed{"a": {
			Config: config(`{"topic":"t","name":"a"}`),
			Status: connect.Status{Connector: connect.StateInfo{State: state, WorkerID: "w:8083"}},
		}}
	}
	same := [2]string{"connector-a", `{"properties":{"name":"a","topic":"t"}}`}
	for name, test := range map[string]struct {
		state connect.State
		pairs [][2]string
		want  judgement
	}{
		"running":      {connect.Running, [][2]string{same}, judgement{yes, ""}},
		"resumed":      {connect.Running, [][2]string{same, {"target-state-a", `{"state":"STARTED"}`}}, judgement{yes, ""}},
		"stopped":      {connect.Stopped, [][2]string{same, {"target-state-a", `{"state":"PAUSED","state.v2":"STOPPED"}`}}, judgement{yes, ""}},
		"old, stopped": {connect.Paused, [][2]string{same, {"target-state-a", `{"state":"PAUSED","state.v2":"STOPPED"}`}}, judgement{yes, ""}},
		"failed":       {connect.Failed, [][2]string{same}, judgement{yes, ""}},
		"the copy":     {connect.Stopped, [][2]string{same}, judgement{maybe, "connector a is not in the state that it tells"}},
		"the origin":   {connect.Running, [][2]string{same, {"target-state-a", `{"state":"PAUSED","state.v2":"STOPPED"}`}}, judgement{maybe, "connector a is not in the state that it tells"}},
		"changed":      {connect.Running, [][2]string{{"connector-a", `{"properties":{"name":"a","topic":"u"}}`}}, judgement{no, "it holds another config of connector a"}},
		"no config":    {connect.Running, [][2]string{{"connector-a", `{"properties":{"name":"a","name":"a"}}`}}, judgement{no, "it holds another config of connector a"}},
		"deleted":      {connect.Running, [][2]string{same, {"connector-a", ""}}, judgement{no, "it lacks connector a"}},
		"more":         {connect.Running, [][2]string{same, {"connector-b", `{}`}}, judgement{no, "it holds connector b, which is not of this cluster"}},
		"empty":        {connect.Running, nil, judgement{no, "it lacks connector a"}},
		"status":       {connect.Running, [][2]string{{"status-connector-a", "{}"}}, judgement{no, "it is no config topic"}},
		"mixed":        {connect.Running, [][2]string{same, {"status-connector-a", "{}"}}, judgement{no, "it is no config topic"}},
	} {
		evidence := Evidence{Connectors: listed(test.state)}
		if got := evidence.config(contentOf("t", 1, evidence.Connectors, test.pairs...)); got != test.want {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
	if got := (Evidence{Connectors: listed(connect.Running)}).config(contentOf("t", 2, listed(connect.Running), same)); got.fit != no {
		t.Errorf("two partitions: %+v", got)
	}
}

// What tells a cluster's offsets topic from that of another with a copy of the
// same connector.
func TestJudgeOffsetsTopic(t *testing.T) {
	type pair = [2]string
	for name, test := range map[string]struct {
		told   []string // of connector a: partitions and offsets in turn
		topics map[string][]pair
		want   map[string]fit
	}{
		"the copy is behind": {
			told:   []string{`{"p":1}`, `{"n":9007199254740993}`},
			topics: map[string][]pair{"ours": {{`["a",{"p":1}]`, `{"n":9007199254740993}`}}, "copy": {{`["a",{"p":1}]`, `{"n":9007199254740992}`}}},
			want:   map[string]fit{"ours": yes, "copy": no},
		},
		"the copy has a partition less": {
			told: []string{`{"p":1}`, `{"n":1}`, `{"p":2}`, `{"n":1}`},
			topics: map[string][]pair{
				"ours": {{`["a",{"p":1}]`, `{"n":1}`}, {`["a",{"p":2}]`, `{"n":1}`}}, "copy": {{`["a",{"p":1}]`, `{"n":1}`}},
			},
			want: map[string]fit{"ours": yes, "copy": no},
		},
		"the copy is idle and the same": {
			told:   []string{`{"p":1}`, `{"n":1}`},
			topics: map[string][]pair{"ours": {{`["a",{"p":1}]`, `{"n":1}`}}, "copy": {{`["a",{"p":1}]`, `{"n":1}`}}},
			want:   map[string]fit{"ours": yes, "copy": yes},
		},
		"ordered keys, which REST reads as null": {
			told:   []string{`{"a":1,"b":2}`, `null`},
			topics: map[string][]pair{"ours": {{`["a",{"b":2,"a":1}]`, `{"n":1}`}}, "other": {{`["b",{}]`, `{"n":1}`}}},
			want:   map[string]fit{"ours": yes, "other": no},
		},
		"two spellings, one of them left by a PATCH": {
			told:   []string{`{"a":1,"b":2}`, `{"n":5}`},
			topics: map[string][]pair{"ours": {{`["a",{"b":2,"a":1}]`, `{"n":9}`}, {`["a",{"a":1,"b":2}]`, `{"n":5}`}}},
			want:   map[string]fit{"ours": yes},
		},
		"REST tells nothing yet": {
			topics: map[string][]pair{"ours": {{`["a",{}]`, `{"n":1}`}}, "empty": nil, "status": {{"status-task-a-0", "{}"}}},
			want:   map[string]fit{"ours": maybe, "empty": maybe, "status": no},
		},
	} {
		connectors := map[string]connect.Listed{"a": {Status: connect.Status{Type: "source"}}, "b": {Status: connect.Status{Type: "sink"}}}
		search := &search{
			client: &kafka.Client{}, contents: map[string]*content{},
			evidence: Evidence{Connectors: connectors, Offsets: func(_ context.Context, connector string) (offset.Document, error) {
				if connector != "a" {
					t.Errorf("%s: asked for the offsets of sink %s", name, connector)
				}
				return documentOf(t, test.told...), nil
			}},
		}
		for topic, pairs := range test.topics {
			search.contents[topic] = contentOf(topic, 5, connectors, pairs...)
		}
		search.read = func(_ context.Context, topic string, _ int) (*content, error) { return search.contents[topic], nil }
		judged, err := search.offsets(t.Context(), sorted(test.topics))
		if err != nil {
			t.Fatal(err)
		}
		for topic, want := range test.want {
			if judged[topic].fit != want {
				t.Errorf("%s: %s is judged %+v, want %d", name, topic, judged[topic], want)
			}
		}
	}
}

func TestAConnectorsOwnTopicIsNotTheClusters(t *testing.T) {
	config := rawjsontest.Object(t, `{"offsets.storage.topic":"own"}`)
	search := &search{
		client: &kafka.Client{}, contents: map[string]*content{"own": contentOf("own", 1, nil, [2]string{`["a",{}]`, `{}`})},
		evidence: Evidence{Connectors: map[string]connect.Listed{"a": {Config: config}}},
	}
	judged, err := search.offsets(t.Context(), []string{"own"})
	if err != nil || judged["own"].fit != no {
		t.Errorf("judged %+v, %v", judged["own"], err)
	}
}

// One connector that cannot be asked for is passed over.
func TestJudgeOffsetsTopicInSpiteOfABrokenConnector(t *testing.T) {
	connectors := map[string]connect.Listed{"a": {}, "b": {}, "c": {}}
	search := &search{
		client: &kafka.Client{},
		contents: map[string]*content{
			"ours":  contentOf("ours", 1, connectors, [2]string{`["c",{}]`, `{"n":1}`}),
			"other": contentOf("other", 1, connectors, [2]string{`["c",{}]`, `{"n":2}`}),
		},
		evidence: Evidence{Connectors: connectors, Offsets: func(_ context.Context, connector string) (offset.Document, error) {
			switch connector {
			case "a":
				return offset.Document{}, errors.New("500: class not found")
			case "b":
				return offset.Document{}, nil
			default:
				return documentOf(t, `{}`, `{"n":1}`), nil
			}
		}},
	}
	search.read = func(_ context.Context, topic string, _ int) (*content, error) { return search.contents[topic], nil }
	judged, err := search.offsets(t.Context(), []string{"ours", "other"})
	if err != nil || judged["ours"].fit != yes || judged["other"].fit != no {
		t.Errorf("judged %+v, %v", judged, err)
	}
}

// A copy's offsets are written after its topic was read and before REST tells of them:
// then the origin's topic, which holds the same, is not taken for the target's.
func TestJudgeOffsetsTopicWhileACopyIsWritten(t *testing.T) {
	connectors := map[string]connect.Listed{"a": {}}
	held := [2]string{`["a",{}]`, `{"n":1}`}
	search := &search{
		client: &kafka.Client{},
		contents: map[string]*content{
			"ours":   contentOf("ours", 1, connectors),
			"origin": contentOf("origin", 1, connectors, held),
		},
		read: func(_ context.Context, topic string, _ int) (*content, error) {
			return contentOf(topic, 1, connectors, held), nil
		},
		evidence: Evidence{Connectors: connectors, Offsets: func(context.Context, string) (offset.Document, error) {
			return documentOf(t, `{}`, `{"n":1}`), nil
		}},
	}
	judged, err := search.offsets(t.Context(), []string{"ours", "origin"})
	if err != nil || judged["ours"].fit != yes || judged["origin"].fit != yes {
		t.Errorf("judged %+v, %v, want that both can be it", judged, err)
	}
}

func record(topic string, partition int32, key, value string) *kgo.Record {
	record := &kgo.Record{Topic: topic, Partition: partition, Key: []byte(key)}
	if value != "" {
		record.Value = []byte(value)
	}
	return record
}

func wantFound(t *testing.T, what string, topics Topics, config, status, offsets string) {
	t.Helper()
	for role, topic := range map[string]struct {
		found Topic
		want  string
	}{"config": {topics.Config, config}, "status": {topics.Status, status}, "offsets": {topics.Offsets, offsets}} {
		if topic.found.Name != topic.want {
			t.Errorf("%s: the %s topic is found to be %+v, want %s", what, role, topic.found, topic.want)
		}
	}
}

// documentOf makes a document of partitions and offsets in turn.
func documentOf(t *testing.T, texts ...string) offset.Document {
	t.Helper()
	var entries []offset.Entry
	for i := 0; i < len(texts); i += 2 {
		entries = append(entries, offset.Entry{Partition: rawjsontest.Value(t, texts[i]), Offset: rawjsontest.Value(t, texts[i+1])})
	}
	document, err := offset.New(entries...)
	if err != nil {
		t.Fatal(err)
	}
	return document
}
