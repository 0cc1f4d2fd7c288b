package cli

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/natslease"
	"github.com/connect-ferry/connect-ferry/runner/internal/proof"
)

// together is how many connectors stand still at a time. More make the whole faster and each
// stand still longer; make bench shows both.
const together = 2

// takeTurns lets the connectors of an origin stand still a few at a time: those of all runs,
// through NATS where it is configured, else those of the runs of this user on this machine.
func (s *session) takeTurns(origin *cluster.Cluster) {
	s.mover.Turns.Together = together
	s.mover.Turns.Shared = proof.FileLock(turnFile(origin))
	if bucket, ok := s.mover.Leases.(*natslease.Bucket); ok {
		s.mover.Turns.Shared = bucket.Turn(origin.Name)
	}
}

// turnFile is for moves of one origin there and back.
func turnFile(origin *cluster.Cluster) string {
	workers := sha256.Sum256([]byte(strings.Join(origin.Client.Workers(), " ")))
	return filepath.Join(os.TempDir(), fmt.Sprintf("ferry-%d-%x.turn", os.Getuid(), workers[:8]))
}
