package regroup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// Planned is what a plan says of a regrouping.
type Planned struct {
	Err    error // why it cannot be done; nil if it can
	Stands pair.State
	Checks []event.Check
	// Configs are the hashes of the configs on the origin, by name; MadeSHA256 is that of the
	// configs to be made, see [Request].
	Configs    map[string]string
	MadeSHA256 string
	// Difference is between the first connector of the origin and the first of the target.
	Difference []event.SettingDifference
	Copy       string
	Entries    int
}

// Plan checks a regrouping, and says what it will make. It only reads.
func (g *Regrouper) Plan(ctx context.Context, request Request) (planned Planned) {
	r := g.newRun(request)
	planned.Configs = map[string]string{}
	defer func() { planned.MadeSHA256 = r.madeSHA256() }() // of what was made, if it was
	where, err := r.look(ctx)
	for _, m := range r.origin.members {
		if m.seen.Exists {
			planned.Configs[m.Name] = config.WithoutMarks(m.seen.Config).Value().SHA256()
		}
	}
	if err != nil {
		planned.Err = err
		return planned
	}
	switch {
	case where.place == onTarget && r.target.any(awake):
		planned.Stands = pair.Moved
		return planned
	case where.place == onTarget || where.begun:
		planned.Stands = pair.HalfCopied
	case r.target.any(held):
		planned.Stands = pair.Prepared
	default:
		planned.Stands = pair.NotBegun
	}
	planned.Err = r.check(ctx, where.begun)
	planned.Checks, planned.Entries = r.result.Checks, r.result.Entries
	planned.Copy = string(r.method)
	if planned.Err == nil {
		planned.Difference = config.Differences(r.origin.members[0].config, r.target.members[0].config)
	}
	return planned
}

// madeSHA256 is a hash of the configs of the connectors on the target.
func (r *run) madeSHA256() string {
	var all []string
	for _, m := range r.target.members {
		all = append(all, m.Name+" "+config.WithoutMarks(m.config).With("name", rawjson.String(m.Name)).Value().SHA256())
	}
	slices.Sort(all)
	sum := sha256.Sum256([]byte(strings.Join(all, "\n")))
	return hex.EncodeToString(sum[:])
}

// checkMade refuses configs that are not those that were reviewed.
func (r *run) checkMade(context.Context, bool) error {
	if r.request.MadeSHA256 == "" || r.request.MadeSHA256 == r.madeSHA256() {
		return nil
	}
	return cluster.Refused(fmt.Sprintf("%s would have another config than was planned; make the plan anew", r.target.names(everyone)))
}
