package report

import (
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/plan"
)

// figures are the lines of the summary.
func figures(p plan.Plan, rows []row) []figure {
	refused, done, warned, tasks, entries := 0, 0, 0, 0, 0
	var downtimes []int64
	for i, r := range rows {
		tasks += r.Tasks
		switch {
		case r.Refused:
			refused++
		case r.Done:
			done++
		default:
			entries += p.Moves[i].Entries
		}
		if len(r.Warnings) > 0 {
			warned++
		}
		if p.Moves[i].ExpectedDowntimeMS != nil && !r.Refused && !r.Done {
			downtimes = append(downtimes, r.downtime)
		}
	}
	canaries := 0
	for _, w := range p.Waves {
		if w.Canary {
			canaries++
		}
	}
	going := number(len(rows) - refused)
	if done > 0 {
		going += ", " + number(done) + " of them moved already"
	}
	said := []figure{
		{"Connectors on the origin", number(len(p.Moves) + len(p.Stay))},
		{"Moves", number(len(rows))},
		{"✓ Go", going},
		{"✗ No-go, refused", number(refused)},
		{"⚠ With warnings", number(warned)},
		{"Stay", number(len(p.Stay))},
		{"Waves", number(len(p.Waves)) + ifAny(canaries, " canary")},
		{"Tasks of these moves", number(tasks)},
		{"Offset entries", number(entries)},
		{"Proof of the offsets", proofs(p.Moves, rows)},
		{"Records sent again", again(p.Moves, rows)},
	}
	longest, middle := "none expected", "none expected"
	if len(downtimes) > 0 {
		top := downtimes[0]
		for _, d := range downtimes {
			top = max(top, d)
		}
		longest, middle = "about "+span(top), "about "+span(median(downtimes))
	}
	return append(said, figure{"Expected downtime, longest", longest}, figure{"Expected downtime, median", middle})
}

// ifAny writes ", 2 canary", or nothing.
func ifAny(n int, what string) string {
	if n == 0 {
		return ""
	}
	return ", " + number(n) + what
}

// proofs says how many of the moves to make have which proof.
func proofs(moves []plan.Move, rows []row) string {
	hard, timed := 0, 0
	for i, r := range rows {
		switch {
		case r.Refused || r.Done:
		case moves[i].Proof == event.Hard:
			hard++
		case moves[i].Proof == event.Timed:
			timed++
		}
	}
	return number(hard) + " hard, " + number(timed) + " timed"
}

// again says how many records the moves send again, as far as that is known.
func again(moves []plan.Move, rows []row) string {
	var records int64
	unknown := 0
	for i, r := range rows {
		switch {
		case r.Refused || r.Done:
		case moves[i].SentAgain != nil:
			records += *moves[i].SentAgain
		case moves[i].Copy == "checkpoints":
			unknown++
		}
	}
	said := "none counted"
	if records > 0 {
		said = "up to " + number(records)
	}
	if unknown > 0 {
		said += ", not known yet for " + count(unknown, "connector")
	}
	return said
}

// options says what was asked for and accepted.
func options(o plan.Options) []option {
	accepted := func(yes bool) string {
		if yes {
			return "accepted"
		}
		return "not accepted"
	}
	return []option{
		{"--proof", or(plain(o.Proof), "auto"), "Proof that the offsets are final. auto: hard where possible, else timed."},
		{"--copy", or(plain(o.Copy), "auto"), "How offsets are copied. auto: by REST where possible, else as records of the offsets topics."},
		{"--allow-duplicates", accepted(o.AllowDuplicates), "Go on without a proof; records may be sent again."},
		{"--overwrite", accepted(o.Overwrite), "A stopped connector of the same name on the target may be replaced."},
		{"--same-log", accepted(o.SameLog), "Topics of sinks are the same on both Kafka clusters, record for record and offset for offset."},
		{"--other-kafka", accepted(o.OtherKafka), "Records of sources may go to another Kafka cluster, that of the target."},
		{"--at-least-once", accepted(o.AtLeastOnce), "Records may be sent again, by a source that was exactly-once or by a sink on another Kafka cluster."},
	}
}

var glossary = []word{
	{"down for", "how long the connector will stand still. It is an estimate, not a promise."},
	{"proof hard", "Kafka shows that each task has ended: its own last record in the status topic."},
	{"proof timed", "REST shows it: tasks paused, then gone, then equal reads over time. A bound, not a certainty."},
	{"copy rest", "offsets are written over the REST API."},
	{"copy raw", "offsets are written to the offsets topic, byte for byte."},
	{"copy group", "offsets of a sink are written to its consumer group."},
	{"copy checkpoints", "offsets of a sink are translated for the other Kafka, by what MirrorMaker recorded."},
	{"copy shared", "both clusters use the same offsets, so nothing is copied."},
	{"copy none", "the connector keeps its position in the system that it reads from, so nothing is copied."},
	{"sent again", "the most records that would be sent twice if the connector moved when the plan was made. A dash: nothing to count."},
}
