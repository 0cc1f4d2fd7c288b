package move

import (
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/lease"
	"github.com/connect-ferry/connect-ferry/runner/internal/proof"
	"github.com/connect-ferry/connect-ferry/runner/internal/secret"
)

// Options says how long to wait for what.
type Options struct {
	Proof proof.Options
	// Start bounds the wait for the target's tasks to run.
	Start time.Duration
	// Watch is how long the target must run without a failure to count as moved.
	Watch time.Duration
	// PutBack bounds the undoing of a move that failed or was interrupted.
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
	// Mask learns what looks like a secret in the configs that are read; may be nil.
	Mask *secret.Mask
	// Leases keep other runs away; nil: nothing does but the clusters.
	Leases lease.Leases

	// Turns are those in which connectors stand still. Set its File before use.
	Turns proof.Turns
}

func (m *Mover) prover(of *cluster.Cluster) *proof.Prover {
	return &proof.Prover{Cluster: of.RetryFor(cluster.DowntimeRetry), Options: m.Options.Proof, Events: m.Events, Turns: &m.Turns}
}

// needHard refuses what asks for a hard proof of a cluster whose status topic is not known.
func (m *Mover) needHard(of *cluster.Cluster) error {
	if m.Options.Proof.Mode != proof.OnlyHard {
		return nil
	}
	_, err := of.StatusTopic()
	return err
}
