package event

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
)

// SchemaID is the value of "schema" in every result document.
const SchemaID = "connect-ferry/result/1"

// Outcome is the outcome of a command or of one connector.
type Outcome string

// The outcomes. The first group is for both commands and connectors.
const (
	Failed       Outcome = "failed"
	Refused      Outcome = "refused"
	NotProven    Outcome = "not_proven"
	RolledBack   Outcome = "rolled_back"
	RunningTwice Outcome = "running_twice"
	Down         Outcome = "down" // the connector should run and does not, or a task of it
	Interrupted  Outcome = "interrupted"
	Held         Outcome = "held" // another run has the lease

	Done     Outcome = "done"     // only for a command
	Invalid  Outcome = "invalid"  // only for a command: wrong usage or input
	Outdated Outcome = "outdated" // only for a command: the plan no longer matches the clusters

	Moved     Outcome = "moved"
	Unchanged Outcome = "unchanged" // there was nothing to do
	PutBack   Outcome = "put_back"  // an unfinished move was undone on request
	Ready     Outcome = "ready"     // no check refused the move
	Rehearsed Outcome = "rehearsed" // all but the cut was tried, and undone
	Prepared  Outcome = "prepared"  // all but the cut is done
	NotBegun  Outcome = "not_begun" // left alone, since the campaign stopped before it
	Created   Outcome = "created"
	Quiesced  Outcome = "quiesced"
	Read      Outcome = "read"
	Written   Outcome = "written"
	Started   Outcome = "started"
	Observed  Outcome = "observed"
	Accepted  Outcome = "accepted" // the origin's copy is removed
)

// ErrInterrupted is the cause of a context that a signal cancelled.
var ErrInterrupted = errors.New("interrupted")

// Bad reports whether an outcome is one that a person must look at.
func (o Outcome) Bad() bool {
	switch o {
	case Failed, Refused, NotProven, RolledBack, RunningTwice, Down, Interrupted, Held, Invalid, Outdated:
		return true
	case Done, Moved, Unchanged, PutBack, Ready, Rehearsed, Prepared, NotBegun, Created, Quiesced, Read, Written, Started, Observed, Accepted:
		return false
	}
	return true
}

// Result is the document of a command: what `--result` writes and
// `--output json` prints. Its schema is schemas/result.schema.json.
type Result struct {
	Schema     string            `json:"schema"`
	Command    string            `json:"command"`
	Version    string            `json:"version"`
	Origin     string            `json:"origin,omitempty"`
	Target     string            `json:"target,omitempty"`
	Cluster    string            `json:"cluster,omitempty"`
	StartedAt  time.Time         `json:"started_at"`
	EndedAt    time.Time         `json:"ended_at"`
	ExitCode   int               `json:"exit_code"`
	Outcome    Outcome           `json:"outcome"`
	Message    string            `json:"message"`
	Connectors []ConnectorResult `json:"connectors"`
	// Plan is the plan that was made or carried out.
	Plan *Plan `json:"plan,omitempty"`
	// Channels are those that a notice was for.
	Channels []Channel `json:"channels,omitempty"`
	// Undelivered are the events that could not be published, each a document of
	// schemas/event.schema.json.
	Undelivered []json.RawMessage `json:"undelivered_events,omitempty"`
}

// Channel is what came of a notice on one channel.
type Channel struct {
	Channel string `json:"channel"` // its name in the clusters file
	Sent    bool   `json:"sent"`
	Message string `json:"message,omitempty"` // why it was not
}

// Plan is what a result says of a plan. The plan itself is in its file.
type Plan struct {
	Hash    string     `json:"hash"`
	File    string     `json:"file,omitempty"`
	Moves   int        `json:"moves"`
	Refused int        `json:"refused"` // moves that cannot be made
	Stay    int        `json:"stay"`
	Waves   []PlanWave `json:"waves"`
}

// PlanWave is one wave of a plan.
type PlanWave struct {
	Wave       int  `json:"wave"`
	Canary     bool `json:"canary"`
	Connectors int  `json:"connectors"`
	Tasks      int  `json:"tasks"`
}

