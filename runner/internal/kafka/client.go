// Package kafka reads and writes the Kafka that a Connect cluster keeps its state
// in, for what the cluster's REST API cannot prove or cannot do: the status
// topic, which tells that a task has ended and not only that it was asked to
// ([StatusLog]); the offsets of source connectors, byte for byte ([OffsetLog]);
// the state in which a connector begins ([ConfigLog]); consumer groups, and the
// transactions of exactly-once tasks ([Fencer]).
//
// It writes four things and no others: records of an [OffsetLog], a target state
// ([ConfigLog.SetTargetState]), offsets of a group without members
// ([Client.CommitGroupOffsets]), and the epoch of a producer ([Fencer.Fence]).
package kafka

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/connect-ferry/connect-ferry/runner/internal/secret"
)

// Config says how to reach a Kafka cluster.
type Config struct {
	Brokers []string    // host:port
	TLS     *tls.Config // nil: plain text
	SASL    *SASL       // nil: no authentication
}

// SASL is a user and the mechanism that proves it.
type SASL struct {
	Mechanism string // PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512
	Username  string
	Password  secret.String
}

const (
	dialTimeout = 5 * time.Second
	// retryTimeout bounds how long one request is tried. It is short because
	// what waits on it is a connector that stands still.
	retryTimeout = 10 * time.Second
)

// Client reads and writes one Kafka cluster. It is safe for concurrent use.
type Client struct {
	options  []kgo.Opt
	kgo      *kgo.Client
	admin    *kadm.Client
	brokers  string
	producer producer
}

// Open connects to the cluster and makes sure that it answers.
func Open(ctx context.Context, config Config) (*Client, error) {
	options := []kgo.Opt{
		kgo.SeedBrokers(config.Brokers...),
		kgo.ClientID("ferry"),
		kgo.DialTimeout(dialTimeout),
		kgo.RetryTimeout(retryTimeout),
	}
	if config.TLS != nil {
		options = append(options, kgo.DialTLSConfig(config.TLS))
	}
	if config.SASL != nil {
		mechanism, err := config.SASL.mechanism()
		if err != nil {
			return nil, err
		}
		options = append(options, kgo.SASL(mechanism))
	}
	client, err := kgo.NewClient(options...)
	if err != nil {
		return nil, fmt.Errorf("kafka %s: %w", strings.Join(config.Brokers, ","), err)
	}
	opened := &Client{options: options, kgo: client, admin: kadm.NewClient(client), brokers: strings.Join(config.Brokers, ",")}
	if err := client.Ping(ctx); err != nil {
		client.Close()
		if said := advice(err); said != "" {
			return nil, fmt.Errorf("kafka %s: no answer: %w; %s", opened.brokers, err, said)
		}
		return nil, fmt.Errorf("kafka %s: no answer: %w", opened.brokers, err)
	}
	return opened, nil
}

// Brokers names the brokers that the client was given, for people.
func (c *Client) Brokers() string { return c.brokers }

func (s *SASL) mechanism() (sasl.Mechanism, error) {
	switch strings.ToUpper(s.Mechanism) {
	case "PLAIN":
		return plain.Auth{User: s.Username, Pass: s.Password.Reveal()}.AsMechanism(), nil
	case "SCRAM-SHA-256":
		return scram.Auth{User: s.Username, Pass: s.Password.Reveal()}.AsSha256Mechanism(), nil
	case "SCRAM-SHA-512":
		return scram.Auth{User: s.Username, Pass: s.Password.Reveal()}.AsSha512Mechanism(), nil
	default:
		return nil, fmt.Errorf("sasl mechanism %q is not known, use PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512", s.Mechanism)
	}
}

// Close ends all connections.
func (c *Client) Close() {
	c.producer.close()
	c.kgo.Close()
}

// consume opens a reader of a topic at the given offsets.
func (c *Client) consume(topic string, from map[int32]int64) (*kgo.Client, error) {
	at := map[int32]kgo.Offset{}
	for partition, offset := range from {
		at[partition] = kgo.NewOffset().At(offset)
	}
	options := append([]kgo.Opt{}, c.options...)
	options = append(options, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: at}))
	reader, err := kgo.NewClient(options...)
	if err != nil {
		return nil, fmt.Errorf("kafka %s: read topic %q: %w", c.brokers, topic, err)
	}
	return reader, nil
}

var errClosed = errors.New("reader is closed")

// poll returns the next records, or the first error of a fetch.
func poll(ctx context.Context, reader *kgo.Client, topic string) ([]*kgo.Record, error) {
	fetches := reader.PollFetches(ctx)
	if fetches.IsClientClosed() {
		return nil, fmt.Errorf("read topic %q: %w", topic, errClosed)
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	for _, failure := range fetches.Errors() {
		return nil, fmt.Errorf("read topic %q partition %d: %w", failure.Topic, failure.Partition, failure.Err)
	}
	return fetches.Records(), nil
}
