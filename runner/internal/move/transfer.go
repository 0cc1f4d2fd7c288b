package move

import (
	"context"
	"fmt"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
	"github.com/connect-ferry/connect-ferry/runner/internal/mirror"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/offsetstore"
	"github.com/connect-ferry/connect-ferry/runner/internal/proof"
	"github.com/connect-ferry/connect-ferry/runner/internal/words"
)

// transfer makes the offsets of a copy at rest equal to those of the stopped connector.
type transfer struct {
	*run
	to       instance.Instance
	store    offsetstore.Store // of the copy
	method   offsetstore.Method
	external bool   // the connector acknowledges in the system it reads from: nothing to copy
	group    string // consumer group of a sink, "" for a source
	shared   bool   // both sides use one offsets topic or consumer group
	keepOwn  bool   // the copy keeps the offsets it has
	// translate turns the final offsets into those of the copy; nil if they are the same.
	translate *translation
	have      offset.Document // the copy's offsets as last read or written
	want      offset.Document // the offsets the copy must get
	// wrote is called before a store is written; may be nil.
	wrote func(offsetstore.Store)
}

// do copies the offsets and reads them back. The text says what was done.
func (t *transfer) do(ctx context.Context, final offset.Document) (string, error) {
	t.want = final
	switch {
	case t.keepOwn:
		t.want, t.Result.Copy = t.have, "none"
		return words.Count(t.have.Len(), "entry") + " of its own", nil
	case t.external:
		t.Result.Copy = "none"
		return "its position is in the system it reads from", nil
	case t.shared && t.group != "":
		t.Result.Copy = "shared"
		return "consumer group " + t.group + " is shared", nil
	case t.shared:
		t.Result.Copy = "shared"
		return "both clusters read one offsets topic", t.readShared(ctx)
	case final.Len() == 0 && t.have.Len() == 0:
		t.Result.Copy = "none"
		return "no offsets yet", nil
	}
	if err := t.decide(ctx, final); err != nil {
		return "", err
	}
	if t.wrote != nil {
		t.wrote(t.store)
	}
	done, err := offsetstore.MakeEqualAgain(ctx, t.to.On(), t.store, t.want, t.have, func(mismatch *offsetstore.MismatchError) {
		t.Note(event.Warn, "%s; writing again", mismatch)
	})
	if err != nil {
		return "", err
	}
	t.have = t.want
	hash := final.SHA256()
	t.Result.OffsetsHash = &event.Hashes{Origin: hash, Target: hash} // they were just compared
	if t.translate != nil {
		t.Result.OffsetsHash.Target = t.have.SHA256()
		return fmt.Sprintf("%s translated, %d written, %s", words.Count(t.want.Len(), "entry"), done.Entries, t.translate.summary), nil
	}
	return fmt.Sprintf("%s equal, %d written", words.Count(t.want.Len(), "entry"), done.Entries), nil
}

// decide sets the offsets the copy must get. It translates each time anew: the
// checkpoints may have become more exact.
func (t *transfer) decide(ctx context.Context, final offset.Document) (err error) {
	t.Result.Copy = string(t.method)
	if t.translate == nil {
		return nil
	}
	t.Result.Copy = string(offsetstore.ByCheckpoints)
	t.want, err = t.translate.do(ctx, t.to.On(), final, t.have)
	return err
}

// readShared makes sure that the other side reads the same offsets from the shared topic.
func (t *transfer) readShared(ctx context.Context) error {
	have, err := offsetstore.ReadUntil(ctx, t.to.On(), t.store, t.want)
	if err != nil {
		return fmt.Errorf("read from %s: %w", t.to.On(), err)
	}
	if difference := offset.Compare(t.want, have); !difference.None() {
		return &proof.NotProvenError{Reason: fmt.Sprintf("both clusters have one offsets topic for the connector, but on %s: %s", t.to.On(), difference)}
	}
	t.Result.OffsetsHash = &event.Hashes{Origin: t.want.SHA256(), Target: have.SHA256()}
	return nil
}

// translation translates a sink's offsets for another Kafka and reports how many records
// are sent again.
type translation struct {
	*run
	through   func(ctx context.Context, final offset.Document) (mirror.Translation, error)
	summary   string // the result of the last translation, for messages
	sentAgain *int64 // upper bound of records sent again, nil if not known
}

func (t *translation) do(ctx context.Context, on string, final, have offset.Document) (offset.Document, error) {
	result, err := t.through(ctx, final)
	if err != nil {
		return offset.Document{}, fmt.Errorf("translate the offsets for %s: %w", on, err)
	}
	t.sentAgain, t.summary = result.Counted(), result.String()
	t.Result.SentAgain = t.sentAgain
	t.Result.Aligned = result.Aligned()
	level := event.Warn
	if t.sentAgain != nil && *t.sentAgain == 0 {
		level = event.Info
	}
	t.Note(level, "%s: %s", t.guarantee(), result)
	return result.Document, t.noteAhead(on, result.Document, have)
}

// noteAhead reports offsets on the other side that are ahead of the translation:
// MirrorMaker writes such (sync.group.offsets.enabled), and an earlier move may leave
// some. They are overwritten, since only the translation is known to lose nothing.
func (t *translation) noteAhead(on string, want, have offset.Document) error {
	further, err := mirror.Ahead(want, have)
	if err == nil && len(further) > 0 {
		t.Note(event.Info, "the group on %s has offsets ahead of the translated ones (%s), which might skip records; they are replaced",
			on, event.Abbreviated(further))
	}
	return err
}

// suffix is the end of a message about a translated move, "" if nothing was translated.
func (t *translation) suffix() string {
	if t == nil {
		return ""
	}
	return "; " + t.guarantee() + ": " + t.summary
}

// guarantee is what the translation guarantees: offsets after which no record is sent again are
// aligned with those of the other Kafka.
func (t *translation) guarantee() string {
	if t.sentAgain != nil && *t.sentAgain == 0 {
		return "aligned"
	}
	return "at least once"
}
