// Package natsstore connects to NATS and opens the stream of the history and the bucket
// of the leases. Packages history and natslease share one [Store].
package natsstore

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"

	"github.com/connect-ferry/connect-ferry/runner/internal/secret"
	"github.com/connect-ferry/connect-ferry/runner/internal/trust"
)

// Options say where NATS is and how to log in to it.
type Options struct {
	URLs      []string
	CredsFile string
	Nkey      secret.String // seed of a user
	Token     secret.String
	Username  string
	Password  secret.String
	TLS       *tls.Config // nil: the URL decides
	Stream    string
	Bucket    string
	Prefix    string // of every subject
	// LeaseTTL is how long a lease lasts; the bucket must keep its keys for at least
	// twice as long.
	LeaseTTL time.Duration
}

// The limits of a stream and a bucket that ferry creates; docs/nats.md has them.
const (
	maxHistoryAge   = 366 * 24 * time.Hour
	maxHistoryBytes = 256 << 20
	duplicateWindow = 10 * time.Minute
	maxLeaseAge     = 24 * time.Hour
	maxLeaseBytes   = 16 << 20
)

const (
	dialTime  = 5 * time.Second
	openTime  = 10 * time.Second
	redialing = 100 * time.Millisecond
)

// Store is a connection to the stream of the history and the bucket of the
// leases. Close it.
type Store struct {
	options    Options
	connection *nats.Conn
	jetStream  jetstream.JetStream
	stream     jetstream.Stream
	bucket     jetstream.KeyValue
}

// Open connects, and creates the stream and the bucket if they do not exist.
func Open(ctx context.Context, options Options) (*Store, error) {
	s := &Store{options: options}
	ctx, cancel := context.WithTimeout(ctx, openTime)
	defer cancel()
	if err := s.dial(); err != nil {
		return nil, err
	}
	if err := s.open(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// OpenToRead connects without creating anything.
func OpenToRead(ctx context.Context, options Options) (*Store, error) {
	s := &Store{options: options}
	ctx, cancel := context.WithTimeout(ctx, openTime)
	defer cancel()
	if err := s.dial(); err != nil {
		return nil, err
	}
	stream, err := s.jetStream.Stream(ctx, options.Stream)
	if err != nil {
		s.Close()
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			return nil, fmt.Errorf("NATS at %s has no stream %s: nothing was moved with this nats section yet, or nats.stream names another one", s.place(), options.Stream)
		}
		return nil, s.Explain("stream "+options.Stream, err)
	}
	s.stream = stream
	return s, nil
}

// Close ends the connection.
func (s *Store) Close() { s.connection.Close() }

// Leases returns the bucket of the leases; nil after [OpenToRead].
func (s *Store) Leases() jetstream.KeyValue { return s.bucket }

// Stream returns the stream of the history.
func (s *Store) Stream() jetstream.Stream { return s.stream }

// StreamName returns the name of the stream of the history.
func (s *Store) StreamName() string { return s.options.Stream }

// Prefix returns the prefix of every subject of the history.
func (s *Store) Prefix() string { return s.options.Prefix }

// Publish publishes to the stream of the history and waits for its
// acknowledgement. The stream drops a message whose id it has seen within its
// duplicate window.
func (s *Store) Publish(ctx context.Context, subject, id string, body []byte) error {
	_, err := s.jetStream.PublishMsg(ctx, &nats.Msg{Subject: subject, Data: body, Header: nats.Header{}},
		jetstream.WithMsgID(id), jetstream.WithExpectStream(s.options.Stream))
	return err
}

func (s *Store) place() string { return strings.Join(s.options.URLs, ", ") }

func (s *Store) dial() error {
	login, err := s.options.login()
	if err != nil {
		return err
	}
	settings := append(login, nats.Name("connect-ferry"), nats.Timeout(dialTime), nats.MaxReconnects(-1),
		nats.ReconnectWait(redialing), nats.ReconnectJitter(redialing, redialing),
		// The default handler prints to standard error.
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	if s.connection, err = nats.Connect(strings.Join(s.options.URLs, ","), settings...); err != nil {
		return s.Explain("", err)
	}
	if s.jetStream, err = jetstream.New(s.connection); err != nil {
		return s.Explain("", err)
	}
	return nil
}

func (o Options) login() ([]nats.Option, error) {
	var settings []nats.Option
	switch {
	case o.CredsFile != "":
		settings = append(settings, nats.UserCredentials(o.CredsFile))
	case !o.Nkey.IsZero():
		pair, err := nkeys.FromSeed([]byte(o.Nkey.Reveal()))
		if err != nil {
			return nil, errors.New("nats.nkey is not the seed of a user, expected one that begins with SU")
		}
		public, err := pair.PublicKey()
		if err != nil || !nkeys.IsValidPublicUserKey(public) {
			return nil, errors.New("nats.nkey is not the seed of a user, expected one that begins with SU")
		}
		settings = append(settings, nats.Nkey(public, pair.Sign))
	case !o.Token.IsZero():
		settings = append(settings, nats.Token(o.Token.Reveal()))
	case o.Username != "":
		settings = append(settings, nats.UserInfo(o.Username, o.Password.Reveal()))
	}
	if o.TLS != nil {
		settings = append(settings, nats.Secure(o.TLS))
	}
	return settings, nil
}

func (s *Store) open(ctx context.Context) (err error) {
	if s.stream, err = s.openStream(ctx); err != nil {
		return s.Explain("stream "+s.options.Stream, err)
	}
	takes, err := s.jetStream.StreamNameBySubject(ctx, s.options.Prefix+".origin.target.connector.moved")
	if errors.Is(err, jetstream.ErrStreamNotFound) || err == nil && takes != s.options.Stream {
		return fmt.Errorf("NATS stream %s does not take the subjects %s.>: add them to it, or correct nats.stream or nats.subject_prefix", s.options.Stream, s.options.Prefix)
	}
	if err != nil {
		return s.Explain("stream "+s.options.Stream, err)
	}
	if s.bucket, err = s.openBucket(ctx); err != nil {
		return s.Explain("bucket "+s.options.Bucket, err)
	}
	status, err := s.bucket.Status(ctx)
	if err != nil {
		return s.Explain("bucket "+s.options.Bucket, err)
	}
	if ttl := status.TTL(); ttl > 0 && ttl < 2*s.options.LeaseTTL {
		return fmt.Errorf("NATS bucket %s forgets its keys after %s, which is too soon for leases of %s: give it a longer TTL, or shorten nats.lease_ttl",
			s.options.Bucket, ttl, s.options.LeaseTTL)
	}
	return nil
}

func (s *Store) openStream(ctx context.Context) (jetstream.Stream, error) {
	stream, err := s.jetStream.Stream(ctx, s.options.Stream)
	if !errors.Is(err, jetstream.ErrStreamNotFound) {
		return stream, err
	}
	stream, err = s.jetStream.CreateStream(ctx, jetstream.StreamConfig{
		Name: s.options.Stream, Description: "what connect-ferry moved", Subjects: []string{s.options.Prefix + ".>"},
		Storage: jetstream.FileStorage, Discard: jetstream.DiscardOld, MaxAge: maxHistoryAge, MaxBytes: maxHistoryBytes, Duplicates: duplicateWindow,
	})
	if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another run was faster
		return s.jetStream.Stream(ctx, s.options.Stream)
	}
	return stream, err
}

func (s *Store) openBucket(ctx context.Context) (jetstream.KeyValue, error) {
	bucket, err := s.jetStream.KeyValue(ctx, s.options.Bucket)
	if !errors.Is(err, jetstream.ErrBucketNotFound) {
		return bucket, err
	}
	bucket, err = s.jetStream.CreateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket: s.options.Bucket, Description: "who of connect-ferry works on which connector",
		History: 1, TTL: maxLeaseAge, MaxBytes: maxLeaseBytes, Storage: jetstream.FileStorage,
	})
	if errors.Is(err, jetstream.ErrBucketExists) {
		return s.jetStream.KeyValue(ctx, s.options.Bucket)
	}
	return bucket, err
}

