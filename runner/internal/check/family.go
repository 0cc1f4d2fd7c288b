package check

import (
	"context"
	"fmt"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/family"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
)

// familyOf refuses moves that are known to go wrong with connectors of this kind.
func familyOf(_ context.Context, f *facts) (string, error) {
	kind := family.For(f.seen.Origin.Config)
	said := "ferry knows nothing about this kind of connector and assumes that it continues from the offsets that Connect keeps"
	if kind.Known() {
		said = kind.Name + ": " + kind.Say
	}
	var committed offset.Document
	if f.opened != nil {
		committed = f.opened.Offsets
	}
	var against []string
	for _, finding := range kind.Judge(family.Case{
		Origin: f.withDefaults(config.WithoutMarks(f.seen.Origin.Config), 0, kind.Kept()),
		Copy:   f.withDefaults(f.config(), 1, kind.Kept()), Name: f.request.Connector, CopyName: f.request.TargetName(),
		Offsets: committed,
	}) {
		switch {
		case finding.Verdict == family.Loss:
			against = append(against, finding.Reason)
		case finding.Verdict == family.Twice && !f.AllowDuplicates:
			against = append(against, finding.Reason+"; --allow-duplicates accepts that records are sent again")
		default:
			f.warn("%s", finding.Reason)
		}
	}
	if len(against) > 0 {
		return "", cluster.Refused(fmt.Sprintf("%s: %s", kind.Name, strings.Join(against, " | ")))
	}
	return said, nil
}
