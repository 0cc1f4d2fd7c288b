package command

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

// Options holds the time limits of a command.
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

// Setup is what the commands of one process have in common. It is safe for concurrent use once
// its fields are set. It must not be copied: all share its Turns.
type Setup struct {
	Options Options
	Events  event.Recorder
	// Mask learns the secrets in the configs that are read; may be nil.
	Mask *secret.Mask
	// Together are the connectors, by either name, that the same command moves. They are no
	// neighbours of each other.
	Together []string
	// Leases keep other runs away from a connector; nil if none are configured.
	Leases lease.Leases
	// Turns let the connectors of this process stand still one after another. Set its
	// fields before use.
	Turns proof.Turns

	// Certify makes the certificate of what [Setup.LeasedPair] did, and returns where it is; nil
	// if none is asked for. The connector may run already, but the lease is still held.
	Certify func(*certificate.Evidence) *event.CertificateFiles
	// BeforeCut is asked right before a connector is paused, which may be long after it was
	// prepared: others have their turn before it. Whoever takes back what the same run has started
	// does not ask. An error ends the run, and a [proof.NotAllowedError] counts as not begun. May
	// be nil.
	BeforeCut func(connector string) error

	neighbours neighbours.Watches
}

// Prover returns what proves the offsets of a connector of the cluster final, in its turn.
func (s *Setup) Prover(of *cluster.Cluster) *proof.Prover {
	return &proof.Prover{Cluster: of.RetryFor(cluster.DowntimeRetry), Options: s.Options.Proof, Events: s.Events, Turns: &s.Turns}
}

// RequireHardProof refuses --proof hard for a cluster whose status topic is not known.
func (s *Setup) RequireHardProof(of *cluster.Cluster) error {
	if s.Options.Proof.Mode != proof.OnlyHard {
		return nil
	}
	_, err := of.StatusTopic()
	return err
}
