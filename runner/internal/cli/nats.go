package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/clusterfile"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/history"
	"github.com/connect-ferry/connect-ferry/runner/internal/natslease"
	"github.com/connect-ferry/connect-ferry/runner/internal/natsstore"
	"github.com/connect-ferry/connect-ferry/runner/internal/words"
)

// natsOptions are those of the clusters file.
func natsOptions(settings *clusterfile.NATS) (natsstore.Options, error) {
	options := natsstore.Options{
		URLs: settings.URLs, CredsFile: settings.CredsFile, Nkey: settings.Nkey, Token: settings.Token,
		Username: settings.Username, Password: settings.Password,
		Stream: settings.Stream, Bucket: settings.Bucket, Prefix: settings.SubjectPrefix, LeaseTTL: settings.LeaseTTL,
	}
	if settings.TLS == nil {
		return options, nil
	}
	var err error
	if options.TLS, err = settings.TLS.Config(); err != nil {
		return options, &clusterfile.InputError{File: "nats", Err: err}
	}
	return options, nil
}

// useNATS lets the mover of a command that writes take leases and publish what it
// does, if the clusters file says where. endNATS ends it, and returns the events
// that were not delivered.
func (s *session) useNATS(ctx context.Context) error {
	settings := s.dialer.Clusters.NATS()
	if settings == nil || !s.writes {
		return nil
	}
	options, err := natsOptions(settings)
	if err != nil {
		return err
	}
	printed := s.mover.Events
	store, err := natsstore.Open(ctx, options)
	if err != nil && settings.Required {
		return fmt.Errorf("%w; or set nats.required: false to go on without a lease and a history. Nothing was changed", err)
	}
	if err != nil {
		printed.Emit(event.Note{
			Level: event.Warn, At: time.Now(),
			Message: fmt.Sprintf("going on without a lease and a history, as nats.required is false: %s", err),
		})
		return nil
	}
	by := event.ThisProcess()
	publisher := history.NewPublisher(store, history.PublisherOptions{By: by, Version: Version, Mask: s.mover.Mask.Text, Events: printed})
	s.mover.Events = event.Tee{printed, publisher}
	s.mover.Leases = &natslease.Bucket{KV: store.Leases(), TTL: settings.LeaseTTL, By: by, Events: printed, Optional: !settings.Required}
	s.papers.move = publisher.Move
	s.endNATS = func() []json.RawMessage {
		defer store.Close()
		return publisher.Close()
	}
	return nil
}

// tellUndelivered says where the events are that NATS did not take.
func tellUndelivered(asked request, result *event.Result, events event.Recorder) {
	count := len(result.Undelivered)
	if count == 0 {
		return
	}
	where := "they are in the result, as undelivered_events"
	if asked.Result == "" && asked.Output != "json" {
		where = "they are lost, as there is no --result to keep them"
	}
	events.Emit(event.Note{Level: event.Warn, At: time.Now(), Message: fmt.Sprintf("%s not delivered to NATS; %s", words.Count(count, "event"), where)})
	result.Message += ", " + words.Count(count, "event") + " not delivered"
}
