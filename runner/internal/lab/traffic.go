package lab

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TrafficSpec says what a Traffic produces.
type TrafficSpec struct {
	Bootstrap string
	Topic     string // created by the first record
	Stream    string // the records' key
	Rate      int    // records a second
}

// Traffic produces one numbered stream, as another application would.
type Traffic struct {
	client *kgo.Client
	cancel context.CancelFunc
	done   chan struct{}

	mu    sync.Mutex
	acked int64 // highest sequence that is acknowledged with all before it
	err   error
}

const trafficTick = 20 * time.Millisecond

// StartTraffic begins to produce records 0, 1, 2 … until Stop is called or ctx
// ends.
func StartTraffic(ctx context.Context, spec TrafficSpec) (*Traffic, error) {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(spec.Bootstrap),
		kgo.AllowAutoTopicCreation(),
		kgo.UnknownTopicRetries(-1),
		kgo.MetadataMinAge(50*time.Millisecond), // the topic is there soon
		kgo.DefaultProduceTopic(spec.Topic),
	)
	if err != nil {
		return nil, fmt.Errorf("lab: traffic to topic %s: %w", spec.Topic, err)
	}
	ctx, cancel := context.WithCancel(ctx)
	traffic := &Traffic{client: client, cancel: cancel, done: make(chan struct{}), acked: -1}
	go traffic.run(ctx, spec)
	return traffic, nil
}

// Stop ends the traffic and returns the last sequence, with it and all before
// it acknowledged by Kafka (-1: none was sent). An error means that this is not
// certain. It may be called more than once.
func (t *Traffic) Stop() (last int64, err error) {
	t.cancel()
	<-t.done
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.acked, t.err
}

// Acked returns the highest sequence that is acknowledged with all before it,
// -1 if there is none yet.
func (t *Traffic) Acked() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.acked
}

func (t *Traffic) run(ctx context.Context, spec TrafficSpec) {
	defer close(t.done)
	defer t.client.Close()
	ticker := time.NewTicker(trafficTick)
	defer ticker.Stop()
	started := time.Now()
	var next int64
	for {
		select {
		case <-ctx.Done():
			// What was handed over is still delivered: a record that may or may
			// not be there could not be counted.
			t.flush(context.WithoutCancel(ctx), spec)
			return
		case <-ticker.C:
			due := int64(time.Since(started).Seconds() * float64(spec.Rate))
			for ; next < due; next++ {
				t.produce(context.WithoutCancel(ctx), spec.Stream, next)
			}
		}
	}
}

func (t *Traffic) produce(ctx context.Context, stream string, sequence int64) {
	record := &kgo.Record{Key: []byte(stream), Value: strconv.AppendInt(nil, sequence, 10)}
	t.client.Produce(ctx, record, func(_ *kgo.Record, err error) {
		t.mu.Lock()
		defer t.mu.Unlock()
		switch {
		case err != nil && t.err == nil:
			t.err = fmt.Errorf("lab: traffic: sequence %d: %w", sequence, err)
		case t.err == nil:
			t.acked = sequence // one stream is one partition: acknowledged in order
		}
	})
}

// flushLimit bounds the wait for the last acknowledgements.
const flushLimit = 30 * time.Second

func (t *Traffic) flush(ctx context.Context, spec TrafficSpec) {
	ctx, cancel := context.WithTimeout(ctx, flushLimit)
	defer cancel()
	if err := t.client.Flush(ctx); err != nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.err = fmt.Errorf("lab: traffic to topic %s: last records not acknowledged: %w", spec.Topic, err)
	}
}
