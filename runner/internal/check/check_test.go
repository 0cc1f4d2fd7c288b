package check_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/connect-ferry/connect-ferry/runner/internal/check"
	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// TestEveryReasonAtOnce: a move that three checks refuse is refused with all three
// reasons, each under its code, and checks that need one of them are left out.
func TestEveryReasonAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := connecttest.NewKafka()
		origin := connecttest.New(connecttest.WithKafka(shared), connecttest.WithName("global"))
		target := connecttest.New(connecttest.WithName("europe")) // on a Kafka of its own
		t.Cleanup(origin.Close)
		t.Cleanup(target.Close)
		settings := connecttest.SourceConfig("numbers", 2).With("password", rawjson.String("********"))
		if err := origin.Client().Create(t.Context(), "orders", settings, connect.Running); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		request := pair.Request{
			Origin: &cluster.Cluster{Name: "global", Client: origin.Client()}, Target: &cluster.Cluster{Name: "europe", Client: target.Client()},
			Connector: "orders", Set: map[string]string{"connector.class": "com.example.Missing"},
		}
		verdict, err := check.Checker{Events: event.Discard{}}.Run(t.Context(), request)
		if !cluster.IsRefused(err) {
			t.Fatalf("%v", err)
		}
		for _, reason := range []string{"belong to different Kafka clusters", "hides the value of password", "europe lacks the plugin com.example.Missing"} {
			if !strings.Contains(err.Error(), reason) {
				t.Errorf("%q is not in %s", reason, err)
			}
		}
		var refusing, asked []string
		for _, finding := range verdict.Findings {
			asked = append(asked, finding.Check)
			if !finding.OK {
				refusing = append(refusing, finding.Check)
			}
		}
		for _, code := range []string{check.OtherKafka, check.Config, check.Plugin, check.Family} {
			if !slices.Contains(refusing, code) {
				t.Errorf("%s does not refuse: %q", code, refusing)
			}
		}
		if slices.Contains(asked, check.Validation) || slices.Contains(asked, check.ExactlyOnce) {
			t.Errorf("asked about a plugin that is not there: %q", asked)
		}
		if verdict.State != pair.NotBegun || !slices.Contains(asked, check.Offsets) {
			t.Errorf("%s, asked %q", verdict.State, asked)
		}
	})
}

// TestGo: no check refuses the move, and the basis is complete.
func TestGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := connecttest.NewKafka()
		origin := connecttest.New(connecttest.WithKafka(shared), connecttest.WithName("global"))
		target := connecttest.New(connecttest.WithKafka(shared), connecttest.WithName("europe"))
		t.Cleanup(origin.Close)
		t.Cleanup(target.Close)
		if err := origin.Client().Create(t.Context(), "orders", connecttest.SourceConfig("numbers", 2), connect.Running); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		request := pair.Request{
			Origin: &cluster.Cluster{Name: "global", Client: origin.Client()}, Target: &cluster.Cluster{Name: "europe", Client: target.Client()},
			Connector: "orders", TargetConnector: "orders-eu",
		}
		verdict, err := check.Checker{Events: event.Discard{}}.Run(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		basis := verdict.Basis
		if verdict.Seen.Origin.Sink() || basis.Shared || basis.Config.Text("name") != "orders-eu" || basis.Stores.From == nil || basis.Stores.To == nil {
			t.Errorf("%+v", basis)
		}
		for _, finding := range verdict.Findings {
			if !finding.OK || finding.Reason == "" {
				t.Errorf("%+v", finding)
			}
		}
	})
}
