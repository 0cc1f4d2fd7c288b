package offsetstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
	"github.com/connect-ferry/connect-ferry/runner/internal/words"
)

// restStore reads and writes through Connect's REST API.
type restStore struct {
	of   instance.Instance
	sink bool
}

func (s restStore) Read(ctx context.Context) (offset.Document, error) {
	return ReadREST(ctx, s.of.Cluster.Client, s.of.Name)
}

// Entries in one PATCH. A sink's offsets go to the broker in one request per consumer
// group.
const (
	sourceChunk = 5000
	sinkChunk   = 1000
)

func (s restStore) Write(ctx context.Context, patch offset.Document) (unanswered time.Time, err error) {
	size := sourceChunk
	if s.sink {
		size = sinkChunk
	}
	for _, chunk := range patch.Chunks(size) {
		sent, err := alterOffsets(ctx, s.of, chunk)
		if sent.After(unanswered) {
			unanswered = sent
		}
		if err != nil {
			return unanswered, err
		}
	}
	return unanswered, nil
}

// alterOffsets repeats one PATCH until it is answered. unanswered is when the last one was
// sent whose answer was lost.
func alterOffsets(ctx context.Context, of instance.Instance, chunk offset.Document) (unanswered time.Time, err error) {
	var sent time.Time
	err = of.UntilAnswered(ctx, cluster.DowntimeRetry, func(ctx context.Context, once *connect.Client) error {
		sent = time.Now()
		_, err := once.AlterOffsets(ctx, of.Name, chunk.JSON())
		return err
	}, func(_ context.Context, lost error) bool {
		if mayBeCarriedOut(lost) {
			unanswered = sent
		}
		return false
	})
	return unanswered, err
}

// mayBeCarriedOut reports whether a failed request may have taken effect, or still may.
func mayBeCarriedOut(err error) bool {
	if answer, ok := errors.AsType[*connect.ResponseError](err); ok {
		return answer.Status != http.StatusConflict && answer.Status != http.StatusTooManyRequests && !strings.Contains(answer.Message, "rebalance is expected")
	}
	dial, ok := errors.AsType[*net.OpError](err)
	return !ok || dial.Op != "dial"
}

// ReadREST reads a connector's offsets by REST. An offset that stays null is an
// [UnreadableError].
func ReadREST(ctx context.Context, client *connect.Client, connector string) (offset.Document, error) {
	document, err := ReadWithNulls(ctx, client, connector)
	if err != nil {
		return offset.Document{}, fmt.Errorf("read offsets: %w", err)
	}
	if unreadable := document.Unreadable(); len(unreadable) > 0 {
		return offset.Document{}, &UnreadableError{Entries: len(unreadable), First: unreadable[0].Partition.String()}
	}
	return document, nil
}

const (
	// nullReads is how many reads must show nulls: one for each worker behind a load
	// balancer, and one more.
	nullReads = 6
	nullPause = 50 * time.Millisecond
)

// ReadWithNulls reads offsets as REST shows them, nulls included. It reads again while there
// are nulls: a worker takes the partitions from memory and only then reads its topic to the
// end (Worker.sourceConnectorOffsets), so its first read after a tombstone shows null for the
// partition that was removed.
func ReadWithNulls(ctx context.Context, client *connect.Client, connector string) (offset.Document, error) {
	for read := 1; ; read++ {
		value, err := client.Offsets(ctx, connector)
		if err != nil {
			return offset.Document{}, err
		}
		document, err := offset.Parse(value)
		if err != nil || read == nullReads || len(document.Unreadable()) == 0 {
			return document, err
		}
		if err := wait.For(ctx, nullPause); err != nil {
			return offset.Document{}, err
		}
	}
}

// UnreadableError says that Connect keeps answering null for the offset of a partition it knows.
// The connector writes its partition with the fields in an order that Connect's REST API
// does not keep (it rebuilds the map), so REST can neither read nor write the offset. A
// write would land where no task looks, and everything would be sent again.
type UnreadableError struct {
	Entries int
	First   string
}

func (e *UnreadableError) Error() string {
	return fmt.Sprintf("offsets cannot travel by REST: null for %s, first %s; Connect reorders the fields of their keys, "+
		"so a copy would be ignored and everything sent again", words.Count(e.Entries, "partition"), e.First)
}

// IsUnreadable reports whether an error is an [UnreadableError].
func IsUnreadable(err error) bool {
	_, unreadable := errors.AsType[*UnreadableError](err)
	return unreadable
}
