// Package certificate makes the document that a move, a rollback or an acceptance of a connector
// leaves: what was changed, and the evidence that nothing was lost or sent twice.
//
// [Evidence] is what the run keeps for it, [Document] is what it says, as JSON by
// schemas/certificate.schema.json. Package report draws a Document as a page.
//
// A certificate is passed on to people who may not read the connector's config. So it holds no
// secret, and no hash that has one in it either, salted or not: whoever knows the rest of a
// config can try passwords against such a hash until one fits. Of a secret it says only whether
// both sides have the same one.
package certificate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/secret"
)

// SchemaID is the value of "schema" in every certificate.
const SchemaID = "connect-ferry/certificate/1"

// Document is a certificate.
type Document struct {
	Schema string `json:"schema"`
	ID     string `json:"id"`
	// Move is the id of the move in the history, "" where none is kept.
	Move    string `json:"move,omitempty"`
	Plan    string `json:"plan,omitempty"` // hash of the plan that was carried out
	Version string `json:"version"`
	// Command is move, rollback or accept, also of one that was part of a campaign. Origin and
	// Target are as in the move, in a rollback too.
	Command         string       `json:"command"`
	Connector       string       `json:"connector"`
	TargetConnector string       `json:"target_connector"`
	Origin          Cluster      `json:"origin"`
	Target          Cluster      `json:"target"`
	By              event.Holder `json:"by"`
	ApprovedBy      string       `json:"approved_by"` // "" if nobody is known
	AcceptedBy      string       `json:"accepted_by"` // likewise
	StartedAt       time.Time    `json:"started_at"`
	EndedAt         time.Time    `json:"ended_at"`

	Outcome      event.Outcome `json:"outcome"`
	State        string        `json:"state,omitempty"`
	Message      string        `json:"message"`
	Instructions string        `json:"instructions,omitempty"`
	WasState     connect.State `json:"was_state,omitempty"`
	OriginState  connect.State `json:"origin_state,omitempty"`
	TargetState  connect.State `json:"target_state,omitempty"`

	Cutovers   []CutoverPart      `json:"cutovers"`
	Config     *Config            `json:"config,omitempty"` // nil if neither side's was seen
	Timeline   []Step             `json:"timeline"`
	Checks     []event.Check      `json:"checks,omitempty"`
	Neighbours []event.Neighbours `json:"neighbours,omitempty"`
	// Acceptance is how the move was accepted, nil if that was not done yet.
	Acceptance *Acceptance `json:"acceptance,omitempty"`
}

// Acceptance says what `ferry accept` did. Who accepted the move is in [Document.AcceptedBy].
type Acceptance struct {
	At           time.Time     `json:"at"`
	By           event.Holder  `json:"by"` // who ran it
	Outcome      event.Outcome `json:"outcome"`
	Message      string        `json:"message"`
	Instructions string        `json:"instructions,omitempty"`
}

// Cluster is a Connect cluster.
type Cluster struct {
	Name           string `json:"name"`
	Version        string `json:"version,omitempty"`
	KafkaClusterID string `json:"kafka_cluster_id,omitempty"`
}

// Step is a step that was taken.
type Step struct {
	Step      string    `json:"step"`
	Toward    string    `json:"toward,omitempty"` // cluster
	StartedAt time.Time `json:"started_at"`
	TookMS    int64     `json:"took_ms"`
	Detail    string    `json:"detail,omitempty"`
	Error     string    `json:"error,omitempty"`
}

// About is what all certificates of a command have in common.
type About struct {
	Version    string
	Plan       string
	By         event.Holder
	ApprovedBy string
	AcceptedBy string
	// Of is the certificate of the move that is accepted, nil if it is not at hand.
	Of *Document
}

// New returns the certificate of what was kept. id is its own, move that of the history. That of
// an acceptance is the certificate of the move, if that is at hand, with the acceptance added.
func New(e *Evidence, id, move string, about About) Document {
	if about.Of != nil {
		accepted := *about.Of
		accepted.accept(e, about)
		return accepted
	}
	d := begin(e, id, move, about)
	if e.Command == "accept" {
		d.accept(e, about)
	}
	return d
}

func (d *Document) accept(e *Evidence, about About) {
	r := e.Result
	d.AcceptedBy = about.AcceptedBy
	d.Acceptance = &Acceptance{At: e.EndedAt.UTC(), By: about.By, Outcome: r.Outcome, Message: r.Message, Instructions: r.Instructions}
}

func begin(e *Evidence, id, move string, about About) Document {
	r := e.Result
	d := Document{
		Schema: SchemaID, ID: id, Move: move, Plan: about.Plan, Version: about.Version,
		Command: e.Command, Connector: e.Connector, TargetConnector: e.TargetConnector, Origin: e.Origin, Target: e.Target,
		By: about.By, ApprovedBy: about.ApprovedBy, StartedAt: e.StartedAt.UTC(), EndedAt: e.EndedAt.UTC(),
		Outcome: r.Outcome, State: r.State, Message: r.Message, Instructions: r.Instructions,
		WasState: r.WasState, OriginState: r.OriginState, TargetState: r.TargetState,
		Cutovers: []CutoverPart{}, Config: compare(e.originConfig, e.targetConfig),
		Timeline: append([]Step{}, e.steps...), Checks: r.Checks, Neighbours: r.Neighbours,
	}
	for _, cutover := range e.cutovers {
		d.Cutovers = append(d.Cutovers, cutover.part())
	}
	return d
}

// Parse reads a certificate as JSON. What it holds of the connector's own JSON is compact again,
// as it was before it was written.
func Parse(content []byte) (*Document, error) {
	var compact bytes.Buffer
	err := json.Compact(&compact, content)
	document := &Document{}
	if err == nil {
		err = json.Unmarshal(compact.Bytes(), document)
	}
	return document, err
}

// Masked returns the certificate without any secret that the mask knows, and as JSON. Only that
// may be shown.
func (d Document) Masked(mask *secret.Mask) (masked Document, document []byte, err error) {
	content, err := json.Marshal(d) // compact: the mask takes time by the byte
	if err == nil {
		err = json.Unmarshal([]byte(mask.Text(string(content))), &masked)
	}
	if err == nil {
		document, err = json.MarshalIndent(masked, "", " ")
	}
	if err != nil {
		return Document{}, nil, fmt.Errorf("certificate of %s: %w", d.Connector, err)
	}
	return masked, append(document, '\n'), nil
}
