package labcmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
)

// folder holds one detached lab.
type folder string

func (f folder) lock() string     { return filepath.Join(string(f), "lock") }
func (f folder) state() string    { return filepath.Join(string(f), "state.json") }
func (f folder) clusters() string { return filepath.Join(string(f), "clusters.yaml") }
func (f folder) log() string      { return filepath.Join(string(f), "lab.log") }
func (f folder) data() string     { return filepath.Join(string(f), "data") }

// lookLimit is more than the moment for which holder takes the lock to look.
const lookLimit = 5 * time.Second

// take makes this process the one that the lab belongs to, until release.
func (f folder) take(ctx context.Context) (release func(), err error) {
	release, err = lab.LockFile(ctx, f.lock(), lookLimit)
	if err != nil {
		return nil, err
	}
	return release, os.WriteFile(f.lock(), []byte(strconv.Itoa(os.Getpid())), 0o644)
}

// holder returns the id of the process that the lab belongs to, 0 if there is
// none. As that process holds a lock for as long as it lives, the id cannot be
// one that has gone to another process since.
func (f folder) holder() int {
	unlock, err := lab.LockFile(context.Background(), f.lock(), 0)
	if err == nil {
		unlock()
		return 0
	}
	text, err := os.ReadFile(f.lock())
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(string(text))
	if err != nil {
		return 0
	}
	return pid
}

// state is a lab that is up, as told to those who ask.
type state struct {
	Pid      int                 `json:"pid"`
	Clusters string              `json:"clusters"` // path of the clusters file
	Logs     string              `json:"logs"`     // folder
	Kafka    map[string]string   `json:"kafka"`    // bootstrap servers by name
	Connect  map[string][]string `json:"connect"`  // URLs by name
	Origin   string              `json:"origin"`   // the Connect cluster with the connectors
}

func (f folder) write(s state) error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	temporary := f.state() + ".tmp"
	if err := os.WriteFile(temporary, text, 0o644); err != nil {
		return err
	}
	return os.Rename(temporary, f.state())
}

func (f folder) read() (state, error) {
	var s state
	text, err := os.ReadFile(f.state())
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(text, &s)
}

// clear removes what an earlier lab left.
func (f folder) clear() error {
	return errors.Join(os.RemoveAll(f.data()), os.RemoveAll(f.state()), os.RemoveAll(f.clusters()))
}

func (s state) print(to io.Writer) {
	fmt.Fprintf(to, "lab: up, process %d\n\n", s.Pid)
	table := tabwriter.NewWriter(to, 0, 0, 3, ' ', 0)
	for _, name := range slices.Sorted(maps.Keys(s.Connect)) {
		fmt.Fprintf(table, "  connect\t%s\t%s\n", name, strings.Join(s.Connect[name], " "))
	}
	for _, name := range slices.Sorted(maps.Keys(s.Kafka)) {
		fmt.Fprintf(table, "  kafka\t%s\t%s\n", name, s.Kafka[name])
	}
	fmt.Fprintf(table, "  clusters\t\t%s\n  logs\t\t%s\n", s.Clusters, s.Logs)
	table.Flush()
	target := s.Origin
	for _, name := range slices.Sorted(maps.Keys(s.Connect)) {
		if name != s.Origin {
			target = name
		}
	}
	fmt.Fprintf(to, `
  export FERRY_CLUSTERS=%s
  go run ./runner move --origin %s --target %s --connector numbered --connector machines
  go run ./examples/lab count --topic numbered
  go run ./examples/lab count --topic factory.machines
  go run ./examples/lab down
`, s.Clusters, s.Origin, target)
}

func printTally(to io.Writer, tally lab.Tally) {
	table := tabwriter.NewWriter(to, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "stream\tfirst\tlast\trecords\tlost\tduplicated\t")
	for _, name := range slices.Sorted(maps.Keys(tally)) {
		s := tally[name]
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%d\t\n", name, s.First, s.Last, s.Records, s.Lost, s.Duplicated)
	}
	table.Flush()
}
