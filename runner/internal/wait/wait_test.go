package wait

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestUntilTellsWhatWasMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		err := Until(t.Context(), "tasks to end", time.Minute, func(context.Context) (bool, string, error) {
			return false, "2 tasks still running", nil
		})
		timeout, ok := errors.AsType[*TimeoutError](err)
		if !ok || timeout.Missing != "2 tasks still running" || timeout.Waited > time.Minute {
			t.Errorf("got %v", err)
		}
	})
}

func TestUntilEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reason := errors.New("operator pressed Ctrl-C")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(reason) })
		start := time.Now()
		err := Until(ctx, "anything", time.Hour, func(context.Context) (bool, string, error) { return false, "nothing", nil })
		if !errors.Is(err, reason) || time.Since(start) != time.Second {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
	})
}

func TestUntilSeesTheConditionSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		err := Until(t.Context(), "it", time.Minute, func(context.Context) (bool, string, error) {
			return time.Since(start) > 10*time.Second, "not yet", nil
		})
		if late := time.Since(start) - 10*time.Second; err != nil || late > maxPause {
			t.Errorf("%v, seen %s late", err, late)
		}
	})
}
