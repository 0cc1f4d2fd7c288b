package secure

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/ferrytest"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab/labtest"
	"github.com/connect-ferry/connect-ferry/runner/internal/secrettest"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

const user = "ferry"

// plants are the secrets of the lab itself; each test adds its own to a copy.
var (
	plants        = secrettest.Plants{}
	kafkaPassword = plants.New("kafka password")
	restPassword  = plants.New("rest password")
)

func TestMain(m *testing.M) {
	labtest.Main(m, lab.Config{
		Kafka: []lab.KafkaSpec{{Name: "central", Users: map[string]string{user: kafkaPassword}}},
		Connect: []lab.ConnectSpec{
			{Name: "global", Kafka: "central", Guard: &lab.Guard{ClientCertificate: true}},
			{Name: "europe", Kafka: "central", Guard: &lab.Guard{Users: map[string]string{user: restPassword}}},
		},
	})
}

// stage is the lab, the built runner, and the files of an operator.
type stage struct {
	*lab.Lab
	t      *testing.T
	plants secrettest.Plants
	folder string          // of the operator: the clusters file, certificates, passwords
	own    lab.Certificate // the operator's
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{Lab: labtest.Lab(t), t: t, plants: maps.Clone(plants), folder: t.TempDir()}
	s.own = s.issue("operator", -time.Hour, time.Hour)
	return s
}

func (s *stage) issue(name string, from, until time.Duration, hosts ...string) lab.Certificate {
	s.t.Helper()
	issued, err := s.Authority().Issue(name, from, until, hosts...)
	if err != nil {
		s.t.Fatal(err)
	}
	return issued
}

// settings are those of one cluster in a clusters file, by their dotted keys. Keys
// with an empty value are left out.
type settings map[string]string

func (c settings) with(changes settings) settings {
	changed := maps.Clone(c)
	maps.Copy(changed, changes)
	return changed
}

// document nests the settings as JSON, which a clusters file may be.
func (c settings) document() map[string]any {
	root := map[string]any{}
	for _, key := range slices.Sorted(maps.Keys(c)) {
		if c[key] == "" {
			continue
		}
		parts := strings.Split(key, ".")
		inner := root
		for _, part := range parts[:len(parts)-1] {
			if inner[part] == nil {
				inner[part] = map[string]any{}
			}
			inner = inner[part].(map[string]any)
		}
		switch last := parts[len(parts)-1]; last {
		case "bootstrap_servers":
			inner[last] = []string{c[key]}
		default:
			inner[last] = c[key]
		}
	}
	return root
}

// global is the cluster behind client certificates, its Kafka by SCRAM over TLS.
func (s *stage) global() settings {
	cluster := s.Connect("global")
	return settings{
		"connect_url": cluster.URLs()[0],
		"tls.ca_file": s.Authority().File, "tls.cert_file": s.own.CertFile, "tls.key_file": s.own.KeyFile,
		"kafka.bootstrap_servers": cluster.Kafka().SASLBootstrap(), "kafka.status_storage_topic": cluster.StatusTopic(),
		"kafka.offset_storage_topic": cluster.OffsetsTopic(), "kafka.config_storage_topic": cluster.ConfigTopic(),
		"kafka.sasl.mechanism": "SCRAM-SHA-512", "kafka.sasl.username": user, "kafka.sasl.password": kafkaPassword,
		"kafka.tls.ca_file": s.Authority().File,
	}
}

// europe is the cluster behind basic authentication, its Kafka by client certificates.
func (s *stage) europe() settings {
	cluster := s.Connect("europe")
	return settings{
		"connect_url": cluster.URLs()[0], "tls.ca_file": s.Authority().File, "username": user, "password": restPassword,
		"kafka.bootstrap_servers": cluster.Kafka().MutualBootstrap(), "kafka.status_storage_topic": cluster.StatusTopic(),
		"kafka.offset_storage_topic": cluster.OffsetsTopic(), "kafka.config_storage_topic": cluster.ConfigTopic(),
		"kafka.tls.ca_file": s.Authority().File, "kafka.tls.cert_file": s.own.CertFile, "kafka.tls.key_file": s.own.KeyFile,
	}
}

// ferry runs a command and looks for secrets wherever it may have left some.
func (s *stage) ferry(t *testing.T, global, europe settings, format string, arguments ...string) ferrytest.Answer {
	t.Helper()
	folder := t.TempDir()
	clusters := filepath.Join(folder, "clusters.json")
	content, err := json.Marshal(map[string]any{"clusters": map[string]any{"global": global.document(), "europe": europe.document()}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(clusters, content, 0o600); err != nil {
		t.Fatal(err)
	}
	answer := ferrytest.Run(t, s.plants, append(arguments, "--clusters", clusters, "--output", format)...)
	s.plants.Search(t, folder, clusters)
	return answer
}

// said is all that a run printed.
func said(answer ferrytest.Answer) string { return answer.Stdout + answer.Stderr }

func moving(command, connector string) []string {
	return []string{command, "--origin", "global", "--target", "europe", "--connector", connector}
}

// run starts a numbered source with secrets in its config.
func (s *stage) run(t *testing.T, connector string) {
	t.Helper()
	config := lab.With(lab.NumberedSource(connector, 2, 100), map[string]string{
		"db.password":    s.plants.New("config " + connector),
		"connection.url": "jdbc:postgresql://host/db?user=u&password=" + s.plants.New("url "+connector),
	})
	if err := s.Connect("global").Run(t.Context(), connector, config); err != nil {
		t.Fatal(err)
	}
	s.cleanUp(t, connector)
	s.flows(t, connector, 100)
}

func (s *stage) cleanUp(t *testing.T, connector string) {
	t.Cleanup(func() {
		for _, cluster := range s.Connects() {
			if err := cluster.Client().Delete(context.WithoutCancel(t.Context()), connector); err != nil {
				t.Error(err)
			}
		}
	})
}

// flows waits until a topic has this many records more than it has now.
func (s *stage) flows(t *testing.T, topic string, more int64) {
	t.Helper()
	begin := int64(-1)
	err := wait.Until(t.Context(), "records in "+topic, time.Minute, func(ctx context.Context) (bool, string, error) {
		tally, err := lab.Count(ctx, s.Kafka("central").Bootstrap(), topic)
		if err != nil {
			return false, err.Error(), nil
		}
		if begin < 0 {
			begin = tally.Records()
		}
		return tally.Records() >= begin+more, fmt.Sprintf("%d records", tally.Records()), nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// exact stops the connector everywhere and counts: nothing lost, nothing twice.
func (s *stage) exact(t *testing.T, topic string) {
	t.Helper()
	s.flows(t, topic, 20)
	for _, cluster := range s.Connects() {
		if err := cluster.Client().Stop(t.Context(), topic); err != nil && !connect.IsNotFound(err) {
			t.Fatal(err)
		}
	}
	tally, err := lab.Count(t.Context(), s.Kafka("central").Bootstrap(), topic)
	if err != nil {
		t.Fatal(err)
	}
	lost := tally.Lost()
	for _, stream := range tally {
		lost += stream.First
	}
	if lost != 0 || tally.Duplicated() != 0 || tally.Records() == 0 {
		t.Errorf("%s: %d lost, %d duplicated: %+v", topic, lost, tally.Duplicated(), tally)
	}
	t.Logf("%s: %d records, 0 lost, 0 duplicated", topic, tally.Records())
}
