// Package reach is how tests reach in-memory clusters: as the clusters that ferry opens, through
// a [Line] that can be cut.
package reach

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest"
)

// Kafka is every part of an in-memory cluster's Kafka.
func Kafka(c *connecttest.Cluster) cluster.Kafka {
	return cluster.Kafka{
		Status: cluster.Known[cluster.StatusTopic](c.StatusLog()), Configs: cluster.Known[cluster.ConfigTopic](c.ConfigTopic()),
		Groups: cluster.Known[cluster.Groups](c.Kafka()), SinkOffsets: cluster.Known[cluster.GroupOffsets](c.Kafka()),
		Fencer: cluster.Known[cluster.Fencer](c.Fencer()), Mirrors: cluster.Known(cluster.Mirrors{Log: c.Kafka()}),
		Offsets: cluster.Known[cluster.OffsetTopic](c.OffsetTopic("")),
		Topic:   cluster.Known(func(name string) cluster.OffsetTopic { return c.OffsetTopic(name) }),
	}
}

// Line counts the requests of a run and can be cut, after which the run reaches nothing any
// more: to the clusters that looks as if it had been killed.
type Line struct {
	Sent   int
	CutAt  int    // cut when this many were sent; 0 for never
	OnCut  func() // called instead of cutting, if set
	Spread bool   // each request goes to the next worker, as a load balancer does it

	mu     sync.Mutex
	answer bool // the last request before the cut is carried out, its answer lost
}

var errCut = errors.New("killed")

// Cut cuts the line at a request from now on; 0 mends it. carriedOut says that this request is
// still carried out.
func (l *Line) Cut(at int, carriedOut bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.Sent, l.CutAt, l.answer, l.OnCut = 0, at, carriedOut, nil
}

// Side is a cluster over the line, with its Kafka or without.
func (l *Line) Side(t testing.TB, c *connecttest.Cluster, kafka bool) *cluster.Cluster {
	t.Helper()
	client, err := connect.New(connect.Options{Workers: c.URLs(), Transport: l.over(c.Transport())})
	if err != nil {
		t.Fatal(err)
	}
	side := &cluster.Cluster{Name: c.Name(), Client: client}
	if kafka {
		side.Kafka = Kafka(c)
	}
	return side
}

func (l *Line) over(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		l.mu.Lock()
		l.Sent++
		if l.Spread {
			request.URL.Host = "worker-" + strconv.Itoa(1+l.Sent%2) + strings.TrimPrefix(request.URL.Host, request.URL.Host[:len("worker-1")])
		}
		last, dead, onCut := l.CutAt > 0 && l.Sent == l.CutAt, l.CutAt > 0 && l.Sent > l.CutAt, l.OnCut
		l.mu.Unlock()
		if onCut != nil {
			if last {
				onCut()
			}
			return next.RoundTrip(request)
		}
		if dead || last && !l.answer {
			return nil, errCut
		}
		answer, err := next.RoundTrip(request)
		if last && err == nil {
			_ = answer.Body.Close()
			return nil, errCut
		}
		return answer, err
	})
}

// Carry carries a request to Kafka.
func (l *Line) Carry(do func() error) error {
	answer, err := l.over(roundTripper(func(*http.Request) (*http.Response, error) {
		return &http.Response{Body: http.NoBody}, do()
	})).RoundTrip(&http.Request{URL: &url.URL{Host: "worker-1.kafka"}})
	if answer != nil {
		_ = answer.Body.Close()
	}
	return err
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }
