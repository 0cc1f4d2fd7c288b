package check

import (
	"context"
	"slices"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// Lasting is for how long a finding about workers and plugins holds: they change by a restart
// of one worker after the other. The create of the copy validates its config once more.
const Lasting = time.Minute

// Earlier is what checks of the same connector found shortly before, without its states and
// offsets, which do not last. The zero value says that there were none.
type Earlier struct {
	begun    time.Time
	request  pair.Request
	config   rawjson.Object // of the origin's connector
	version  string         // of the plugin that it runs
	findings []event.Check
	ofWorkers
}

// Earlier returns what of the verdict lasts, for [Checker.Again]: nothing unless all checks
// passed, since what refused may have been put right.
func (v Verdict) Earlier() Earlier {
	if v.facts == nil || v.Basis.Config.Len() == 0 {
		return Earlier{}
	}
	seen := v.Seen.Origin
	return Earlier{
		begun: v.facts.begun, request: v.facts.request, config: seen.Config, version: seen.Status.Connector.Version,
		findings: v.Findings, ofWorkers: v.facts.ofWorkers,
	}
}

// Again is [Checker.Run] soon after the same checks passed: all connectors of a wave are checked
// before the first of them is moved. What anybody may change at any moment is read anew, the
// connector on both clusters and its offsets. What is known of the workers is taken from the
// earlier checks, unless they are too long ago or the connector has another config since.
func (c Checker) Again(ctx context.Context, request pair.Request, earlier Earlier) (Verdict, error) {
	return c.run(ctx, request, earlier)
}

// holds reports whether the earlier findings are about the connector that was now seen.
func (e Earlier) holds(f *facts) bool {
	if e.begun.IsZero() || f.begun.Sub(e.begun) > Lasting {
		return false
	}
	seen, was, now := f.seen.Origin, e.request, f.request
	return rawjson.Equal(e.config.Value(), seen.Config.Value()) && e.version == seen.Status.Connector.Version &&
		was.Origin.Name == now.Origin.Name && was.Target.Name == now.Target.Name && was.Connector == now.Connector &&
		was.OtherKafka == now.OtherKafka && was.AtLeastOnce == now.AtLeastOnce &&
		rawjson.Equal(was.CopyConfig(seen.Config).Value(), now.CopyConfig(seen.Config).Value())
}

// found returns the earlier findings of one check.
func (e Earlier) found(code string) []event.Check {
	return slices.DeleteFunc(slices.Clone(e.findings), func(found event.Check) bool { return found.Check != code })
}
