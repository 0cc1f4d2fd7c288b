package event

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
)

// metric is a figure of a task. Kestra keeps it, and its dashboards add such figures up by
// their name alone, so each name counts one thing.
type metric struct {
	Name  string            `json:"name"`
	Type  string            `json:"type"`
	Value json.Number       `json:"value"` // seconds for a timer, which Kestra stores as milliseconds
	Tags  map[string]string `json:"tags"`
}

// The names of the metrics.
const (
	metricMoved        = "ferry.moved"
	metricRolledBack   = "ferry.rolled_back"
	metricAccepted     = "ferry.accepted"
	metricRefused      = "ferry.refused"
	metricFailed       = "ferry.failed"
	metricSentAgain    = "ferry.sent_again"
	metricNotKnown     = "ferry.sent_again.not_known"
	metricDowntime     = "ferry.downtime"
	metricDowntimeHalf = "ferry.downtime.p50"
	metricDowntimeMost = "ferry.downtime.p95"
)

var (
	failures = []string{metricFailed, metricRefused}
	cut      = append([]string{metricDowntime, metricSentAgain, metricNotKnown}, failures...)
	ofMany   = []string{metricDowntimeHalf, metricDowntimeMost}
	// metricsOf are the metrics of each command. Those that are not here only look, or read,
	// and what they find is no figure of a move.
	metricsOf = map[string][]string{
		"check":               failures,
		"move":                slices.Concat(cut, ofMany, []string{metricMoved}),
		"apply":               slices.Concat(cut, ofMany, []string{metricMoved}),
		"rollback":            slices.Concat(cut, ofMany, []string{metricRolledBack}),
		"consolidate":         slices.Concat(cut, []string{metricMoved}),
		"split":               slices.Concat(cut, []string{metricMoved}),
		"accept":              slices.Concat(failures, []string{metricAccepted}),
		"create-stopped":      failures,
		"flush-wait":          slices.Concat(failures, []string{metricDowntime}),
		"connect-offsets-put": failures,
		"start":               failures,
	}
)

// MetricsOf returns the names of the metrics that a command may have, sorted.
func MetricsOf(command string) []string { return slices.Sorted(slices.Values(metricsOf[command])) }

// metrics returns the figures of a result that its command has.
func metrics(result Result) []metric {
	var all []metric
	var downtimes []int64
	for _, c := range result.Connectors {
		tags := tagsOf(result)
		tags["connector"], tags["outcome"], tags["proof"] = c.Connector, string(c.Outcome), string(NoProof)
		if c.Proof != nil {
			tags["proof"] = string(c.Proof.Kind)
		}
		count := func(name string, value int64) {
			all = append(all, metric{Name: name, Type: "counter", Value: json.Number(strconv.FormatInt(value, 10)), Tags: tags})
		}
		if name := counterOf(result.Command, c.Outcome); name != "" {
			count(name, 1)
		}
		switch started := c.Outcome == Moved || c.Outcome == RolledBack; {
		case started && c.SentAgain != nil:
			count(metricSentAgain, *c.SentAgain)
		case started && (c.Copy == "checkpoints" || c.Proof != nil && c.Proof.Kind == NoProof), c.Outcome == RunningTwice:
			count(metricNotKnown, 1)
		}
		if c.DowntimeMS != nil {
			all = append(all, timer(metricDowntime, *c.DowntimeMS, tags))
			downtimes = append(downtimes, *c.DowntimeMS)
		}
	}
	if len(downtimes) > 1 { // of one they would only repeat it
		all = append(all, timer(metricDowntimeHalf, percentile(downtimes, 50), tagsOf(result)), timer(metricDowntimeMost, percentile(downtimes, 95), tagsOf(result)))
	}
	of := metricsOf[result.Command]
	return slices.DeleteFunc(all, func(m metric) bool { return !slices.Contains(of, m.Name) })
}

// counterOf says where an outcome is counted, "" for one that is neither a move nor a
// failure. A copy that failed and was taken back at once is a failed move.
func counterOf(command string, outcome Outcome) string {
	switch outcome {
	case Moved:
		return metricMoved
	case RolledBack:
		if command == "rollback" {
			return metricRolledBack
		}
		return metricFailed
	case Accepted:
		return metricAccepted
	case Refused, Held:
		return metricRefused
	case Failed, NotProven, RunningTwice, Down, Interrupted:
		return metricFailed
	case Done, Invalid, Outdated, Unchanged, PutBack, Ready, Rehearsed, Prepared, NotBegun, Created, Quiesced, Read, Written, Started, Observed:
	}
	return ""
}

// tagsOf are the clusters that a command names, by which of its flags. They have the same keys
// in each of its runs: a registry such as Prometheus' takes one set of keys for a name.
func tagsOf(result Result) map[string]string {
	tags := map[string]string{}
	for key, value := range map[string]string{"origin": result.Origin, "target": result.Target, "cluster": result.Cluster} {
		if value != "" {
			tags[key] = value
		}
	}
	return tags
}

func timer(name string, ms int64, tags map[string]string) metric {
	return metric{Name: name, Type: "timer", Value: json.Number(fmt.Sprintf("%d.%03d", ms/1000, ms%1000)), Tags: tags}
}

// percentile returns the smallest value that so many per cent of all do not exceed (nearest
// rank): one of them, never a value in between.
func percentile(values []int64, percent int) int64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[(len(sorted)*percent+99)/100-1]
}
