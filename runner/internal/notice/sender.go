package notice

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/clusterfile"
	"github.com/connect-ferry/connect-ferry/runner/internal/crash"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
)

// channelTime is how long a channel may take.
const channelTime = 10 * time.Second

var errLate = fmt.Errorf("no answer within %s", channelTime)

// Sender sends notices to channels.
type Sender struct {
	Channels []clusterfile.Channel
	// Publish publishes on a subject of NATS. Only channels with a subject need it.
	Publish func(ctx context.Context, subject string, body []byte) error
}

// Send sends the notice to every channel that it is for, all at the same time, and returns
// what came of each, in the order of the channels. An error says that channels failed, and
// which.
func (s *Sender) Send(ctx context.Context, n Notice) ([]event.Channel, error) {
	n.Schema = SchemaID
	var asked []clusterfile.Channel
	for _, channel := range s.Channels {
		if n.isFor(channel) {
			asked = append(asked, channel)
		}
	}
	failures := make([]error, len(asked))
	var all sync.WaitGroup
	for i, channel := range asked {
		all.Go(func() { failures[i] = s.tell(ctx, channel, n) })
	}
	all.Wait()
	results := make([]event.Channel, len(asked))
	var failed []string
	for i, err := range failures {
		results[i] = event.Channel{Channel: asked[i].Name, Sent: err == nil}
		if err != nil {
			results[i].Message = event.OneLine(err.Error())
			failed = append(failed, asked[i].Name+": "+results[i].Message)
		}
	}
	if ctx.Err() != nil {
		return results, context.Cause(ctx)
	}
	if len(failed) > 0 {
		return results, fmt.Errorf("%d of %d channels failed: %s", len(failed), len(asked), strings.Join(failed, "; "))
	}
	return results, nil
}

func (s *Sender) tell(ctx context.Context, channel clusterfile.Channel, n Notice) (err error) {
	defer crash.Catch(&err)
	ctx, cancel := context.WithTimeoutCause(ctx, channelTime, errLate)
	defer cancel()
	if channel.Subject == "" {
		return n.post(ctx, channel)
	}
	return s.Publish(ctx, channel.Subject, n.body(formatJSON))
}
