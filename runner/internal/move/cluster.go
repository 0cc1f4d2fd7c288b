package move

import (
	"fmt"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/proof"
	"github.com/connect-ferry/connect-ferry/runner/internal/secret"
)

// Cluster is one side of a move.
type Cluster struct {
	Name   string
	Client *connect.Client
	Status proof.StatusLog // nil: this cluster's Kafka is not known
	Groups proof.Groups    // nil: this cluster's Kafka is not known
}

// Request asks for one connector to be moved from Origin to Target, or back.
type Request struct {
	Origin, Target *Cluster
	Connector      string
	// TargetConnector is the name on the target; "" means the same.
	TargetConnector string
	// Set and Unset change the config of the copy.
	Set   map[string]string
	Unset []string
	// Overwrite allows a stopped connector of that name on the target, which is
	// not a copy of this one, to be overwritten.
	Overwrite bool
}

func (r Request) targetName() string {
	if r.TargetConnector == "" {
		return r.Connector
	}
	return r.TargetConnector
}

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
	return Options{Proof: proof.DefaultOptions(), Start: time.Minute, Watch: 2 * time.Second, PutBack: 2 * time.Minute}
}

// Mover moves connectors. It is safe for concurrent use.
type Mover struct {
	Options Options
	Sink    event.Sink
	// Mask learns what looks like a secret in the configs that are read.
	Mask *secret.Mask

	// Turns are those in which connectors stand still. Set its File before use.
	Turns proof.Turns
}

// Patience of the client in the two phases where giving up early is worse than
// waiting: while a connector stands still, and while it is put back.
const (
	windowPatience  = 30 * time.Second
	putBackPatience = 2 * time.Minute
)

func (m *Mover) prover(cluster *Cluster) *proof.Prover {
	return &proof.Prover{
		Client: cluster.Client.Patient(windowPatience), Status: cluster.Status, Groups: cluster.Groups,
		Options: m.Options.Proof, Sink: m.Sink, Turns: &m.Turns,
	}
}

// needHard refuses what asks for a hard proof of a cluster whose Kafka is not known.
func (m *Mover) needHard(cluster *Cluster) error {
	if m.Options.Proof.Mode == proof.OnlyHard && cluster.Status == nil {
		return refused(fmt.Sprintf("a hard proof needs the Kafka of %s: name kafka.bootstrap_servers and kafka.status_storage_topic of it in the clusters file",
			cluster.Name))
	}
	return nil
}

func (m *Mover) note(connector string, level event.Level, format string, arguments ...any) {
	m.Sink.Emit(event.Note{Connector: connector, Level: level, Message: fmt.Sprintf(format, arguments...), At: time.Now()})
}