// ConnectorResult is the result for one connector.
type ConnectorResult struct {
	Connector       string `json:"connector"`
	TargetConnector string `json:"target_connector,omitempty"`
	// Parts are the several connectors that became the one of this result, or the other way.
	Parts   []string `json:"parts,omitempty"`
	Outcome Outcome  `json:"outcome"`
	// State is where the move stands at the end, derived from both clusters.
	State   string `json:"state,omitempty"`
	Changed bool   `json:"changed"`
	Message string `json:"message"`
	// OriginState and TargetState are the connector's states at the end.
	OriginState connect.State `json:"origin_state,omitempty"`
	TargetState connect.State `json:"target_state,omitempty"`
	// OriginTasks and TargetTasks are the states of its tasks at the end.
	OriginTasks []TaskState `json:"origin_tasks,omitempty"`
	TargetTasks []TaskState `json:"target_tasks,omitempty"`
	// WasState is the origin's state before the move, and the target's after it.
	WasState connect.State `json:"was_state,omitempty"`
	Proof    *Proof        `json:"proof,omitempty"`
	Copy     string        `json:"copy,omitempty"` // rest, raw, group, checkpoints, shared or none
	Entries  int           `json:"entries"`
	// SentAgain is how many records the copy sends again, counted before its start. For
	// offsets that are translated through checkpoints it is the upper bound. Absent if it
	// cannot be counted.
	SentAgain *int64 `json:"sent_again,omitempty"`
	// Aligned is how many records of the mirrored topics were matched one by one with those of
	// the origin, for translated offsets: where they are, the offset is exact.
	Aligned int64 `json:"aligned,omitempty"`
	// DowntimeMS is from the stop request until the copy's tasks were seen RUNNING;
	// absent if the connector did not run. PausingMS is the time before that in which the
	// tasks finish their current poll and send what they got.
	DowntimeMS *int64 `json:"downtime_ms,omitempty"`
	PausingMS  int64  `json:"pausing_ms,omitempty"`
	// ExpectedDowntimeMS is an estimate of the downtime, of a move that was not made.
	ExpectedDowntimeMS *int64 `json:"expected_downtime_ms,omitempty"`
	// Wave is the wave of the plan that the connector goes in, from 1.
	Wave        int     `json:"wave,omitempty"`
	OffsetsHash *Hashes `json:"offsets_sha256,omitempty"`
	ConfigHash  *Hashes `json:"config_sha256,omitempty"`
	Checks      []Check `json:"checks,omitempty"`
	Steps       []Step  `json:"steps,omitempty"`
	FailedAt    string  `json:"failed_at,omitempty"` // the step that failed
	// Differences are the settings in which the configs on both sides differ, and Offsets how
	// the target's offsets stand to the origin's; only of a comparison of two clusters.
	Differences []SettingDifference `json:"config_difference,omitempty"`
	Offsets     string              `json:"offsets,omitempty"` // equal, ahead, behind or differ
	OffsetsFile string              `json:"offsets_file,omitempty"`
	// Findings are what a watch found alarming.
	Findings []Finding `json:"findings,omitempty"`
	// Certificate is where the certificate of the move is, if one was asked for.
	Certificate *CertificateFiles `json:"certificate,omitempty"`
	Files       []string          `json:"files,omitempty"` // that were written, those to read first at the end
	// Neighbours is what happened meanwhile to the tasks of other connectors, by cluster;
	// absent for a cluster whose status topic could not be followed.
	Neighbours   []Neighbours `json:"neighbours,omitempty"`
	Instructions string       `json:"instructions,omitempty"` // what to do next
}

// Finding is what is alarming about a connector on two clusters.
type Finding struct {
	Code      string    `json:"code"`
	Connector string    `json:"connector"`
	Origin    string    `json:"origin"` // the clusters
	Target    string    `json:"target"`
	Since     time.Time `json:"since,omitzero"` // by the worker's clock; zero if not known
	// Unfinished is the command that was begun and goes on if it is run again, [UnfinishedMove] or
	// [UnfinishedRollback]; only of what is half moved, and "" if none of the two goes on.
	Unfinished string `json:"unfinished,omitempty"`
	Means      string `json:"means"`
	Do         string `json:"do"`
}

// What a finding may say is unfinished.
const (
	UnfinishedMove     = "move"
	UnfinishedRollback = "rollback"
)

// CertificateFiles are the paths of a certificate, as a page and as JSON.
type CertificateFiles struct {
	HTML string `json:"html"`
	JSON string `json:"json"`
}

