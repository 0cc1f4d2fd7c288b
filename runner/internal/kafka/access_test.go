package kafka_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/discover"
	"github.com/connect-ferry/connect-ferry/runner/internal/kafka"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab/labtest"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// What a user may not see must be an error, and never nothing; and the rules that
// the README names are enough.
func TestWhatTheUserMustBeAllowed(t *testing.T) {
	admin, client := kafka.OpenLab(t), kafka.Limited(t)
	cluster := labtest.Lab(t).Connect("current")
	name := labtest.Name(t)
	if err := cluster.Run(t.Context(), name, lab.NumberedSource(name, 1, 100)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cluster.Client().Delete(context.WithoutCancel(t.Context()), name) })
	err := wait.Until(t.Context(), "an offset", time.Minute, func(ctx context.Context) (bool, string, error) {
		document, err := admin.OffsetLog(cluster.OffsetsTopic()).Read(ctx, name)
		return document.Len() == 1, kafka.Text(document), err
	})
	if err != nil {
		t.Fatal(err)
	}
	status, err := cluster.Client().Status(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	offsets, configs := client.OffsetLog(cluster.OffsetsTopic()), client.ConfigLog(cluster.ConfigTopic())
	group := labtest.Name(t) + "-group"
	partition := kafka.SinkOffsets(t, `{"kafka_topic":"`+cluster.StatusTopic()+`","kafka_partition":0}`, `{"kafka_offset":1}`)
	steps := map[string]func(ctx context.Context) error{
		"read offsets": func(ctx context.Context) error { _, err := offsets.Read(ctx, name); return err },
		"read status": func(ctx context.Context) error {
			_, err := client.StatusLog(cluster.StatusTopic()).History(ctx, name)
			return err
		},
		"look for hanging": offsets.Hanging,
		"write offsets": func(ctx context.Context) error {
			return offsets.Write(ctx, name+"-2", kafka.Exact(t, `{"a":1}`, `{"n":1}`))
		},
		"write state":    func(ctx context.Context) error { return configs.SetTargetState(ctx, name+"-2", connect.Stopped) },
		"remove state":   func(ctx context.Context) error { return configs.SetTargetState(ctx, name+"-2", "") },
		"describe group": func(ctx context.Context) error { _, err := client.Group(ctx, group); return err },
		"group offsets":  func(ctx context.Context) error { _, err := client.GroupOffsets(ctx, group); return err },
		"commit":         func(ctx context.Context) error { return client.CommitGroupOffsets(ctx, group, partition) },
		"uncommit": func(ctx context.Context) error {
			return client.CommitGroupOffsets(ctx, group, offset.Patch(offset.Document{}, partition))
		},
		"connect group": func(ctx context.Context) error {
			_, err := client.ConnectGroup(ctx, []string{status.Connector.WorkerID})
			return err
		},
		"fence": func(ctx context.Context) error {
			_, err := client.Fencer(cluster.GroupID()).Fence(ctx, name)
			return err
		},
	}
	for _, step := range slices.Sorted(maps.Keys(steps)) {
		if err := steps[step](t.Context()); err == nil {
			t.Errorf("%s: nothing is allowed, and it is no error", step)
		} else {
			t.Logf("%s: %v", step, err)
		}
	}
	topics, err := discover.Find(t.Context(), client, discover.TopicNames{}, discover.Gather(cluster.Client()))
	if err != nil {
		t.Fatal(err)
	}
	for role, topic := range map[string]discover.Topic{"config": topics.Config, "status": topics.Status, "offsets": topics.Offsets} {
		if topic.Err == nil || !strings.Contains(topic.Err.Error(), "no compacted topic of this Kafka") {
			t.Errorf("%s topic: %+v", role, topic)
		}
	}

	kafka.Allow(t, admin, kadm.NewACLs().Topics(cluster.GroupID()), kmsg.ACLOperationDescribe, kmsg.ACLOperationDescribeConfigs, kmsg.ACLOperationRead)
	kafka.Becomes(t, "read offsets", steps["read offsets"])
	kafka.Becomes(t, "read status", steps["read status"])
	kafka.Becomes(t, "find the topics", func(ctx context.Context) error {
		topics, err := discover.Find(ctx, client, discover.TopicNames{}, discover.Gather(cluster.Client()))
		if err == nil {
			wantFound(t, "limited", topics, cluster.ConfigTopic(), cluster.StatusTopic(), cluster.OffsetsTopic())
		}
		return err
	})
	for _, step := range []string{"write offsets", "write state"} {
		if err := steps[step](t.Context()); err == nil {
			t.Errorf("%s without Write", step)
		}
	}
	kafka.Allow(t, admin, kadm.NewACLs().Topics(cluster.GroupID()), kmsg.ACLOperationWrite)
	kafka.Becomes(t, "write offsets", steps["write offsets"])
	kafka.Becomes(t, "write state", steps["write state"])
	kafka.Becomes(t, "remove state", steps["remove state"])

	kafka.Allow(t, admin, kadm.NewACLs().Groups("connect-", group), kmsg.ACLOperationDescribe)
	kafka.Becomes(t, "describe group", steps["describe group"])
	kafka.Becomes(t, "group offsets", steps["group offsets"])
	kafka.Becomes(t, "connect group", steps["connect group"])
	kafka.Allow(t, admin, kadm.NewACLs().Groups(group), kmsg.ACLOperationRead)
	kafka.Becomes(t, "commit", steps["commit"])
	if err := steps["uncommit"](t.Context()); err == nil {
		t.Error("a commit is deleted without Delete")
	}
	kafka.Allow(t, admin, kadm.NewACLs().Groups(group), kmsg.ACLOperationDelete)
	kafka.Becomes(t, "uncommit", steps["uncommit"])

	kafka.Allow(t, admin, kadm.NewACLs().TransactionalIDs(cluster.GroupID()+"-"+name), kmsg.ACLOperationDescribe, kmsg.ACLOperationWrite)
	kafka.Becomes(t, "fence", steps["fence"])
	kafka.AwaitStatus(t, cluster, name, func(status connect.Status) bool { return status.AllTasks(connect.Failed) })
}
