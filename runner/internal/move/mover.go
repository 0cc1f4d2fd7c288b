package move

import (
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/certificate"
	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/lease"
	"github.com/connect-ferry/connect-ferry/runner/internal/neighbours"
	"github.com/connect-ferry/connect-ferry/runner/internal/proof"
	"github.com/connect-ferry/connect-ferry/runner/internal/secret"
)

// Options holds the time limits of a move.
type Options struct {
	Proof proof.Options
	// Start bounds the wait for the target's tasks to run.
	Start time.Duration
	// Watch is how long the target must run without a failure to count as moved.
	Watch time.Duration
	// PutBack bounds the undo of a move that failed or was interrupted.
	PutBack time.Duration
}

// DefaultOptions returns the defaults.
func DefaultOptions() Options {
	return Options{Proof: proof.DefaultOptions(), Start: time.Minute, Watch: 2 * time.Second, PutBack: 5 * time.Minute}
}

// Mover moves connectors. It is safe for concurrent use.
type Mover struct {
	Options Options
	Events  event.Recorder
	// Mask learns the secrets in the configs that are read; may be nil.
	Mask *secret.Mask
	// Together are the connectors, by either name, that the same command moves. They are no
	// neighbours of each other.
	Together []string
	// Others returns the clusters beside origin and target to which a connector may have been moved
	// on; nil if there are none.
	Others func() []*cluster.Cluster
	// Leases keep other runs away from a connector; nil if none are configured.
	Leases lease.Leases

	// Certify makes the certificate of a move or a rollback, and returns where it is; nil if none
	// is asked for. The connector may run already, but the lease is still held.
	Certify func(*certificate.Evidence) *event.CertificateFiles

	// BeforeCut is asked right before the origin's connector is paused for a move, which may be
	// long after it was prepared: others have their turn before it. An error ends the move, and
	// a [proof.NotAllowedError] counts as not begun. May be nil.
	BeforeCut func(connector string) error
	// AtFailure is called when a move has failed, before it is undone; may be nil.
	AtFailure func(connector string)
	// BeforeWatch is called when a connector's copy runs and all that is left is to watch it, so
	// that the next one can begin; may be nil.
	BeforeWatch func(connector string)

	// many is from how many entries on offsets are followed; 0 is [offsetstore.Many].
	many       int
	earlier    earlier
	neighbours neighbours.Watches

	// Turns let the connectors of this command stand still one after another. Set its
	// File before use.
	Turns proof.Turns
}

func (m *Mover) Prover(of *cluster.Cluster) *proof.Prover {
	return &proof.Prover{Cluster: of.RetryFor(cluster.DowntimeRetry), Options: m.Options.Proof, Events: m.Events, Turns: &m.Turns}
}

// requireHardProof refuses --proof hard for a cluster whose status topic is not known.
func (m *Mover) RequireHardProof(of *cluster.Cluster) error {
	if m.Options.Proof.Mode != proof.OnlyHard {
		return nil
	}
	_, err := of.StatusTopic()
	return err
}
