// Package plan is the plan of a campaign: which connectors of a cluster go where, in which
// waves, what speaks against each move, and what it will take. [Planner] makes it, and only
// reads; [Load] reads it back, and refuses one that was edited; [Plan.Verify] says where the
// clusters differ by now from what was planned.
package plan

import (
	"slices"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/proof"
	"github.com/connect-ferry/connect-ferry/runner/internal/regroup"
	"github.com/connect-ferry/connect-ferry/runner/internal/rules"
)

// SchemaID is the value of "schema" in every plan.
const SchemaID = "connect-ferry/plan/1"

// Plan is a document of schemas/plan.schema.json.
type Plan struct {
	Schema string `json:"schema"`
	// Hash is over all but itself and CreatedAt, see [Plan.hash].
	Hash      string    `json:"hash"`
	CreatedAt time.Time `json:"created_at"`
	Origin    Cluster   `json:"origin"`
	Targets   []Cluster `json:"targets"`
	Options   Options   `json:"options"`
	Waves     []Wave    `json:"waves"`
	Moves     []Move    `json:"moves"`
	Stay      []Stay    `json:"stay"`
}

// Cluster is a Connect cluster as it was planned for.
type Cluster struct {
	Name           string `json:"name"`
	Version        string `json:"version"`
	KafkaClusterID string `json:"kafka_cluster_id"`
	// Workers are where its workers are reached, host:port: Connect has no id of a cluster.
	Workers []string `json:"workers"`
}

// Options are what was accepted for all moves, by the names of the request.
type Options struct {
	Proof           string `json:"proof"`
	Copy            string `json:"copy"`
	AllowDuplicates bool   `json:"allow_duplicates,omitempty"`
	Overwrite       bool   `json:"overwrite,omitempty"`
	SameLog         bool   `json:"same_log,omitempty"`
	OtherKafka      bool   `json:"other_kafka,omitempty"`
	AtLeastOnce     bool   `json:"at_least_once,omitempty"`
}

// Mode is the proof that is asked for.
func (o Options) Mode() proof.Mode { return proof.Mode(o.Proof) }

// Wave is a number of moves that are made together, before those of the next.
type Wave struct {
	Wave       int      `json:"wave"` // from 1
	Canary     bool     `json:"canary"`
	Tasks      int      `json:"tasks"`
	Connectors []string `json:"connectors"` // by their names on the origin
}

// Move is one connector that goes to a target.
type Move struct {
	Connector       string `json:"connector"`
	Target          string `json:"target"`
	TargetConnector string `json:"target_connector"`
	Rule            string `json:"rule"`
	// Regroup says that several connectors become this one, or that it becomes several; nil
	// if it stays one. Connector is the one then, and Tasks are those of all.
	Regroup *Regroup      `json:"regroup,omitempty"`
	Type    string        `json:"type"` // source or sink
	Class   string        `json:"class"`
	State   connect.State `json:"state"`
	// Stands is where the move stood when the plan was made: not_begun, or further if an
	// earlier run began it.
	Stands string `json:"stands"`
	Tasks  int    `json:"tasks"`
	Wave   int    `json:"wave"`
	// Go says that no check refused. Reasons are all that did.
	Go      bool          `json:"go"`
	Reasons []string      `json:"reasons,omitempty"`
	Checks  []event.Check `json:"checks,omitempty"` // all findings, warnings too

	Set     map[string]string `json:"set,omitempty"` // as written in the rules
	Unset   []string          `json:"unset,omitempty"`
	Replace []rules.Replace   `json:"replace,omitempty"`
	// ConfigDifference is what these change, with secrets masked.
	ConfigDifference []event.SettingDifference `json:"config_difference,omitempty"`
	ConfigSHA256     string                    `json:"config_sha256"` // of the origin's config
	CopySHA256       string                    `json:"copy_sha256"`   // of the copy's
	// OriginPlugin and TargetPlugin are the versions of the plugin that each side has.
	OriginPlugin string `json:"origin_plugin,omitempty"`
	TargetPlugin string `json:"target_plugin,omitempty"`

	Proof   event.ProofKind `json:"proof"`
	Copy    string          `json:"copy,omitempty"` // rest, raw, group, checkpoints, shared or none
	Entries int             `json:"entries"`
	// ExpectedDowntimeMS is an estimate, see [check.Expected]; absent for a connector that does
	// not run.
	ExpectedDowntimeMS *int64 `json:"expected_downtime_ms,omitempty"`
	// SentAgain is how many records would be sent again as of now; absent if that cannot be
	// counted before the connector is stopped.
	SentAgain *int64           `json:"sent_again,omitempty"`
	Owner     *rules.Owner     `json:"owner,omitempty"`
	Blackout  []rules.Blackout `json:"blackout,omitempty"`
}

// Regroup is a move that changes the number of connectors.
type Regroup struct {
	Form  regroup.Form `json:"form"`
	Parts []Part       `json:"parts"` // the several
	List  string       `json:"list,omitempty"`
	Field string       `json:"field,omitempty"`
}

// Part is one of the several.
type Part struct {
	Connector string `json:"connector"`
	// Items are what it is to list, of a split.
	Items []string `json:"items,omitempty"`
	// ConfigSHA256 is the hash of its config on the origin, of a consolidation.
	ConfigSHA256 string `json:"config_sha256,omitempty"`
}

// Sources are the connectors of the origin that a move takes.
func (m Move) Sources() []string {
	if m.Regroup == nil || m.Regroup.Form == regroup.Split {
		return []string{m.Connector}
	}
	return m.Regroup.Names()
}

// Copies are the connectors that a move makes on the target.
func (m Move) Copies() []string {
	if m.Regroup == nil || m.Regroup.Form == regroup.Consolidate {
		return []string{m.TargetConnector}
	}
	return m.Regroup.Names()
}

// Names are the names of the parts.
func (r Regroup) Names() []string {
	names := make([]string, len(r.Parts))
	for i, part := range r.Parts {
		names[i] = part.Connector
	}
	return names
}

// Stay is a connector that is not moved.
type Stay struct {
	Connector string       `json:"connector"`
	Rule      string       `json:"rule"`
	Owner     *rules.Owner `json:"owner,omitempty"`
}

// Warnings are the findings that refuse nothing and that a person should know.
func (m Move) Warnings() []string {
	var said []string
	for _, found := range m.Checks {
		if found.Warning {
			said = append(said, found.Reason)
		}
	}
	return said
}

// BlackedOut returns the blackout window in which a time lies, or nil.
func (m Move) BlackedOut(at time.Time) *rules.Blackout {
	i := slices.IndexFunc(m.Blackout, func(window rules.Blackout) bool { return !at.Before(window.From) && at.Before(window.To) })
	if i < 0 {
		return nil
	}
	return &m.Blackout[i]
}

// Refused counts the moves that cannot be made.
func (p Plan) Refused() int {
	count := 0
	for _, move := range p.Moves {
		if !move.Go {
			count++
		}
	}
	return count
}
