package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/clusterfile"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/natsstore"
	"github.com/connect-ferry/connect-ferry/runner/internal/notice"
)

func notifyCommand() definition {
	return definition{
		name: "notify", usage: "tell people, by the channels of the clusters file (asks no cluster)",
		description: "Sends a message to each channel in the section notify of the clusters file that is for its owner and its level: webhooks of\n" +
			"Slack, Teams and others, and subjects of NATS. Tries all of them, also if one fails, and then exits with 1.\n\n" +
			"Example: ferry notify --clusters clusters.yaml --message 'orders is moved' --owner payments --connector orders",
		flags: flags(map[string]string{"connector": "the message is about this `CONNECTOR`; repeat it for several"},
			[]string{"message", "level", "owner", "connector", "link"}),
		do: doNotify,
	}
}

func doNotify(ctx context.Context, s *session) ([]event.ConnectorResult, error) {
	asked := s.request
	if err := required([2]string{"message", asked.Message}); err != nil {
		return nil, err
	}
	clusters := s.dialer.Clusters
	if len(clusters.Channels()) == 0 {
		return nil, &clusterfile.InputError{File: "clusters", Err: errors.New("the section notify is missing or empty, and it is there that the channels are")}
	}
	announcer := &natsstore.Announcer{Options: func() (natsstore.Options, error) { return natsOptions(clusters.NATS()) }}
	defer announcer.Close()
	sender := &notice.Sender{Channels: clusters.Channels(), Publish: announcer.Publish}
	var err error
	s.result.Channels, err = sender.Send(ctx, notice.Notice{
		Time: time.Now().UTC(), Level: notice.Level(asked.Level), Message: asked.Message,
		Owner: asked.Owner, Connectors: asked.Connectors, Link: asked.Link,
	})
	s.result.Message = fmt.Sprintf("%d of %d channels told, the others are not for this owner or this level", len(s.result.Channels), len(clusters.Channels()))
	if len(s.result.Channels) == len(clusters.Channels()) {
		s.result.Message = fmt.Sprintf("%d channels told", len(s.result.Channels))
	}
	return nil, err
}
