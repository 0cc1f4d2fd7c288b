// Package check runs the checks of a move. It only reads.
//
// A check is a function of [facts] and knows nothing of the other checks; what several of
// them need is read once. [Checker.Run] runs them all and collects every reason, so that
// a refusal names everything that has to be fixed. It ends early only if the state of the
// move makes the other checks pointless, or if a cluster cannot be read.
package check

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/mirror"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/offsetstore"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/secret"
)

// The codes of the checks in results.
const (
	State       = "state"
	Tasks       = "tasks"
	Versions    = "versions"
	OtherKafka  = "other_kafka"
	Config      = "config"
	Plugin      = "plugin"
	Validation  = "validation"
	Definitions = "definitions"
	ExactlyOnce = "exactly_once"
	Name        = "name"
	Offsets     = "offsets"
	Checkpoints = "checkpoints"
	Family      = "family"
)

// all holds the checks in the order of the results. A check is left out if one that it
// needs refuses: it would only repeat the reason.
var all = []struct {
	code  string
	needs []string
	// lasts says that the finding holds for a while, since it depends on the workers, their
	// plugins and the origin's config alone; see [Checker.Again].
	lasts bool
	// look returns its finding, "" if the check does not apply to this move. It may warn
	// besides, see [facts.warn]. A
	// [cluster.RefusedError] refuses the move; any other error means that the check could
	// not be done.
	look func(context.Context, *facts) (found string, err error)
}{
	{State, nil, false, state},
	{Tasks, nil, false, tasks},
	{Versions, nil, true, versions},
	{OtherKafka, nil, true, otherKafka},
	{Config, nil, true, settings},
	{Plugin, nil, true, plugin},
	{Validation, []string{Plugin}, true, validation},
	{Definitions, []string{Plugin}, true, definitions},
	{ExactlyOnce, []string{Plugin, Versions}, false, exactlyOnce},
	{Name, nil, false, name},
	{Offsets, nil, false, offsets},
	{Checkpoints, []string{Offsets}, false, checkpoints},
	{Family, nil, false, familyOf},
}

// Checker runs the checks.
type Checker struct {
	Events event.Recorder
	Mask   *secret.Mask // learns the secrets in configs; may be nil
	// AllowDuplicates accepts that records are sent again.
	AllowDuplicates bool
	// Observe tells what both clusters say of the connector; nil means
	// [pair.Request.Observe], which asks them.
	Observe func(context.Context, pair.Request, *secret.Mask) (pair.Observation, error)
}

// Verdict is what the checks found.
type Verdict struct {
	Seen     pair.Observation
	State    pair.State // "" if the clusters could not be read
	Findings []event.Check
	// Basis is complete only if no check refused and the move is not finished.
	Basis Basis

	facts *facts // what the checks have read
}

// Basis is what the checks pass on to the steps of a move.
type Basis struct {
	Config  rawjson.Object // of the copy
	Group   string         // consumer group of a sink, "" for a source
	Shared  bool           // both sides use one offsets topic or consumer group: nothing to copy
	Stores  pair.Stores    // not opened for a sink whose group is shared
	Offsets offset.Document
	// Path translates a sink's offsets for another Kafka; nil if they are copied as
	// they are.
	Path *mirror.Path
}

// Copy is how the offsets will be copied, by the name that the result has for it.
func (b Basis) Copy() string {
	switch {
	case b.Path != nil:
		return string(offsetstore.ByCheckpoints)
	case b.Shared:
		return "shared"
	case b.Stores.External():
		return "none"
	default:
		return string(b.Stores.Method)
	}
}

// Run runs all checks. Its error is a [cluster.RefusedError] with every reason, an
// instance.RunningTwiceError, or the error that kept a check from being done. The verdict
// holds the findings up to then.
func (c Checker) Run(ctx context.Context, request pair.Request) (Verdict, error) {
	return c.run(ctx, request, Earlier{})
}

func (c Checker) run(ctx context.Context, request pair.Request, earlier Earlier) (Verdict, error) {
	f := &facts{Checker: c, request: request, begun: time.Now()}
	verdict := Verdict{facts: f}
	lasts := false // the earlier findings, as far as they can
	var refusals, refusing []string
	for _, check := range all {
		if slices.ContainsFunc(check.needs, func(code string) bool { return slices.Contains(refusing, code) }) {
			continue
		}
		if check.lasts && lasts {
			verdict.Findings = append(verdict.Findings, earlier.found(check.code)...)
			continue
		}
		f.warnings = nil
		found, err := check.look(ctx, f)
		for _, said := range f.warnings {
			verdict.Findings = append(verdict.Findings, event.Check{Check: check.code, OK: true, Warning: true, Reason: said})
		}
		switch {
		case err == nil && found != "":
			verdict.Findings = append(verdict.Findings, event.Check{Check: check.code, OK: true, Reason: found})
		case err != nil:
			verdict.Findings = append(verdict.Findings, event.Check{Check: check.code, OK: false, Reason: err.Error()})
		}
		if check.code == State {
			if f.looked {
				verdict.Seen, verdict.State = f.seen, f.seen.State()
			}
			if err != nil || verdict.State.Finished() {
				return verdict, err
			}
			if lasts = earlier.holds(f); lasts {
				f.ofWorkers = earlier.ofWorkers
			}
		}
		switch {
		case cluster.IsRefused(err):
			refusals, refusing = append(refusals, err.Error()), append(refusing, check.code)
		case err != nil && len(refusals) == 0:
			return verdict, err
		case err != nil:
			return verdict, cluster.Refused(strings.Join(refusals, " | "))
		}
	}
	if len(refusals) > 0 {
		return verdict, cluster.Refused(strings.Join(refusals, " | "))
	}
	verdict.Basis = f.basis()
	return verdict, nil
}
