package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Group is the state of a consumer group.
type Group struct {
	State   string // "Empty", "Dead", "Stable", ...
	Members int
}

// Ended reports whether nothing consumes as this group any more. A group that
// does not exist is Dead.
func (g Group) Ended() bool { return g.Members == 0 && (g.State == "Empty" || g.State == "Dead") }

// Group returns the state of a consumer group.
func (c *Client) Group(ctx context.Context, name string) (Group, error) {
	described, err := c.admin.DescribeGroups(ctx, name)
	if err != nil {
		return Group{}, fmt.Errorf("kafka %s: describe group %q: %w", c.brokers, name, err)
	}
	group, ok := described[name]
	if !ok {
		return Group{}, fmt.Errorf("kafka %s: describe group %q: the answer does not name it", c.brokers, name)
	}
	if errors.Is(group.Err, kerr.GroupIDNotFound) {
		return Group{State: "Dead"}, nil // how Kafka 4 says what earlier versions called Dead
	}
	if group.Err != nil {
		return Group{}, fmt.Errorf("kafka %s: describe group %q: %w", c.brokers, name, group.Err)
	}
	return Group{State: group.State, Members: len(group.Members)}, nil
}
