package command

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

// Rest brings one connector to rest and proves that its offsets are final.
type Rest struct {
	*Run
	Of     instance.Instance
	Config rawjson.Object // of the connector
	// Subject is what is to be proven. [Rest.Do] adds what follows from Config and Store.
	Subject proof.Subject
	Store   offsetstore.Store // where the connector keeps its offsets
	// Reopen changes Store when REST turns out not to carry the offsets, and reports
	// whether it could; nil if there is no other store.
	Reopen func(ctx context.Context) bool
	// Resumes follows who resumes the connector since the run began, see [Run.Follow].
	Resumes resumes.Follower
	// Undoing says that this run itself has started the connector.
	Undoing bool

	// What [Rest.Do] leaves.
	Attempt *proof.Attempt // nil until it began to bring the connector to rest
	Final   offset.Document
	Proof   event.Proof
}

// Do stops the connector and proves its offsets. It keeps its turn: end it with
// [proof.Attempt.EndTurn]. Whoever called it has to put the connector back if it fails and
// Attempt is not nil.
func (r *Rest) Do(ctx context.Context) (err error) {
	r.Subject = r.Subject.Configured(r.Config)
	r.Subject.Read = func(ctx context.Context) (offset.Document, error) { return r.Store.Read(ctx) }
	if r.Undoing {
		r.Resumes = r.Follow(ctx, r.Of)
		r.Resumes.OwnResume = true
	} else if err := r.Resumes.RefuseReconciler(ctx); err != nil {
		return err
	}
	prover := r.Prover(r.Of.Cluster)
	if r.Undoing && r.RequireHardProof(r.Of.Cluster) != nil {
		// The hard proof was asked for the origin, which had one. A connector that is down
		// for want of another would be worse.
		prover.Options.Mode = proof.Auto
		r.Note(event.Warn, "the Kafka of %s is not known, so the way back has a timed proof", r.Of.On())
	}
	if !r.Undoing && r.BeforeCut != nil {
		prover.Allow = func() error { return r.BeforeCut(r.Result.Connector) }
	}
	r.Attempt, err = prover.Begin(ctx, r.Subject)
	if err != nil {
		return fmt.Errorf("%s: %w", r.Of.On(), err)
	}
	defer func() {
		r.Attempt.Close()
		if err != nil {
			r.Attempt.EndTurn()
		}
	}()
	if err := r.Step("quiesce", func() (string, error) {
		return fmt.Sprintf("was %s with %s", r.Attempt.Found(), words.Count(r.Attempt.TasksFound(), "task")), r.Attempt.Quiesce(ctx)
	}); err != nil {
		return fmt.Errorf("%s: %w", r.Of.On(), err)
	}
	if err := r.Step("prove", func() (string, error) { return r.prove(ctx) }); err != nil {
		return fmt.Errorf("%s: %w", r.Of.On(), err)
	}
	return nil
}

func (r *Rest) prove(ctx context.Context) (string, error) {
	document, proven, err := r.Attempt.Prove(ctx)
	if offsetstore.IsUnreadable(err) && r.Reopen != nil && r.Reopen(ctx) {
		document, proven, err = r.Attempt.Prove(ctx)
	}
	if err != nil {
		return "", err
	}
	r.Final, r.Proof = document, proven
	r.Result.Proof, r.Result.Entries = &r.Proof, document.Len()
	if proven.Kind == event.NoProof {
		r.Note(event.Warn, "without a proof: %s", proven.Note)
	}
	return fmt.Sprintf("%s, %s ended, %s", proven.Kind, words.Count(len(proven.Tasks), "task"), words.Count(proven.Reads, "equal read")), nil
}

// Tasks is the number of tasks known to have ended.
func (r *Rest) Tasks() int { return max(r.Attempt.TasksFound(), len(r.Proof.Tasks)) }
