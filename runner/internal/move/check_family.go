package move

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/family"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// checkFamily refuses what is known to go wrong with connectors of this kind.
func (m *Mover) checkFamily(_ context.Context, request Request, found *checked) error {
	kind := family.For(found.observed.Origin.Config)
	said := []string{"nothing is known of this kind of connector, it is taken to go on from the offsets that Connect keeps"}
	if kind.Known() {
		said = []string{kind.Name + ": " + kind.Say}
	}
	var against []string
	for _, finding := range kind.Judge(family.Case{
		Origin: withoutMarks(found.observed.Origin.Config), Copy: found.config, Name: request.Connector, CopyName: request.targetName(),
		Offsets: found.offsets,
	}) {
		switch {
		case finding.Verdict == family.Loss:
			against = append(against, finding.Reason)
		case finding.Verdict == family.Twice && !m.Options.Proof.AllowDuplicates:
			against = append(against, finding.Reason+"; --allow-duplicates accepts that records are sent again")
		default:
			m.note(request.Connector, event.Warn, "%s", finding.Reason)
			said = append(said, finding.Reason)
		}
	}
	if len(against) > 0 {
		return refused(fmt.Sprintf("%s: %s", kind.Name, strings.Join(against, " | ")))
	}
	found.pass("family", strings.Join(said, "; "))
	return nil
}

// external reports whether a connector acknowledges in the system it reads from,
// so that its offsets mean nothing and do not travel.
func external(config rawjson.Object) bool {
	return family.For(config).Position == family.External
}

// nowhere is where the offsets of such a connector are.
type nowhere struct{}

func (nowhere) read(context.Context) (offset.Document, error) { return offset.Document{}, nil }

func (nowhere) write(context.Context, offset.Document) (time.Time, error) { return time.Time{}, nil }
