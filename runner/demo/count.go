package demo

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/history"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

const arrival = time.Minute // for the last record to come through

func (c *connector) countTopic(ctx context.Context, kafka string, lasts map[string]int64) (lab.Tally, error) {
	for stream, last := range lasts {
		if err := lab.AwaitSequence(ctx, kafka, c.topic, stream, last, arrival); err != nil {
			return nil, err
		}
	}
	return lab.Count(ctx, kafka, c.topic)
}

func (c *connector) countFiles(ctx context.Context, last int64) (counted lab.Stream, err error) {
	err = wait.Until(ctx, "the last record in the sink's file", arrival, func(context.Context) (bool, string, error) {
		counted, err = lab.CountLines(c.files...)
		return counted.Last >= last, fmt.Sprintf("%d of %d", counted.Last, last), err
	})
	return counted, err
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

// results are what came of the connectors: a row for each move and rollback, and for what stayed.
type results struct {
	rows                  [][]string
	moved, back, accepted int64
	lost, duplicated      int64
}

// count counts what every connector carried, and puts it beside the history of its moves.
func (d *demo) count(ctx context.Context, stories history.Stories) (results, error) {
	var all results
	for _, c := range d.connectors {
		tally, err := c.count(ctx, d.lab)
		if err != nil {
			return all, fmt.Errorf("%s: %w", c.name, err)
		}
		all.lost, all.duplicated = all.lost+tally.Lost(), all.duplicated+tally.Duplicated()
		rows := [][]string{}
		for _, story := range stories.Moves {
			if story.Connector == c.name && story.Outcome != string(event.Unchanged) {
				rows = append(rows, all.row(story))
			}
		}
		if len(rows) == 0 {
			rows = [][]string{{c.name, central, "", "stays", "", "", ""}}
		}
		for i := range rows {
			counts := []string{"", "", ""} // they are of the connector, and stand in its last row
			if i == len(rows)-1 {
				counts = []string{number(tally.Records()), number(tally.Lost()), number(tally.Duplicated())}
			}
			all.rows = append(all.rows, append(rows[i], counts...))
		}
	}
	return all, nil
}

func (r *results) row(story history.Story) []string {
	came := story.Outcome
	switch story.Outcome {
	case string(event.Moved):
		r.moved++
	case string(event.RolledBack):
		came = "rolled back"
		r.back++
	case string(event.Accepted):
		r.accepted++
	}
	down, entries := "", ""
	if story.DowntimeMS != nil {
		down = number(*story.DowntimeMS) + " ms"
	}
	if story.Result != nil {
		entries = strconv.Itoa(story.Result.Entries)
	}
	return []string{story.Connector, story.From, story.To, came, string(story.Proof), down, entries}
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

// print prints the table and the verdict, and returns whether all came as it should and
// every record arrived exactly once.
func (r *results) print(out io.Writer) (exact bool) {
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "\nconnector\tfrom\tto\tcame of it\tproof\tdown for\tentries\trecords\tlost\tduplicated")
	for _, row := range r.rows {
		_, _ = fmt.Fprintln(table, strings.Join(row, "\t"))
	}
	_ = table.Flush()
	for line := range strings.Lines(text.String()) {
		_, _ = fmt.Fprintln(out, strings.TrimRight(line, " \n"))
	}
	_, _ = fmt.Fprintf(out, "\ncertificates: %s/certificates\n", kept)
	_, _ = fmt.Fprintf(out, "demo: %d moved, %d rolled back, %d accepted, %d lost, %d duplicated\n", r.moved, r.back, r.accepted, r.lost, r.duplicated)
	return r.lost == 0 && r.duplicated == 0 && r.moved == 7 && r.back == 2 && r.accepted == 1
}
