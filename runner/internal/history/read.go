package history

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/natsstore"
	"github.com/nats-io/nats.go/jetstream"
)

// subject returns the subject of an event. An empty name becomes the wildcard *.
func subject(store *natsstore.Store, origin, target, connector, last string) string {
	token := func(name string) string {
		if name == "" {
			return "*"
		}
		return natsstore.Token(name)
	}
	if last == "" {
		last = "*"
	}
	return store.Prefix() + "." + token(origin) + "." + token(target) + "." + token(connector) + "." + last
}

// read calls each for the events of a subject, in order. It skips messages that are not
// events of ferry.
func read(ctx context.Context, store *natsstore.Store, config jetstream.OrderedConsumerConfig, each func(Event)) error {
	consumer, err := store.Stream().OrderedConsumer(ctx, config)
	if err != nil {
		return store.Explain("stream "+store.StreamName(), err)
	}
	info, err := consumer.Info(ctx)
	if err != nil {
		return store.Explain("stream "+store.StreamName(), err)
	}
	if info.NumPending == 0 {
		return nil
	}
	messages, err := consumer.Messages()
	if err != nil {
		return store.Explain("stream "+store.StreamName(), err)
	}
	defer messages.Stop()
	for {
		message, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return store.Explain("stream "+store.StreamName(), err)
		}
		var read Event
		if json.Unmarshal(message.Data(), &read) == nil && read.Data.Schema == SchemaID {
			each(read)
		}
		metadata, err := message.Metadata()
		if err != nil {
			return fmt.Errorf("stream %s: %w", store.StreamName(), err)
		}
		if metadata.NumPending == 0 {
			return nil
		}
	}
}

// unfinished is a move that earlier runs did not finish.
type unfinished struct {
	id        string
	command   string // the first run's
	begunAt   time.Time
	published map[string]bool // ids of its events

}

// unfinishedMove returns the unfinished move of a connector, or nil.
func unfinishedMove(ctx context.Context, store *natsstore.Store, origin, target, connector string) (*unfinished, error) {
	subject := subject(store, origin, target, connector, "")
	var last *Event
	err := read(ctx, store, jetstream.OrderedConsumerConfig{FilterSubjects: []string{subject}, DeliverPolicy: jetstream.DeliverLastPerSubjectPolicy},
		func(read Event) { last = &read })
	if err != nil || last == nil || !last.Data.Open {
		return nil, err
	}
	found := &unfinished{id: last.Data.Move, begunAt: last.Data.BegunAt, published: map[string]bool{}}
	// The stream's clock and that of the run that began it may differ.
	since := found.begunAt.Add(-clockSkew)
	err = read(ctx, store, jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{subject}, DeliverPolicy: jetstream.DeliverByStartTimePolicy, OptStartTime: &since,
	}, func(read Event) {
		if read.Data.Move != found.id {
			return
		}
		found.published[read.ID] = true
		if found.command == "" {
			found.command = read.Data.Command
		}
	})
	return found, err
}

const clockSkew = time.Hour
