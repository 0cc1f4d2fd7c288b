package kafka

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab/labtest"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/secret"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// limited connects to the lab's broker as the user that may do nothing yet.
func limited(t *testing.T) *Client {
	t.Helper()
	l := labtest.Lab(t)
	pem, err := os.ReadFile(l.Authority().File)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	client, err := Open(t.Context(), Config{
		Brokers: []string{l.Kafka("kafka").SASLBootstrap()}, TLS: &tls.Config{RootCAs: roots},
		SASL: &SASL{Mechanism: "SCRAM-SHA-512", Username: user, Password: secret.New(password)},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// allow lets the user do operations on a resource, and on any other of the prefix.
func allow(t *testing.T, admin *Client, resource *kadm.ACLBuilder, operations ...kadm.ACLOperation) {
	t.Helper()
	rules := resource.ResourcePatternType(kadm.ACLPatternPrefixed).Allow("User:" + user).AllowHosts().Operations(operations...)
	created, err := admin.admin.CreateACLs(t.Context(), rules)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range created {
		if one.Err != nil {
			t.Fatal(one.Err)
		}
	}
}

// becomes waits until the authorizer knows a new rule.
func becomes(t *testing.T, what string, done func(ctx context.Context) error) {
	t.Helper()
	err := wait.Until(t.Context(), what, 30*time.Second, func(ctx context.Context) (bool, string, error) {
		err := done(ctx)
		if err != nil {
			return false, err.Error(), nil
		}
		return true, "", nil
	})
	if err != nil {
		t.Error(err)
	}
}

// What a user may not see must be an error, and never nothing; and the rules that
// the README names are enough.
func TestWhatTheUserMustBeAllowed(t *testing.T) {
	admin, client := open(t), limited(t)
	cluster := labtest.Lab(t).Connect("current")
	name := labtest.Name(t)
	if err := cluster.Run(t.Context(), name, lab.NumberedSource(name, 1, 100)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cluster.Client().Delete(context.WithoutCancel(t.Context()), name) })
	err := wait.Until(t.Context(), "an offset", time.Minute, func(ctx context.Context) (bool, string, error) {
		document, err := admin.OffsetLog(cluster.OffsetsTopic()).Read(ctx, name)
		return document.Len() == 1, text(document), err
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
	partition := sinkOffsets(t, `{"kafka_topic":"`+cluster.StatusTopic()+`","kafka_partition":0}`, `{"kafka_offset":1}`)
	steps := map[string]func(ctx context.Context) error{
		"read offsets": func(ctx context.Context) error { _, err := offsets.Read(ctx, name); return err },
		"read status": func(ctx context.Context) error {
			_, err := client.StatusLog(cluster.StatusTopic()).History(ctx, name)
			return err
		},
		"look for hanging": offsets.Hanging,
		"write offsets":    func(ctx context.Context) error { return offsets.Write(ctx, name+"-2", exact(t, `{"a":1}`, `{"n":1}`)) },
		"write state":      func(ctx context.Context) error { return configs.SetTargetState(ctx, name+"-2", connect.Stopped) },
		"remove state":     func(ctx context.Context) error { return configs.SetTargetState(ctx, name+"-2", "") },
		"describe group":   func(ctx context.Context) error { _, err := client.Group(ctx, group); return err },
		"group offsets":    func(ctx context.Context) error { _, err := client.GroupOffsets(ctx, group); return err },
		"commit":           func(ctx context.Context) error { return client.CommitGroupOffsets(ctx, group, partition) },
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
	for _, step := range sorted(steps) {
		if err := steps[step](t.Context()); err == nil {
			t.Errorf("%s: nothing is allowed, and it is no error", step)
		} else {
			t.Logf("%s: %v", step, err)
		}
	}
	topics, err := client.FindTopics(t.Context(), TopicNames{}, Gather(cluster.Client()))
	if err != nil {
		t.Fatal(err)
	}
	for role, topic := range map[string]Topic{"config": topics.Config, "status": topics.Status, "offsets": topics.Offsets} {
		if topic.Err == nil || !strings.Contains(topic.Err.Error(), "no compacted topic of this Kafka") {
			t.Errorf("%s topic: %+v", role, topic)
		}
	}

	allow(t, admin, kadm.NewACLs().Topics(cluster.GroupID()), kmsg.ACLOperationDescribe, kmsg.ACLOperationDescribeConfigs, kmsg.ACLOperationRead)
	becomes(t, "read offsets", steps["read offsets"])
	becomes(t, "read status", steps["read status"])
	becomes(t, "find the topics", func(ctx context.Context) error {
		topics, err := client.FindTopics(ctx, TopicNames{}, Gather(cluster.Client()))
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
	allow(t, admin, kadm.NewACLs().Topics(cluster.GroupID()), kmsg.ACLOperationWrite)
	becomes(t, "write offsets", steps["write offsets"])
	becomes(t, "write state", steps["write state"])
	becomes(t, "remove state", steps["remove state"])

	allow(t, admin, kadm.NewACLs().Groups("connect-", group), kmsg.ACLOperationDescribe)
	becomes(t, "describe group", steps["describe group"])
	becomes(t, "group offsets", steps["group offsets"])
	becomes(t, "connect group", steps["connect group"])
	allow(t, admin, kadm.NewACLs().Groups(group), kmsg.ACLOperationRead)
	becomes(t, "commit", steps["commit"])
	if err := steps["uncommit"](t.Context()); err == nil {
		t.Error("a commit is deleted without Delete")
	}
	allow(t, admin, kadm.NewACLs().Groups(group), kmsg.ACLOperationDelete)
	becomes(t, "uncommit", steps["uncommit"])

	allow(t, admin, kadm.NewACLs().TransactionalIDs(cluster.GroupID()+"-"+name), kmsg.ACLOperationDescribe, kmsg.ACLOperationWrite)
	becomes(t, "fence", steps["fence"])
	awaitStatus(t, cluster, name, func(status connect.Status) bool { return status.AllTasks(connect.Failed) })
}