// CrashResult is the result of a run that a fault of ferry ended.
func CrashResult(connector string, fault error) ConnectorResult {
	return ConnectorResult{
		Connector: connector, Outcome: Failed, Message: fault.Error(), Changed: true, // it may be
		Instructions: "look at the connector on both clusters, and run the same command again: it goes on from where they stand",
	}
}

// TaskState is what a cluster says of one task.
type TaskState struct {
	Task     int           `json:"task"`
	State    connect.State `json:"state"`
	WorkerID string        `json:"worker_id,omitempty"`
	Trace    string        `json:"trace,omitempty"` // the first line, of a task that is FAILED
}

// TaskStates returns the states of a connector's tasks.
func TaskStates(status connect.Status) []TaskState {
	var states []TaskState
	for _, task := range status.Tasks {
		state := TaskState{Task: task.ID, State: task.State, WorkerID: task.WorkerID}
		if task.State == connect.Failed {
			state.Trace = task.FirstLine()
		}
		states = append(states, state)
	}
	return states
}

// SettingDifference is a setting that differs between two configs, with secrets masked; "" if
// it is not set there.
type SettingDifference struct {
	Setting string `json:"setting"`
	Origin  string `json:"origin"`
	Target  string `json:"target"`
}

// Neighbours is what happened during a move to the tasks of other connectors on a cluster.
type Neighbours struct {
	Cluster   string `json:"cluster"`
	Restarted int    `json:"restarted"` // tasks that were UNASSIGNED and RUNNING again
	// Unassigned are the tasks that were UNASSIGNED and are not RUNNING yet.
	Unassigned int             `json:"unassigned,omitempty"`
	LongestMS  int64           `json:"longest_ms,omitempty"`
	Tasks      []NeighbourTask `json:"tasks,omitempty"` // at most 50, the longest first
}

// NeighbourTask is a task that stopped and started again.
type NeighbourTask struct {
	Connector string `json:"connector"`
	Task      int    `json:"task"`
	DownMS    int64  `json:"down_ms"` // between the two records, by the workers' clocks
}

// Hashes are SHA-256, in hexadecimal, of what the origin held and of what was read back
// from the target.
type Hashes struct {
	Origin string `json:"origin,omitempty"`
	Target string `json:"target,omitempty"`
}

// Check is the finding of one check.
type Check struct {
	Check   string `json:"check"`
	OK      bool   `json:"ok"`
	Warning bool   `json:"warning,omitempty"` // it refuses nothing, and a person should know it
	Reason  string `json:"reason"`
}

// Step is a step that was taken.
type Step struct {
	Step      string    `json:"step"`
	StartedAt time.Time `json:"started_at"`
	TookMS    int64     `json:"took_ms"`
	Error     string    `json:"error,omitempty"`
}

// Proof is the evidence that a connector's offsets are final. The zero value
// proves nothing.
type Proof struct {
	Kind ProofKind `json:"kind"`
	At   time.Time `json:"at,omitzero"`
	// Tasks is the evidence for each task that ran.
	Tasks []TaskEvidence `json:"tasks,omitempty"`
	// PausedSeen says that every task was seen PAUSED before the stop.
	PausedSeen bool `json:"paused_seen"`
	// Reads is the number of equal reads of the offsets, over SettledMS.
	Reads     int   `json:"reads"`
	SettledMS int64 `json:"settled_ms"`
	// Group is the consumer group that was seen empty, for a sink.
	Group string `json:"group,omitempty"`
	// FurtherGroups are those in which a sink keeps a second position, seen empty too.
	FurtherGroups []string `json:"further_groups,omitempty"`
	// Fenced are the transactional ids of an exactly-once source that were taken over.
	Fenced []string `json:"fenced,omitempty"`
	Note   string   `json:"note,omitempty"`
}

// ProofKind is the kind of a [Proof].
type ProofKind string

// The kinds of proof. [NoProof] proves nothing.
const (
	NoProof ProofKind = "none"
	Hard    ProofKind = "hard"  // from Kafka: each task's own last record
	Timed   ProofKind = "timed" // from REST: tasks paused, then gone, then equal reads over time
)

// TaskEvidence is why a task is known to have ended.
type TaskEvidence struct {
	Task     int       `json:"task"`
	WorkerID string    `json:"worker_id,omitempty"`
	Evidence string    `json:"evidence"`
	At       time.Time `json:"at,omitzero"`
}
