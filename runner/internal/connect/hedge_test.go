package connect_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
)

// answerAs answers for a worker. A slow one is in the middle of a rebalance: it answers
// after three seconds, unless the request is cancelled before.
func answerAs(worker string, request *http.Request) (*http.Response, error) {
	switch worker {
	case "quick":
		return say(http.StatusOK, `[]`)
	case "busy":
		return message(http.StatusConflict, "a rebalance is in progress")
	case "gone":
		return message(http.StatusNotFound, "Connector orders not found")
	}
	select {
	case <-request.Context().Done():
		return nil, context.Cause(request.Context())
	case <-time.After(3 * time.Second):
		return say(http.StatusOK, `[{"id":{"connector":"orders","task":0},"config":{}}]`)
	}
}

// TestSlowReadIsAskedElsewhere reads the tasks of a connector while some of the workers
// are slow.
func TestSlowReadIsAskedElsewhere(t *testing.T) {
	hosts := []string{"one:8083", "two:8083", "three:8083", "four:8083"}
	for name, test := range map[string]struct {
		workers string // how each answers, see answerAs
		asked   []string
		took    time.Duration
		tasks   int
		missing bool   // the answer is that there is no such connector
		next    string // the worker that is asked next
	}{
		"none is slow":                {workers: "quick gone", asked: hosts[:1], next: hosts[0]},
		"the first is slow":           {workers: "slow quick", asked: hosts[:2], took: 150 * time.Millisecond, next: hosts[1]},
		"two are slow":                {workers: "slow slow quick", asked: hosts[:3], took: 300 * time.Millisecond, next: hosts[2]},
		"all are slow":                {workers: "slow slow slow quick", asked: hosts[:3], took: 3 * time.Second, tasks: 1, next: hosts[0]},
		"one, and it is slow":         {workers: "slow", asked: []string{hosts[0], hosts[0]}, took: 3 * time.Second, tasks: 1, next: hosts[0]},
		"slow, the other is busy":     {workers: "slow busy", asked: hosts[:2], took: 3 * time.Second, tasks: 1, next: hosts[0]},
		"slow, the other lags behind": {workers: "slow gone", asked: hosts[:2], took: 3 * time.Second, tasks: 1, next: hosts[0]},
		"quick, and knows it not":     {workers: "gone quick", asked: hosts[:1], missing: true, next: hosts[0]},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				workers := strings.Fields(test.workers)
				net := &wire{answer: func(_ int, request *http.Request) (*http.Response, error) {
					return answerAs(workers[slices.Index(hosts, request.URL.Host)], request)
				}}
				var urls []string
				for _, host := range hosts[:len(workers)] {
					urls = append(urls, "http://"+host)
				}
				client, err := connect.New(connect.Options{Workers: urls, Transport: net})
				if err != nil {
					t.Fatal(err)
				}
				begun := time.Now()
				tasks, err := client.Tasks(t.Context(), "orders")
				if took := time.Since(begun); connect.IsNotFound(err) != test.missing || len(tasks) != test.tasks || took != test.took {
					t.Errorf("%d tasks after %s, error %v", len(tasks), took, err)
				}
				if got := net.hosts(); !slices.Equal(got, test.asked) {
					t.Errorf("asked %v, want %v", got, test.asked)
				}
				_ = client.Pause(t.Context(), "orders")
				if got := net.hosts(); got[len(test.asked)] != test.next {
					t.Errorf("then asked %v, want %s", got[len(test.asked):], test.next)
				}
			})
		})
	}
}

// TestSlowWriteIsSentOnce: a write to a slow worker is not sent twice.
func TestSlowWriteIsSentOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := &wire{answer: func(_ int, request *http.Request) (*http.Response, error) { return answerAs("slow", request) }}
		client, err := connect.New(connect.Options{Workers: []string{"http://one", "http://two"}, Transport: net})
		if err != nil {
			t.Fatal(err)
		}
		if err := client.Stop(t.Context(), "orders"); err != nil || len(net.hosts()) != 1 {
			t.Errorf("error %v, asked %v", err, net.hosts())
		}
	})
}