// Explain adds to an error of NATS what to do about it. what names the stream or bucket,
// "" for NATS as a whole.
func (s *Store) Explain(what string, err error) error {
	if what != "" {
		what = ", " + what
	}
	text := fmt.Sprintf("NATS at %s%s: %v", s.place(), what, err)
	advice := trust.Advice(err)
	switch {
	case advice != "":
		text += "; " + advice
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount), errors.Is(err, nats.ErrNoResponders):
		// No responders: nobody listens on JetStream's API subjects.
		text += "; start its servers with JetStream, and allow it for this account"
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrAuthRevoked):
		text += "; correct how it is logged in to (nats.creds_file, nkey, token, or username and password)"
	case errors.Is(err, nats.ErrPermissionViolation):
		text += "; allow the user to publish there"
	case errors.Is(err, nats.ErrNoServers), errors.Is(err, nats.ErrTimeout):
		text += "; start it, or correct nats.url"
	case errors.Is(err, nats.ErrSecureConnRequired):
		text += "; add the section nats.tls"
	case errors.Is(err, nats.ErrSecureConnWanted):
		text += "; go without the section nats.tls, and with nats:// in nats.url"
	case errors.Is(err, context.DeadlineExceeded):
		text += "; it does not answer, or the user may not do this: see the permissions in docs/nats.md"
	}
	return &Error{text: text, err: err}
}

// Error says why NATS cannot be used, and what to do about it.
type Error struct {
	text string
	err  error
}

func (e *Error) Error() string { return strings.Join(strings.Fields(e.text), " ") }

// Unwrap returns the error of the NATS client.
func (e *Error) Unwrap() error { return e.err }
