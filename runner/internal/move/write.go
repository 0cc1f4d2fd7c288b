package move

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// readBackTime is how long a worker may take to show offsets that were written.
const readBackTime = 5 * time.Second

// lateWrite is after what time a write whose answer was lost can no longer be
// carried out: a worker gives a request up after 90 s.
const lateWrite = 100 * time.Second

// written is what came of making offsets equal.
type written struct {
	entries int
	// unclear is when a write was sent last of which nobody knows whether it was
	// carried out, or still will be; zero for none.
	unclear time.Time
}

// makeEqual writes to a connector at rest what its offsets lack to be equal to
// want, and reads them back. known are the offsets that are there now.
func makeEqual(ctx context.Context, cluster string, at place, want, known offset.Document) (written, error) {
	patch := offset.Patch(want, known)
	done := written{entries: patch.Len()}
	if patch.Len() > 0 {
		var err error
		if done.unclear, err = at.write(ctx, patch); err != nil {
			return written{}, fmt.Errorf("write offsets on %s: %w", cluster, err)
		}
	}
	have, err := readUntil(ctx, cluster, at, want)
	if err != nil {
		return written{}, fmt.Errorf("read back from %s: %w", cluster, err)
	}
	if difference := offset.Compare(want, have); !difference.None() {
		return written{}, &mismatchError{Cluster: cluster, Difference: difference, Have: have}
	}
	return done, nil
}

// readUntil reads offsets until they are as wanted, or for long enough that they
// are taken to be what they are: a worker learns of them from a topic, and a
// balancer may ask one that lags behind.
func readUntil(ctx context.Context, cluster string, at place, want offset.Document) (have offset.Document, err error) {
	err = wait.Until(ctx, "the offsets on "+cluster, readBackTime, func(ctx context.Context) (bool, string, error) {
		var err error
		have, err = at.read(ctx)
		return err == nil && offset.Equal(want, have), "they do not read back as written", err
	})
	if _, ok := errors.AsType[*wait.TimeoutError](err); ok {
		err = nil
	}
	return have, err
}

// agreeing is how many reads in a row have to agree where one of them contradicts
// what was read before.
const agreeing = 3

// readAgreed reads until several reads in a row agree: a balancer may ask workers
// in turn, of which one lags behind.
func readAgreed(ctx context.Context, cluster string, at place) (agreed offset.Document, err error) {
	equal := 0
	err = wait.Until(ctx, "the offsets on "+cluster, staleTime, func(ctx context.Context) (bool, string, error) {
		next, err := at.read(ctx)
		if err != nil {
			return false, "", err
		}
		if equal > 0 && offset.Equal(agreed, next) {
			equal++
		} else {
			equal = 1
		}
		agreed = next
		return equal >= agreeing, "no " + strconv.Itoa(agreeing) + " reads in a row agree", nil
	})
	return agreed, err
}

// alterOffsets sends one PATCH until it is answered. unclear is when one was sent
// last of which nobody knows what became of it.
func alterOffsets(ctx context.Context, cluster *Cluster, connector string, chunk offset.Document) (unclear time.Time, err error) {
	once := cluster.Client.Patient(0)
	var last error
	err = wait.Until(ctx, "an answer", windowPatience, func(ctx context.Context) (bool, string, error) {
		sent := time.Now()
		_, last = once.AlterOffsets(ctx, connector, chunk.JSON())
		if last == nil || !connect.IsTemporary(last) {
			return last == nil, "", last
		}
		if mayBeCarriedOut(last) {
			unclear = sent
		}
		return false, last.Error(), nil
	})
	if _, ok := errors.AsType[*wait.TimeoutError](err); ok {
		return unclear, last
	}
	return unclear, err
}

// mayBeCarriedOut reports whether a request that failed may have been carried
// out all the same, or still be.
func mayBeCarriedOut(err error) bool {
	if answer, ok := errors.AsType[*connect.ResponseError](err); ok {
		return answer.Status != http.StatusConflict && answer.Status != http.StatusTooManyRequests && !strings.Contains(answer.Message, "rebalance is expected")
	}
	dial, ok := errors.AsType[*net.OpError](err)
	return !ok || dial.Op != "dial"
}

// mismatchError says that offsets read back are not those that were written.
type mismatchError struct {
	Cluster    string
	Difference offset.Difference
	Have       offset.Document
}

func (e *mismatchError) Error() string {
	return fmt.Sprintf("read back from %s: %s", e.Cluster, e.Difference)
}
