package connect_test

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
)

// slow is a worker that is in the middle of a rebalance: it answers after three
// seconds, if the request is not given up before.
func slow(request *http.Request) (*http.Response, error) {
	select {
	case <-request.Context().Done():
		return nil, context.Cause(request.Context())
	case <-time.After(3 * time.Second):
		return say(http.StatusOK, `[{"id":{"connector":"orders","task":0},"config":{}}]`)
	}
}

// TestSlowReadIsAskedElsewhere reads the tasks of a connector from workers of which
// some are slow.
func TestSlowReadIsAskedElsewhere(t *testing.T) {
	quick := func(*http.Request) (*http.Response, error) { return say(http.StatusOK, `[]`) }
	busy := func(*http.Request) (*http.Response, error) { return message(http.StatusConflict, "rebalance") }
	gone := func(*http.Request) (*http.Response, error) {
		return message(http.StatusNotFound, "Connector orders not found")
	}
	hosts := []string{"one:8083", "two:8083", "three:8083", "four:8083"}
	for name, test := range map[string]struct {
		answers []func(*http.Request) (*http.Response, error) // one of each worker
		asked   []string
		took    time.Duration
		tasks   int
		missing bool   // the answer is that there is no such connector
		next    string // the worker that is asked next
	}{
		"none is slow":                {answers: answers(quick, gone), asked: hosts[:1], next: hosts[0]},
		"the first is slow":           {answers: answers(slow, quick), asked: hosts[:2], took: 150 * time.Millisecond, next: hosts[1]},
		"two are slow":                {answers: answers(slow, slow, quick), asked: hosts[:3], took: 300 * time.Millisecond, next: hosts[2]},
		"all are slow":                {answers: answers(slow, slow, slow, quick), asked: hosts[:3], took: 3 * time.Second, tasks: 1, next: hosts[0]},
		"one, and it is slow":         {answers: answers(slow), asked: []string{hosts[0], hosts[0]}, took: 3 * time.Second, tasks: 1, next: hosts[0]},
		"slow, the other is busy":     {answers: answers(slow, busy), asked: hosts[:2], took: 3 * time.Second, tasks: 1, next: hosts[0]},
		"slow, the other lags behind": {answers: answers(slow, gone), asked: hosts[:2], took: 3 * time.Second, tasks: 1, next: hosts[0]},
		"quick, and knows it not":     {answers: answers(gone, quick), asked: hosts[:1], missing: true, next: hosts[0]},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				net := &wire{answer: func(_ int, request *http.Request) (*http.Response, error) {
					return test.answers[slices.Index(hosts, request.URL.Host)](request)
				}}
				var urls []string
				for _, host := range hosts[:len(test.answers)] {
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

func answers(all ...func(*http.Request) (*http.Response, error)) []func(*http.Request) (*http.Response, error) {
	return all
}

// TestSlowWriteIsSentOnce: a worker that is slow to carry something out is not
// asked twice.
func TestSlowWriteIsSentOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := &wire{answer: func(_ int, request *http.Request) (*http.Response, error) { return slow(request) }}
		client, err := connect.New(connect.Options{Workers: []string{"http://one", "http://two"}, Transport: net})
		if err != nil {
			t.Fatal(err)
		}
		if err := client.Stop(t.Context(), "orders"); err != nil || len(net.hosts()) != 1 {
			t.Errorf("error %v, asked %v", err, net.hosts())
		}
	})
}
