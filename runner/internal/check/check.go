// Package check looks at everything that speaks for or against a move. It only reads.
//
// A check is a function of [facts]: it knows nothing of the other checks, and what
// several of them need is found out once. [Checker.Run] runs all of them and collects
// every reason, so that a refusal names all that has to be mended. Only where the state
// of the move rules everything else out, or a cluster cannot be asked, the look ends
// early.
package check

import (
	"context"
	"slices"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/mirror"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/secret"
)

// Codes of the checks, as results have them.
const (
	State       = "state"
	Versions    = "versions"
	OtherKafka  = "other_kafka"
	Config      = "config"
	Plugin      = "plugin"
	Validation  = "validation"
	ExactlyOnce = "exactly_once"
	Name        = "name"
	Offsets     = "offsets"
	Checkpoints = "checkpoints"
	Family      = "family"
)

// all are the checks, in the order in which people read them. A check that needs others
// is left out if one of them refuses: it would repeat the reason, or could not ask.
var all = []struct {
	code  string
	needs []string
	// look returns what was found, "" if the check says nothing of this move. Its
	// error is a [cluster.RefusedError] if the finding speaks against the move; any
	// other says that the answer could not be found.
	look func(context.Context, *facts) (found string, err error)
}{
	{State, nil, state},
	{Versions, nil, versions},
	{OtherKafka, nil, otherKafka},
	{Config, nil, settings},
	{Plugin, nil, plugin},
	{Validation, []string{Plugin}, validation},
	{ExactlyOnce, []string{Plugin, Versions}, exactlyOnce},
	{Name, nil, name},
	{Offsets, nil, offsets},
	{Checkpoints, []string{Offsets}, checkpoints},
	{Family, nil, familyOf},
}

// Checker runs the checks.
type Checker struct {
	Events event.Recorder
	Mask   *secret.Mask // learns the secrets in configs; may be nil
	// AllowDuplicates accepts what sends records again.
	AllowDuplicates bool
}

// Verdict is what the checks found.
type Verdict struct {
	Seen     pair.Observation
	State    pair.State // "" if the clusters could not be looked at
	Findings []event.Check
	// Basis is complete only if nothing speaks against the move and it is not finished.
	Basis Basis
}

// Basis is what the steps of a move go on from.
type Basis struct {
	Sink    bool
	Config  rawjson.Object // of the copy
	Group   string         // of a sink, "" for a source
	Shared  bool           // both sides keep the offsets in one place: nothing to copy
	Stores  pair.Stores    // not opened for a sink whose group is shared
	Offsets offset.Document
	// Path translates a sink's offsets for another Kafka; nil if they are copied as
	// they are.
	Path *mirror.Path
}

// Run runs all checks. The error is a [cluster.RefusedError] with every reason that was
// found, an instance.RunningTwiceError, or what kept a check from its answer; the
// verdict holds what was found until then.
func (c Checker) Run(ctx context.Context, request pair.Request) (Verdict, error) {
	f := &facts{Checker: c, request: request}
	var verdict Verdict
	var refusals, refusing []string
	for _, check := range all {
		if slices.ContainsFunc(check.needs, func(code string) bool { return slices.Contains(refusing, code) }) {
			continue
		}
		found, err := check.look(ctx, f)
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
