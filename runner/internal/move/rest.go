package move

import (
	"context"
	"fmt"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/offsetstore"
	"github.com/connect-ferry/connect-ferry/runner/internal/proof"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/resumes"
	"github.com/connect-ferry/connect-ferry/runner/internal/words"
)

// rest stops one connector and proves that its offsets are final.
type rest struct {
	*run
	of      instance.Instance
	config  rawjson.Object
	subject proof.Subject
	store   offsetstore.Store
	// reopen changes store when REST turns out not to carry the offsets, and reports
	// whether it could; nil if there is no other store.
	reopen func(ctx context.Context) bool
	// resumes follows who resumes the connector since the run began, see [run.follow].
	resumes resumes.Follower
	// undoing says that this run itself has started the connector.
	undoing bool

	attempt *proof.Attempt // nil until Begin succeeded
	final   offset.Document
	proof   event.Proof
}

// do stops the connector and proves its offsets. It keeps its turn: end it with
// [proof.Attempt.EndTurn].
func (r *rest) do(ctx context.Context) (err error) {
	r.subject = r.subject.Configured(r.config)
	r.subject.Read = func(ctx context.Context) (offset.Document, error) { return r.store.Read(ctx) }
	if r.undoing {
		r.resumes = r.follow(ctx, r.of)
		r.resumes.OwnResume = true
	} else if err := r.resumes.RefuseReconciler(ctx); err != nil {
		return err
	}
	prover := r.prover(r.of.Cluster)
	if r.undoing && r.requireHardProof(r.of.Cluster) != nil {
		// The hard proof was asked for the origin, which had one. A connector that is down
		// for want of another would be worse.
		prover.Options.Mode = proof.Auto
		r.note(event.Warn, "the Kafka of %s is not known, so the way back has a timed proof", r.of.On())
	}
	if !r.undoing && r.BeforeCut != nil {
		prover.Allow = func() error { return r.BeforeCut(r.result.Connector) }
	}
	r.attempt, err = prover.Begin(ctx, r.subject)
	if err != nil {
		return fmt.Errorf("%s: %w", r.of.On(), err)
	}
	defer func() {
		r.attempt.Close()
		if err != nil {
			r.attempt.EndTurn()
		}
	}()
	if err := r.step("quiesce", func() (string, error) {
		return fmt.Sprintf("was %s with %s", r.attempt.Found(), words.Count(r.attempt.TasksFound(), "task")), r.attempt.Quiesce(ctx)
	}); err != nil {
		return fmt.Errorf("%s: %w", r.of.On(), err)
	}
	if err := r.step("prove", func() (string, error) { return r.prove(ctx) }); err != nil {
		return fmt.Errorf("%s: %w", r.of.On(), err)
	}
	return nil
}

func (r *rest) prove(ctx context.Context) (string, error) {
	document, proven, err := r.attempt.Prove(ctx)
	if offsetstore.IsUnreadable(err) && r.reopen != nil && r.reopen(ctx) {
		document, proven, err = r.attempt.Prove(ctx)
	}
	if err != nil {
		return "", err
	}
	r.final, r.proof = document, proven
	r.result.Proof, r.result.Entries = &r.proof, document.Len()
	if proven.Kind == event.NoProof {
		r.note(event.Warn, "without a proof: %s", proven.Note)
	}
	return fmt.Sprintf("%s, %s ended, %s", proven.Kind, words.Count(len(proven.Tasks), "task"), words.Count(proven.Reads, "equal read")), nil
}

// tasks is the number of tasks known to have ended.
func (r *rest) tasks() int { return max(r.attempt.TasksFound(), len(r.proof.Tasks)) }
