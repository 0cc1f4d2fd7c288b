package event

import (
	"bytes"
	"fmt"
	"io"
	"sync"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// Kestra writes events and results as the marker lines Kestra reads from the
// standard output of a task: `::{"logs":[...]}::` and `::{"outputs":{...}}::`,
// each exactly one line (TaskLogLineMatcher). It is a [Recorder]. Everything goes
// to standard output, since Kestra logs standard error as errors.
type Kestra struct {
	mu  sync.Mutex
	out io.Writer
}

// NewKestra returns a recorder that writes to out.
func NewKestra(out io.Writer) *Kestra { return &Kestra{out: out} }

// Emit writes one log marker.
func (k *Kestra) Emit(happened Event) {
	switch e := happened.(type) {
	case StepStarted, MoveStarted, MoveEnded:
	case StepEnded:
		if e.Err != nil {
			k.log(Warn, stepLine(e)) // the command's own error follows at the end, as the one ERROR
			return
		}
		k.log(Info, stepLine(e))
	case Note:
		if e.Connector == "" {
			k.log(e.Level, e.Message)
			return
		}
		k.log(e.Level, e.Connector+": "+e.Message)
	}
}

func (k *Kestra) log(level Level, message string) {
	type entry struct {
		Level   Level  `json:"level"`
		Message string `json:"message"`
	}
	k.marker(map[string][]entry{"logs": {{level, message}}})
}

type kestraConnector struct {
	Connector       string    `json:"connector"`
	TargetConnector string    `json:"target_connector,omitempty"`
	Parts           []string  `json:"parts,omitempty"`
	Outcome         Outcome   `json:"outcome"`
	State           string    `json:"state,omitempty"`
	Changed         bool      `json:"changed"`
	Message         string    `json:"message"`
	Proof           ProofKind `json:"proof,omitempty"`
	Copy            string    `json:"copy,omitempty"`
	DowntimeMS      *int64    `json:"downtime_ms,omitempty"`
	ExpectedMS      *int64    `json:"expected_downtime_ms,omitempty"`
	Entries         int       `json:"entries"`
	// OriginState and TargetState are empty where the connector is not there.
	OriginState connect.State `json:"origin_state,omitempty"`
	TargetState connect.State `json:"target_state,omitempty"`
	// Differs are the names of the settings in which both sides differ; their values stay in the result document.
	Differs  []string  `json:"differs,omitempty"`
	Offsets  string    `json:"offsets,omitempty"`
	Findings []Finding `json:"findings,omitempty"`
	// Certificate is where its files are, which the plugin stores.
	Certificate *CertificateFiles `json:"certificate,omitempty"`
}

// Result writes the metrics and, last, the outputs of a command.
func (k *Kestra) Result(result Result) {
	connectors := make([]kestraConnector, 0, len(result.Connectors))
	for _, c := range result.Connectors {
		small := kestraConnector{
			Connector: c.Connector, TargetConnector: c.TargetConnector, Parts: c.Parts, Outcome: c.Outcome, State: c.State,
			Changed: c.Changed, Message: c.Message, Copy: c.Copy, DowntimeMS: c.DowntimeMS, ExpectedMS: c.ExpectedDowntimeMS, Entries: c.Entries,
			Findings: c.Findings, Certificate: c.Certificate, Offsets: c.Offsets,
			OriginState: c.OriginState, TargetState: c.TargetState,
		}
		for _, one := range c.Differences {
			small.Differs = append(small.Differs, one.Setting)
		}
		if c.Proof != nil {
			small.Proof = c.Proof.Kind
		}
		connectors = append(connectors, small)
	}
	if of := metrics(result); len(of) > 0 {
		k.marker(map[string]any{"metrics": of})
	}
	outputs := map[string]any{
		"exit_code": result.ExitCode, "outcome": result.Outcome, "message": result.Message, "connectors": connectors,
	}
	if result.Plan != nil {
		outputs["plan"] = result.Plan
	}
	k.Outputs(outputs)
}

// Outputs writes the task's outputs.
func (k *Kestra) Outputs(outputs map[string]any) { k.marker(map[string]any{"outputs": outputs}) }

// Failure writes the one line that explains a non-zero exit as an error log.
func (k *Kestra) Failure(message string) { k.log(Error, message) }

// marker writes one line. JSON escapes every line break that Java knows except NEXT LINE
// (U+0085), which would keep Kestra from recognizing the marker.
func (k *Kestra) marker(content any) {
	escaped := bytes.ReplaceAll(rawjson.Encode(content), []byte("\u0085"), []byte(`\u0085`))
	k.mu.Lock()
	defer k.mu.Unlock()
	_, _ = fmt.Fprintf(k.out, "::%s::\n", escaped)
}
