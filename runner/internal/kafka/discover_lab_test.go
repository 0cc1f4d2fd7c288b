package kafka_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/discover"
	"github.com/connect-ferry/connect-ferry/runner/internal/kafka"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab/labtest"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// Four clusters on one Kafka, each with a connector of the same name and config:
// one runs, one is a copy at rest, two are old.
func TestFindTopicsAmongFourClusters(t *testing.T) {
	client := kafka.OpenLab(t)
	name, topic := labtest.Name(t), labtest.Name(t)+"-records"
	for cluster, rate := range map[string]int{"current": 200, "v36": 200, "v34": 34, "v28": 28} {
		config := lab.With(lab.NumberedSource(topic, 2, rate), map[string]string{"secret": "s3cret-of-the-config"})
		connectCluster := labtest.Lab(t).Connect(cluster)
		if err := connectCluster.Run(t.Context(), name, config); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = connectCluster.Client().Delete(context.WithoutCancel(t.Context()), name) })
	}
	stopped := labtest.Lab(t).Connect("v36")
	if err := stopped.Client().Stop(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	kafka.AwaitStatus(t, stopped, name, func(status connect.Status) bool {
		return status.Connector.State == connect.Stopped && len(status.Tasks) == 0
	})
	for _, cluster := range []string{"v36", "current"} {
		log := client.OffsetLog(labtest.Lab(t).Connect(cluster).OffsetsTopic())
		err := wait.Until(t.Context(), "offsets of "+cluster, time.Minute, func(ctx context.Context) (bool, string, error) {
			document, err := log.Read(ctx, name)
			return document.Len() == 2, kafka.Text(document), err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	// What is nobody's, and what could be anybody's.
	foreign := kafka.NewTopic(t, client, 1, kafka.CompactedConfigs())
	kafka.Put(t, client, foreign, 0, [2]string{"connect-me", "x"}, [2]string{"y", "z"})

	for _, cluster := range []string{"current", "v36"} {
		connectCluster := labtest.Lab(t).Connect(cluster)
		started := time.Now()
		topics, err := discover.Find(t.Context(), client, discover.TopicNames{}, discover.Gather(connectCluster.Client()))
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s found in %s", cluster, time.Since(started).Round(time.Millisecond))
		wantFound(t, cluster, topics, connectCluster.ConfigTopic(), connectCluster.StatusTopic(), connectCluster.OffsetsTopic())
		given := discover.TopicNames{Config: connectCluster.ConfigTopic(), Status: connectCluster.StatusTopic(), Offsets: connectCluster.OffsetsTopic()}
		topics, err = discover.Find(t.Context(), client, given, discover.Gather(connectCluster.Client()))
		if err != nil {
			t.Fatal(err)
		}
		wantFound(t, cluster+", given", topics, given.Config, given.Status, given.Offsets)
	}

	// Old workers tell no offsets, and every cluster holds some of that connector.
	old := labtest.Lab(t).Connect("v28")
	topics, err := discover.Find(t.Context(), client, discover.TopicNames{}, discover.Gather(old.Client()))
	if err != nil {
		t.Fatal(err)
	}
	wantFound(t, "v28", topics, old.ConfigTopic(), old.StatusTopic(), "")
	if topics.Offsets.Err == nil || !strings.Contains(topics.Offsets.Err.Error(), "name the right one as kafka.offset_storage_topic in the clusters file") {
		t.Errorf("offsets topic of v28: %+v", topics.Offsets)
	}

	// Names that were given wrong.
	current := labtest.Lab(t).Connect("current")
	topics, err = discover.Find(t.Context(), client, discover.TopicNames{
		Config: current.StatusTopic(), Status: stopped.StatusTopic(), Offsets: stopped.OffsetsTopic(),
	}, discover.Gather(current.Client()))
	if err != nil {
		t.Fatal(err)
	}
	for setting, test := range map[string]struct {
		topic discover.Topic
		wants []string
	}{
		"config": {topics.Config, []string{`"connect-current-status", given as kafka.config_storage_topic, is not this cluster's: it is no config topic; "connect-current-configs" is`}},
		"status": {topics.Status, []string{`"connect-v36-status", given as kafka.status_storage_topic`, "none of this cluster's connectors is in it with its worker"}},
		"offset": {topics.Offsets, []string{`"connect-v36-offsets", given as kafka.offset_storage_topic`, `; "connect-current-offsets" is`}},
	} {
		for _, want := range test.wants {
			if test.topic.Err == nil || !strings.Contains(test.topic.Err.Error(), want) {
				t.Errorf("%s: %+v, want %s", setting, test.topic, want)
			}
		}
		if test.topic.Err != nil && strings.Contains(test.topic.Err.Error(), "s3cret") {
			t.Errorf("%s: %v tells a secret", setting, test.topic.Err)
		}
	}
	topics, err = discover.Find(t.Context(), client, discover.TopicNames{Status: "no-such-topic"}, discover.Gather(current.Client()))
	if err != nil || topics.Status.Err == nil || !strings.Contains(topics.Status.Err.Error(), "does not exist") {
		t.Errorf("a topic that does not exist: %+v, %v", topics.Status, err)
	}
}

func wantFound(t *testing.T, what string, topics discover.Topics, config, status, offsets string) {
	t.Helper()
	for role, topic := range map[string]struct {
		found discover.Topic
		want  string
	}{"config": {topics.Config, config}, "status": {topics.Status, status}, "offsets": {topics.Offsets, offsets}} {
		if topic.found.Name != topic.want {
			t.Errorf("%s: the %s topic is found to be %+v, want %s", what, role, topic.found, topic.want)
		}
	}
}
