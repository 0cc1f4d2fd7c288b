package demo

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// row is a connector in the table at the end.
type row struct {
	connector, from, to, proof, downFor string
	entries                             int
	records, lost, duplicated           int64
	moved, back                         bool
}

const arrival = time.Minute // for the last record to come through

// count ends the traffic of each source, waits for its last record, and counts.
func count(ctx context.Context, l *lab.Lab, sources []*source, moved, back map[string]outcome) ([]row, error) {
	var rows []row
	for _, source := range sources {
		tally, err := source.count(ctx, l)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", source.name, err)
		}
		one := row{connector: source.name, from: central, to: "(stays)", records: tally.Records(), lost: tally.Lost(), duplicated: tally.Duplicated()}
		if said, ok := moved[source.name]; ok {
			one.moved, one.to, one.proof, one.entries, one.downFor = true, region, said.Proof, said.Entries, said.DowntimeMS+" ms"
		}
		rows = append(rows, one)
		if said, ok := back[source.name]; ok {
			returned := one
			returned.back, returned.moved = true, false
			returned.from, returned.to, returned.proof, returned.downFor = region, central, said.Proof, said.DowntimeMS+" ms"
			rows = append(rows, returned)
		}
	}
	return rows, nil
}

func (s *source) count(ctx context.Context, l *lab.Lab) (lab.Tally, error) {
	lasts, err := s.end(ctx)
	if err != nil {
		return nil, err
	}
	kafka := l.Kafka("central").Bootstrap()
	for stream, last := range lasts {
		if err := lab.AwaitSequence(ctx, kafka, s.topic, stream, last, arrival); err != nil {
			return nil, err
		}
	}
	tally, err := lab.Count(ctx, kafka, s.topic)
	if err != nil {
		return nil, err
	}
	for name, stream := range tally {
		stream.Lost += stream.First // every stream begins at 0
		tally[name] = stream
	}
	return tally, nil
}

// stopEverywhere stops a connector on each cluster that has it.
func stopEverywhere(ctx context.Context, l *lab.Lab, connector string) error {
	for _, cluster := range l.Connects() {
		client := cluster.Client()
		err := client.Stop(ctx, connector)
		if connect.IsNotFound(err) {
			continue
		}
		if err != nil {
			return err
		}
		err = wait.Until(ctx, connector+" to stop on "+cluster.Name(), arrival, func(ctx context.Context) (bool, string, error) {
			status, err := client.Status(ctx, connector)
			return status.Connector.State == connect.Stopped && len(status.Tasks) == 0, string(status.Connector.State), err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// printTable prints the table and the verdict, and returns whether every record
// arrived exactly once.
func printTable(out io.Writer, rows []row) (exact bool) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "\nconnector\tfrom\tto\tproof\tdown for\tentries\trecords\tlost\tduplicated")
	var moved, back int
	var lost, duplicated int64
	for _, row := range rows {
		entries := strconv.Itoa(row.entries)
		if !row.moved && !row.back {
			entries = ""
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%d\t%d\t%d\n",
			row.connector, row.from, row.to, row.proof, row.downFor, entries, row.records, row.lost, row.duplicated)
		if row.back {
			back++
			continue // its records were counted in the row of its move
		}
		if row.moved {
			moved++
		}
		lost += row.lost
		duplicated += row.duplicated
	}
	_ = table.Flush()
	_, _ = fmt.Fprintf(out, "\ndemo: %d moved, %d rolled back, %d lost, %d duplicated\n", moved, back, lost, duplicated)
	return lost == 0 && duplicated == 0 && moved == 4 && back == 1
}
