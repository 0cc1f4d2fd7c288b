package single

import (
	"context"
	"fmt"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/offsetstore"
	"github.com/connect-ferry/connect-ferry/runner/internal/words"
)

// GetOffsets reads a connector's offsets until two reads agree. If the connector runs,
// they are a snapshot, and the result says so.
func (s Steps) GetOffsets(ctx context.Context, of instance.Instance, by offsetstore.Method) (offset.Document, event.ConnectorResult) {
	r, seen, err := s.begin(ctx, of)
	if err != nil {
		return offset.Document{}, r.Fail(ctx, err)
	}
	var document offset.Document
	stable := false
	err = r.Step("read", func() (string, error) {
		opened, err := openOne(ctx, of, seen, by)
		if err != nil {
			return "", err
		}
		document, stable, err = offsetstore.ReadStable(ctx, opened.From)
		return words.Count(document.Len(), "entry"), err
	})
	if err != nil {
		return offset.Document{}, r.Fail(ctx, err)
	}
	r.Result.Entries = document.Len()
	r.Result.OffsetsHash = &event.Hashes{Origin: document.SHA256()}
	message := event.Entries(document.Len())
	switch {
	case !stable:
		message += ", which change while the connector runs"
	case !seen.AtRest():
		message += fmt.Sprintf(" of a connector that is %s, so they may change", seen.State())
	}
	return document, r.End(event.Read, message)
}

// PutOffsets makes the offsets of a stopped connector equal to document and
// reads them back.
func (s Steps) PutOffsets(ctx context.Context, of instance.Instance, by offsetstore.Method, document offset.Document) event.ConnectorResult {
	return s.leased(ctx, "connect-offsets-put", of.Name, of, nil, func(ctx context.Context, of instance.Instance) event.ConnectorResult {
		return s.putOffsets(ctx, of, by, document)
	})
}

func (s Steps) putOffsets(ctx context.Context, of instance.Instance, by offsetstore.Method, document offset.Document) event.ConnectorResult {
	r, seen, err := s.begin(ctx, of)
	if err == nil && !seen.AtRest() {
		err = cluster.Refused(fmt.Sprintf("connector %q is %s on %s, and offsets can only be written while it is stopped without tasks; run `ferry flush-wait` first",
			of.Name, seen, of.On()))
	}
	if err == nil && len(document.Unreadable()) > 0 {
		err = cluster.Refused(fmt.Sprintf("the document holds null offsets, first for %s: written, they would remove the partition", document.Unreadable()[0].Partition))
	}
	if err != nil {
		return r.Fail(ctx, err)
	}
	opened, err := openOne(ctx, of, seen, by)
	if err == nil && opened.Method == offsetstore.ByTopic {
		document, err = offset.NewExact(document.Entries()...)
	}
	if err != nil {
		return r.Fail(ctx, err)
	}
	var done offsetstore.Written
	err = r.Step("write", func() (string, error) {
		known, err := opened.To.Read(ctx)
		if err == nil {
			done, err = offsetstore.MakeEqual(ctx, of.On(), opened.To, document, known)
		}
		if err == nil && config.IsPreliminary(seen.Config) {
			err = of.MarkFinal(ctx)
		}
		return fmt.Sprintf("%d written", done.Entries), err
	})
	if err != nil {
		return r.Fail(ctx, err)
	}
	r.Result.Changed = done.Entries > 0
	r.Result.Entries = document.Len()
	hash := document.SHA256()
	r.Result.OffsetsHash = &event.Hashes{Origin: hash, Target: hash}
	return r.End(event.Written, fmt.Sprintf("%s read back equal, %d written", event.Entries(document.Len()), done.Entries))
}
