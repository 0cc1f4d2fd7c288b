package hazard

import (
	"fmt"
	"os"
	"testing"

	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
)

// stage is a lab that rows have in common. Only one runs at a time.
type stage int

const (
	// plain is global and europe on the Kafka central.
	plain stage = iota
	// wide has, besides global on central: bavaria on the same Kafka, whose workers
	// have other defaults, and asia on a Kafka of its own.
	wide
	// exact has workers with exactly-once support: global and europe. Those of basic
	// have none.
	exact
	// old has workers of old versions, all on one Kafka.
	old
	// upgrade has workers before an upgrade and after it, with what later versions are
	// stricter about.
	upgrade
	// capture has workers with Debezium's connector for PostgreSQL.
	capture
)

var stages = []stage{plain, wide, exact, old, upgrade, capture}

func (s stage) config() lab.Config {
	config := lab.Config{Kafka: []lab.KafkaSpec{{Name: "central"}}}
	cluster := func(name, kafka, version string, properties map[string]string) {
		config.Connect = append(config.Connect,
			lab.ConnectSpec{Name: name, Kafka: kafka, Version: version, Workers: *workers, Properties: properties})
	}
	cluster("global", "central", "", nil)
	switch s {
	case plain:
		cluster("europe", "central", "", nil)
	case wide:
		// A Kafka that removes what is old at once, not every five minutes.
		config.Kafka = append(config.Kafka, lab.KafkaSpec{Name: "far", Properties: map[string]string{
			"log.retention.check.interval.ms": "500", "log.initial.task.delay.ms": "500", "log.segment.delete.delay.ms": "0",
		}})
		cluster("bavaria", "central", "", map[string]string{
			"key.converter": "org.apache.kafka.connect.json.JsonConverter", "value.converter": "org.apache.kafka.connect.json.JsonConverter",
			"offset.flush.interval.ms": "500",
		})
		cluster("asia", "far", "", nil)
	case exact:
		config.Connect = nil
		cluster("global", "central", "", map[string]string{"exactly.once.source.support": "enabled"})
		cluster("europe", "central", "", map[string]string{"exactly.once.source.support": "enabled"})
		cluster("basic", "central", "", nil)
	case upgrade:
		config.Connect = nil
		cluster("before", "central", "3.6.2", map[string]string{"exactly.once.source.support": "enabled"})
		cluster("after", "central", "", map[string]string{
			"exactly.once.source.support":                "enabled",
			"connector.client.config.override.policy":    "Allowlist", // the default from 5.0 on (KIP-1188)
			"connector.client.config.override.allowlist": "linger.ms,group.protocol,auto.offset.reset",
		})
	case capture:
		cluster("europe", "central", "", nil)
		for i := range config.Connect {
			config.Connect[i].Debezium = true
		}
	case old:
		cluster("v2-8", "central", "2.8.2", nil)
		cluster("v3-4", "central", "3.4.1", nil)
		cluster("v3-6", "central", "3.6.2", nil)
		config.Connect = append(config.Connect, lab.ConnectSpec{Name: "mixed", Kafka: "central", Workers: 2, Versions: map[int]string{1: "3.6.2"}})
	}
	return config
}

func (s stage) versions() string { return lab.KafkaVersion }

// current is the lab that runs.
var current struct {
	stage stage
	lab   *lab.Lab
}

// enter returns the stage's lab, after it has closed that of another.
func enter(t *testing.T, wanted stage) *lab.Lab {
	t.Helper()
	if current.lab != nil && current.stage == wanted {
		return current.lab
	}
	if err := leave(); err != nil {
		t.Fatal(err)
	}
	config := wanted.config()
	config.Progress = os.Stderr
	started, err := lab.Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	current.stage, current.lab = wanted, started
	return started
}

func leave() error {
	if current.lab == nil {
		return nil
	}
	closing := current.lab
	current.lab = nil
	return closing.Close()
}

func TestMain(m *testing.M) {
	code := m.Run()
	if current.lab != nil && code != 0 {
		current.lab.Keep()
		fmt.Fprintln(os.Stderr, "hazard: the logs stay in", current.lab.LogDir())
	}
	if err := leave(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}
