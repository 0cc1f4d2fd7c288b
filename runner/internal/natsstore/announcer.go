package natsstore

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"
)

// Announcer publishes to whoever listens, without JetStream. It connects when the first
// message is published, and only once. Close it. It is safe for concurrent use.
type Announcer struct {
	Options func() (Options, error)

	mu    sync.Mutex
	store *Store
	err   error
}

// Publish returns once the server has the message.
func (a *Announcer) Publish(ctx context.Context, subject string, body []byte) error {
	// One at a time: a refusal comes on the side, as the connection's last error.
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.store == nil && a.err == nil {
		a.store, a.err = a.open()
	}
	if a.err != nil {
		return a.err
	}
	if err := a.store.announce(ctx, subject, body); err != nil {
		return a.store.Explain("subject "+subject, err)
	}
	return nil
}

// Close ends the connection, if there is one.
func (a *Announcer) Close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.store != nil {
		a.store.Close()
	}
}

func (a *Announcer) open() (*Store, error) {
	options, err := a.Options()
	if err != nil {
		return nil, err
	}
	store := &Store{options: options}
	if err := store.dial(); err != nil {
		return nil, err
	}
	return store, nil
}

func (s *Store) announce(ctx context.Context, subject string, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, openTime)
	defer cancel()
	if err := s.connection.Publish(subject, body); err != nil {
		return err
	}
	if err := s.connection.FlushWithContext(ctx); err != nil {
		return err
	}
	if err := s.connection.LastError(); errors.Is(err, nats.ErrPermissionViolation) && strings.Contains(err.Error(), strconv.Quote(subject)) {
		return err
	}
	return nil
}
