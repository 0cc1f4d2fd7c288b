package kestratest

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// longestDowntime is generous: alone, a machine needs a few hundred milliseconds.
const longestDowntime = 5000

// TestFlowsOnRealClusters moves connectors of real Connect clusters with a hard
// proof, one by one and by a plan, and counts every record in a real Kafka.
func TestFlowsOnRealClusters(t *testing.T) {
	selected := versions(t)
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute) // a first run downloads Kafka
	defer cancel()
	clusters, err := lab.Start(ctx, lab.Config{
		Kafka: []lab.KafkaSpec{{Name: "central"}},
		Connect: []lab.ConnectSpec{
			{Name: "global", Kafka: "central"}, {Name: "europe", Kafka: "central"}, {Name: "americas", Kafka: "central"}, {Name: "asia", Kafka: "central"},
		},
	})
	must(t, err)
	t.Cleanup(func() { must(t, clusters.Close()) })
	for _, version := range selected {
		t.Run(version, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
			defer cancel()
			engine := startEngine(t, version, clusters)
			t.Run("one by one", func(t *testing.T) { moveForReal(ctx, t, clusters, engine, version) })
			t.Run("one into three", func(t *testing.T) { oneIntoThree(ctx, t, clusters, engine, version) })
			t.Run("killed", func(t *testing.T) { recoverForReal(ctx, t, clusters, engine, version) })
			t.Run("several into one", func(t *testing.T) { severalIntoOne(ctx, t, clusters, engine, version) })
		})
	}
}

func moveForReal(ctx context.Context, t *testing.T, clusters *lab.Lab, engine *Engine, version string) {
	moves, returns := "moves-"+version, "returns-"+version
	kafka := clusters.Kafka("central").Bootstrap()
	for _, name := range []string{moves, returns} {
		must(t, clusters.Connect("global").Run(ctx, name, lab.NumberedSource(name, 2, 100)))
		must(t, lab.AwaitSequence(ctx, kafka, name, name+"-0", 100, waitTime))
	}

	run, err := engine.Begin("migrate-connectors", map[string]any{"origin": "global", "target": "europe", "connectors": []string{moves, returns}})
	must(t, err)
	x, err := run.Wait(ctx)
	must(t, err)
	wantState(t, x, "SUCCESS")
	var outputs struct {
		Results []struct {
			Connector string `json:"connector"`
			Result    struct {
				Proof    string `json:"proof"`
				Downtime string `json:"downtime_ms"`
			} `json:"result"`
		} `json:"results"`
	}
	must(t, json.Unmarshal(x.Outputs, &outputs))
	if len(outputs.Results) != 2 {
		t.Fatalf("results: %s, expected two", x.Outputs)
	}
	for _, one := range outputs.Results {
		downtime, err := strconv.Atoi(one.Result.Downtime)
		if one.Result.Proof != "hard" || err != nil || downtime > longestDowntime {
			t.Errorf("%s: proof %s, down for %s ms, expected a hard proof and at most %d ms", one.Connector, one.Result.Proof, one.Result.Downtime, longestDowntime)
		}
	}
	// The owners answer when some more has gone through: one is content, one is not.
	for name, form := range map[string]map[string]any{
		moves:   {"decision": "ACCEPT", "remove": true, "who": "Olga", "why": "counted"},
		returns: {"decision": "ROLL_BACK", "who": "Pia", "why": "too slow"},
	} {
		asked, err := run.Asked(ctx, "validate-connector", name, waitTime)
		must(t, err)
		before, err := lab.Count(ctx, kafka, name)
		must(t, err)
		must(t, lab.AwaitSequence(ctx, kafka, name, name+"-0", before[name+"-0"].Last+500, waitTime))
		answered, err := engine.FollowID(asked)
		must(t, err)
		must(t, engine.Resume(ctx, asked, form))
		x, err = answered.Wait(ctx)
		must(t, err)
		wantState(t, x, "SUCCESS")
		if want := map[string]string{moves: "accepted", returns: "rolled_back"}[name]; x.Labels["outcome"] != want {
			t.Errorf("%s: labels %v, expected the outcome %s; outputs %s", name, x.Labels, want, x.Outputs)
		}
	}
	if _, err := clusters.Connect("global").Client().Status(ctx, moves); !connect.IsNotFound(err) {
		t.Errorf("%s is still on global after it was accepted: %v", moves, err)
	}

	for name, home := range map[string]string{moves: "europe", returns: "global"} {
		countFrom(ctx, t, clusters, kafka, name, home, 2)
	}
}

// startEngine starts an engine that knows the lab's clusters, with their Kafka.
func startEngine(t *testing.T, version string, clusters *lab.Lab) *Engine {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	flows, err := Flows(version)
	must(t, err)
	engine, err := Start(ctx, Options{Version: version, Plugins: plugins(t), Flows: append(flows, "testdata/link")})
	must(t, err)
	t.Cleanup(func() { must(t, engine.Close()) })
	// This one does not know its URL.
	x, err := engine.Run(ctx, "link", nil)
	must(t, err)
	wantState(t, x, "SUCCESS")
	wantText(t, "outputs", string(x.Outputs), `"link":""`)
	must(t, engine.SetKV(ctx, "connect_clusters", map[string]any{"clusters": entries(clusters)}))
	return engine
}

// entries are the lab's clusters as the clusters document has them.
func entries(clusters *lab.Lab) map[string]any {
	entry := map[string]any{}
	for _, cluster := range clusters.Connects() {
		entry[cluster.Name()] = map[string]any{
			"connect_url": cluster.URLs(),
			"kafka": map[string]any{
				"bootstrap_servers": []string{cluster.Kafka().Bootstrap()}, "status_storage_topic": cluster.StatusTopic(),
			},
		}
	}
	return entry
}

// countFrom lets a connector send some more where it is now at home, stops it, and
// checks that every number arrived once.
func countFrom(ctx context.Context, t *testing.T, clusters *lab.Lab, kafka, connector, home string, streams int) {
	t.Helper()
	before, err := lab.Count(ctx, kafka, connector)
	must(t, err)
	stream := connector + "-0"
	must(t, lab.AwaitSequence(ctx, kafka, connector, stream, before[stream].Last+100, waitTime))
	stop(ctx, t, clusters.Connect(home).Client(), connector)
	counted(ctx, t, kafka, connector, streams)
}

// stop stops a connector, and waits until no task is left.
func stop(ctx context.Context, t *testing.T, client *connect.Client, connector string) {
	t.Helper()
	must(t, client.Stop(ctx, connector))
	must(t, wait.Until(ctx, connector+" to stop", waitTime, func(ctx context.Context) (bool, string, error) {
		status, err := client.Status(ctx, connector)
		return status.Connector.State == connect.Stopped && len(status.Tasks) == 0, fmt.Sprint(status), err
	}))
}

// counted checks that every number of a topic's streams arrived once.
func counted(ctx context.Context, t *testing.T, kafka, topic string, streams int) {
	t.Helper()
	tally, err := lab.Count(ctx, kafka, topic)
	must(t, err)
	for name, counted := range tally {
		if counted.Lost != 0 || counted.Duplicated != 0 || counted.First != 0 {
			t.Errorf("%s: %+v, expected none lost, none duplicated, from 0 on", name, counted)
		}
	}
	if len(tally) != streams {
		t.Errorf("%s: streams %v, expected %d", topic, tally, streams)
	}
}
