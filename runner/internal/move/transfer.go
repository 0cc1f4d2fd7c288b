package move

import (
	"context"
	"errors"
	"fmt"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
	"github.com/connect-ferry/connect-ferry/runner/internal/mirror"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/offsetstore"
	"github.com/connect-ferry/connect-ferry/runner/internal/proof"
)

// transfer makes the offsets of a copy, which is at rest, equal to those of the
// connector that was brought to rest.
type transfer struct {
	*run
	to       instance.Instance
	store    offsetstore.Store // of the copy's offsets
	method   offsetstore.Method
	external bool   // the connector acknowledges in the system it reads from: nothing to copy
	group    string // of a sink, "" for a source
	shared   bool   // both sides have the offsets in one place
	keepOwn  bool   // the copy goes on from the offsets it has, whatever the other side's are
	// translate makes of the final offsets those that the copy is to have; nil if they
	// are the same.
	translate *translation
	have      offset.Document // of the copy, as far as it is known
	want      offset.Document // that the copy is to have
	// wrote is told of a store that is about to be written; nil if nobody has to know.
	wrote func(offsetstore.Store)
}

// do copies and reads back. What it returns says for people what was done.
func (t *transfer) do(ctx context.Context, final offset.Document) (string, error) {
	t.want = final
	switch {
	case t.keepOwn:
		t.want, t.result.Copy = t.have, "none"
		return fmt.Sprintf("%d entries of its own", t.have.Len()), nil
	case t.external:
		t.result.Copy = "none"
		return "its position is in the system it reads from", nil
	case t.shared && t.group != "":
		t.result.Copy = "shared"
		return "consumer group " + t.group + " is shared", nil
	case t.shared:
		t.result.Copy = "shared"
		return "both clusters read one offsets topic", t.readShared(ctx)
	case final.Len() == 0 && t.have.Len() == 0:
		t.result.Copy = "none"
		return "no offsets yet", nil
	}
	if err := t.decide(ctx, final); err != nil {
		return "", err
	}
	if t.wrote != nil {
		t.wrote(t.store)
	}
	done, err := offsetstore.MakeEqual(ctx, t.to.On(), t.store, t.want, t.have)
	if mismatch, ok := errors.AsType[*offsetstore.MismatchError](err); ok {
		// Somebody wrote in between, or a write of an earlier run came late.
		t.note(event.Warn, "%s; writing again", mismatch)
		done, err = offsetstore.MakeEqual(ctx, t.to.On(), t.store, t.want, mismatch.Have)
	}
	if err != nil {
		return "", err
	}
	t.have = t.want
	t.result.OffsetsHash = &event.Hashes{Origin: final.SHA256(), Target: t.have.SHA256()}
	if t.translate != nil {
		return fmt.Sprintf("%d entries translated, %d written, %s", t.want.Len(), done.Entries, t.translate.said), nil
	}
	return fmt.Sprintf("%d entries equal, %d written", t.want.Len(), done.Entries), nil
}

// decide finds out what the copy's offsets are to be, each time anew: what they are
// translated by may have become more exact.
func (t *transfer) decide(ctx context.Context, final offset.Document) (err error) {
	t.result.Copy = string(t.method)
	if t.translate == nil {
		return nil
	}
	t.result.Copy = string(offsetstore.ByCheckpoints)
	t.want, err = t.translate.do(ctx, t.to.On(), final, t.have)
	return err
}

// readShared makes sure that the other side reads what it shares.
func (t *transfer) readShared(ctx context.Context) error {
	have, err := offsetstore.ReadUntil(ctx, t.to.On(), t.store, t.want)
	if err != nil {
		return fmt.Errorf("read from %s: %w", t.to.On(), err)
	}
	if difference := offset.Compare(t.want, have); !difference.None() {
		return &proof.NotProvenError{Reason: fmt.Sprintf("both clusters have one offsets topic for the connector, but on %s: %s", t.to.On(), difference)}
	}
	t.result.OffsetsHash = &event.Hashes{Origin: t.want.SHA256(), Target: have.SHA256()}
	return nil
}

// translation translates a sink's offsets for another Kafka, and tells what that costs.
type translation struct {
	*run
	through func(ctx context.Context, final offset.Document) (mirror.Translation, error)
	said    string // what it cost the last time, for people
	again   *int64 // how many records at most are sent again, nil if that is not known
}

func (t *translation) do(ctx context.Context, on string, final, have offset.Document) (offset.Document, error) {
	result, err := t.through(ctx, final)
	if err != nil {
		return offset.Document{}, fmt.Errorf("translate the offsets for %s: %w", on, err)
	}
	t.again, t.said = result.Counted(), result.String()
	t.result.SentAgain = t.again
	level := event.Warn
	if t.again != nil && *t.again == 0 {
		level = event.Info
	}
	t.note(level, "at least once: %s", result)
	return result.Document, t.tellAhead(on, result.Document, have)
}

// tellAhead tells of offsets on the other side that are further than the
// translation, as MirrorMaker writes them (sync.group.offsets.enabled) or an earlier
// move left them. They are written over: that nothing is lost is only known of the
// translation.
func (t *translation) tellAhead(on string, want, have offset.Document) error {
	further, err := mirror.Ahead(want, have)
	if err == nil && len(further) > 0 {
		t.note(event.Info, "on %s the group has offsets that are not known to lose nothing (%s); they are replaced by the translated ones",
			on, event.Abbreviated(further))
	}
	return err
}

// told is what a message says of a translation, "" if there was none.
func (t *translation) told() string {
	if t == nil {
		return ""
	}
	return "; at least once: " + t.said
}
