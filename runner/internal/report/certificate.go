package report

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/certificate"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
)

// Certificate returns a certificate as a page that stands alone: no script, no network. Show
// only a masked one. Of very many offsets, tasks or settings it shows the first and says how
// many more the JSON has.
func Certificate(d certificate.Document) ([]byte, error) {
	var out bytes.Buffer
	if err := pages.ExecuteTemplate(&out, "certificate.html.tmpl", describeCertificate(d)); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// certified is what the page says. Its texts are [plain] and not escaped yet.
type certified struct {
	Title        string
	Good         bool // the connector is where it should be
	Message      string
	Instructions string
	At           string
	Facts        []figure
	Timeline     timeline
	Steps        []certifiedStep
	Cutovers     []certifiedCutover
	Config       *certifiedConfig
	Checks       string
	Warnings     []string
	IDs          []figure
}

// certifiedStep is a step that was taken.
type certifiedStep struct {
	Step, Toward, At, Took, Said string
	Failed                       bool
}

const (
	tableRows  = 50   // of a table
	mostSteps  = 40   // of the timeline
	cellLength = 300  // characters of a partition, an offset or a setting
	saidLength = 1000 // characters of a sentence
)

func describeCertificate(d certificate.Document) certified {
	c := certified{
		Title: titleOf(d), Good: !d.Outcome.Bad() || d.Outcome == event.RolledBack && d.Command == "rollback",
		Message: clip(d.Message, saidLength), Instructions: clip(d.Instructions, saidLength), At: moment(d.EndedAt),
		Facts: facts(d), Timeline: drawTimeline(d), Config: describeConfig(d.Config), IDs: ids(d),
	}
	for i, s := range d.Timeline {
		if i == mostSteps {
			break
		}
		said := certifiedStep{
			Step: plain(s.Step), At: clock(s.StartedAt), Took: span(s.TookMS), Said: clip(s.Detail, cellLength), Failed: s.Error != "",
		}
		if s.Toward != "" {
			said.Toward = "to " + plain(s.Toward)
		}
		if said.Failed {
			said.Said = clip(s.Error, saidLength)
		}
		c.Steps = append(c.Steps, said)
	}
	for _, cutover := range d.Cutovers {
		c.Cutovers = append(c.Cutovers, describeCutover(cutover))
	}
	passed := 0
	for _, check := range d.Checks {
		if check.OK {
			passed++
		}
		if check.Warning || !check.OK {
			c.Warnings = append(c.Warnings, plain(check.Check)+": "+clip(check.Reason, saidLength))
		}
	}
	if len(d.Checks) > 0 {
		c.Checks = fmt.Sprintf("Checks that passed: %s of %s.", number(passed), number(len(d.Checks)))
	}
	for _, side := range d.Neighbours {
		c.Warnings = append(c.Warnings, neighbours(side)...)
	}
	return c
}

// titleOf says what came of it.
func titleOf(d certificate.Document) string {
	name, origin, target := plain(d.Connector), plain(d.Origin.Name), plain(d.Target.Name)
	if d.TargetConnector != d.Connector {
		name += " (there " + plain(d.TargetConnector) + ")"
	}
	what := "The " + plain(d.Command) + " of " + name
	if d.Command == "accept" {
		what = "The acceptance of " + name
	}
	switch d.Outcome { //nolint:exhaustive // what else a connector can come to is said by its name
	case event.Accepted:
		return fmt.Sprintf("%s was accepted on %s, its copy on %s is removed", name, target, origin)
	case event.Moved:
		return fmt.Sprintf("%s was moved from %s to %s", name, origin, target)
	case event.Unchanged:
		return fmt.Sprintf("%s is on %s already", name, target)
	case event.PutBack:
		return fmt.Sprintf("%s was put back, it is on %s", name, origin)
	case event.RolledBack:
		return fmt.Sprintf("%s is back on %s, from %s", name, origin, target)
	case event.RunningTwice:
		return fmt.Sprintf("%s runs on %s and on %s", name, origin, target)
	case event.Failed:
		return what + " failed"
	default:
		return what + " ended: " + strings.ReplaceAll(plain(string(d.Outcome)), "_", " ")
	}
}

// facts are what most readers want to know.
func facts(d certificate.Document) []figure {
	said := []figure{{"From", clusterText(d.Origin, d.OriginState)}, {"To", clusterText(d.Target, d.TargetState)}}
	if d.Command == "rollback" {
		said[0], said[1] = figure{"From", said[1].Value}, figure{"Back to", said[0].Value}
	}
	last := len(d.Cutovers) - 1
	if d.Outcome == event.Unchanged || d.Command == "accept" {
		said = append(said, figure{"Moved", "by an earlier run: the downtime and the proof are in its certificate, if it left one"})
	} else {
		said = append(said, figure{"Stood still", stoodStill(d)})
	}
	if last >= 0 && d.Outcome != event.Unchanged { // an acceptance has no cutover
		said = append(said, figure{"Proof", proofText(d.Cutovers[last].Proof)}, figure{"Offsets", offsetsText(d.Cutovers[last])},
			figure{"Records sent again", sentAgain(d.Cutovers[last])})
	}
	by := plain(d.By.String())
	accepted := "nobody yet"
	if d.Acceptance != nil {
		accepted = or(plain(d.AcceptedBy), "not known")
	}
	said = append(said, figure{"Approved by", or(plain(d.ApprovedBy), "not known")}, figure{"Accepted by", accepted}, figure{"Carried out by", by})
	if d.Acceptance != nil && d.Command != "accept" { // else the whole page says so
		said = append(said, figure{"Acceptance", acceptanceText(d.Acceptance)})
	}
	return said
}

func acceptanceText(a *certificate.Acceptance) string {
	said := fmt.Sprintf("%s: %s; carried out by %s", moment(a.At), clip(a.Message, saidLength), plain(a.By.String()))
	if a.Instructions != "" {
		said += "; " + clip(a.Instructions, saidLength)
	}
	return said
}

func clusterText(of certificate.Cluster, state connect.State) string {
	said := plain(of.Name)
	if of.Version != "" {
		said += ", Kafka Connect " + plain(of.Version)
	}
	return said + ", connector " + or(plain(string(state)), "not there") + " at the end"
}

// stoodStill says how long the connector was down, and when.
func stoodStill(d certificate.Document) string {
	times := stills(d)
	if len(times) == 0 {
		return "no: it was not running, or was not stopped"
	}
	var said []string
	for _, t := range times {
		if t.to.IsZero() {
			said = append(said, "since "+clock(t.from)+", and does not run yet")
			continue
		}
		said = append(said, fmt.Sprintf("%s, from %s to %s", t.text(), clock(t.from), clock(t.to)))
	}
	whole := strings.Join(said, "; and ")
	if pausing := d.Cutovers[0].PausingMS; pausing > 0 {
		whole += fmt.Sprintf("; before that its tasks took %s to finish", span(pausing))
	}
	return whole
}

// standstill is a time in which the connector stood still. to is zero if it does to the end.
type standstill struct{ from, to time.Time }

func (s standstill) text() string {
	if s.to.IsZero() {
		return "to the end"
	}
	return span(s.to.Sub(s.from).Milliseconds())
}

// stills are the times in which the connector stood still. If its copy never ran, one lasts
// until it ran again where it came from.
func stills(d certificate.Document) []standstill {
	var found []standstill
	for _, c := range d.Cutovers {
		last := len(found) - 1
		switch {
		case last >= 0 && found[last].to.IsZero():
			found[last].to = c.RunsSince
		case !c.StillSince.IsZero():
			found = append(found, standstill{c.StillSince, c.RunsSince})
		}
	}
	return found
}

func proofText(p *event.Proof) string {
	if p == nil {
		return "not reached"
	}
	said := plain(string(p.Kind))
	if len(p.Tasks) > 0 {
		said += fmt.Sprintf(", %s ended", count(len(p.Tasks), "task"))
	}
	if p.Reads > 0 {
		said += fmt.Sprintf(", %s over %s", count(p.Reads, "equal read"), span(p.SettledMS))
	}
	return said
}

// ways are how offsets travel.
var ways = map[string]string{
	"rest": "copied over REST", "raw": "copied as records of the offsets topic, byte for byte", "group": "copied as offsets of the consumer group",
	"checkpoints": "translated for the other Kafka by MirrorMaker's checkpoints", "shared": "in one place for both clusters, so nothing was copied",
	"none": "nothing to copy",
}

func offsetsText(c certificate.CutoverPart) string {
	n := 0
	for _, row := range c.Offsets {
		if !row.Final.IsZero() {
			n++
		}
	}
	said := count(n, "entry")
	if way := ways[c.Copy]; way != "" {
		said += ", " + way
	}
	if h := c.SHA256; h != nil && h.Origin != "" && h.Origin == h.Target {
		said += ", equal on both sides"
	}
	return said
}

func sentAgain(c certificate.CutoverPart) string {
	switch {
	case c.SentAgain != nil && *c.SentAgain > 0:
		return "up to " + number(*c.SentAgain)
	case c.Proof != nil && c.Proof.Kind == event.NoProof:
		return "not known: it went on without a proof"
	case c.SentAgain == nil && c.Copy == "checkpoints":
		return "could not be counted"
	case c.Copy == "", c.Copy == "none": // not reached, or the connector's position is elsewhere
		return "not counted"
	case c.Proof != nil && c.Proof.Kind == event.Timed:
		return "none, as far as a timed proof goes"
	default:
		return "none"
	}
}

// neighbours says what happened to other connectors.
func neighbours(n event.Neighbours) []string {
	if n.Restarted+n.Unassigned == 0 {
		return nil
	}
	said := fmt.Sprintf("On %s, %s of other connectors restarted meanwhile, for at most %s", plain(n.Cluster), count(n.Restarted, "task"), span(n.LongestMS))
	if n.Unassigned > 0 {
		said += fmt.Sprintf("; %s did not run again yet", count(n.Unassigned, "task"))
	}
	return []string{said + "."}
}

func ids(d certificate.Document) []figure {
	said := []figure{{"Certificate", plain(d.ID)}}
	for _, more := range []figure{
		{"Move in the history", d.Move}, {"Plan", d.Plan},
		{"Kafka of " + plain(d.Origin.Name), d.Origin.KafkaClusterID}, {"Kafka of " + plain(d.Target.Name), d.Target.KafkaClusterID}, {"ferry", d.Version},
	} {
		if more.Value != "" {
			said = append(said, figure{more.Name, plain(more.Value)})
		}
	}
	return said
}

// clock writes the time of day, to the millisecond.
func clock(at time.Time) string { return at.UTC().Format("15:04:05.000") }

// more says how many rows a table leaves out, "" for none.
func more(all int, one string) string {
	if all <= tableRows {
		return ""
	}
	return fmt.Sprintf("%s more, see the JSON", count(all-tableRows, one))
}

// first returns as many as a table shows.
func first[E any](all []E) []E { return slices.Clip(all[:min(len(all), tableRows)]) }
