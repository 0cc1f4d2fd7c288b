package kafka

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

const connectProtocol = "connect"

// joinTime is how long the workers of a group may take to join it again. A rebalance of
// Connect takes a second or so; rebalance.timeout.ms, 60 s by default, is for workers that
// hang.
const joinTime = 15 * time.Second

// ConnectGroup returns the group.id of the Connect cluster that has the given
// workers, each as host:port: a worker_id of GET status, which is its advertised
// address, or the address in its URL. The members of the group tell their own
// advertised URLs (ConnectProtocol), but not while the group rebalances, which is waited
// for. It is an error if no group has one of the workers, or more than one group has.
func (c *Client) ConnectGroup(ctx context.Context, workers []string) (string, error) {
	var groups []connectGroup
	var found []string
	err := wait.Until(ctx, "a group of Connect workers that does not rebalance", joinTime, func(ctx context.Context) (bool, string, error) {
		var err error
		if groups, err = c.connectGroups(ctx); err != nil {
			return false, "", err
		}
		found = nil
		joining := false
		for _, group := range groups {
			joining = joining || group.joining
			if slices.ContainsFunc(group.workers, func(worker string) bool { return slices.Contains(workers, worker) }) {
				found = append(found, group.id)
			}
		}
		return len(found) > 0 || !joining, describe(groups), nil
	})
	if _, late := errors.AsType[*wait.TimeoutError](err); err != nil && !late {
		return "", err
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return "", fmt.Errorf("kafka %s: no group of Connect workers that this user may describe has a member at one of %q, the groups are %s", c.brokers, workers, describe(groups))
	default:
		return "", fmt.Errorf("kafka %s: the workers %q belong to more than one group of Connect workers: %q", c.brokers, workers, found)
	}
}

// connectGroup is a Connect cluster as its Kafka knows it.
type connectGroup struct {
	id      string
	workers []string // host:port
	joining bool     // between two generations, in which the workers cannot be told
}

func (c *Client) connectGroups(ctx context.Context) ([]connectGroup, error) {
	listed, err := c.admin.ListGroups(ctx)
	if err != nil {
		return nil, fmt.Errorf("kafka %s: list groups: %w", c.brokers, err)
	}
	var ids []string
	for _, group := range listed.Sorted() {
		if group.ProtocolType == connectProtocol {
			ids = append(ids, group.Group)
		}
	}
	if len(ids) == 0 {
		return nil, nil // asked for none, kadm would describe all
	}
	described, err := c.admin.DescribeGroups(ctx, ids...)
	if err == nil {
		err = described.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("kafka %s: describe the groups %q: %w", c.brokers, ids, err)
	}
	var groups []connectGroup
	for _, group := range described.Sorted() {
		groups = append(groups, connectGroup{
			id: group.Group, workers: workersOf(group),
			joining: slices.Contains([]string{"PreparingRebalance", "CompletingRebalance"}, group.State), // ClassicGroupState
		})
	}
	return groups, nil
}

func workersOf(group kadm.DescribedGroup) []string {
	var workers []string
	for _, member := range group.Members {
		metadata, ok := member.Join.AsConnect()
		if !ok {
			continue // between two generations a member has none
		}
		if parsed, err := url.Parse(metadata.URL); err == nil && parsed.Host != "" {
			workers = append(workers, parsed.Host)
		}
	}
	return workers
}

func describe(groups []connectGroup) string {
	if len(groups) == 0 {
		return "none"
	}
	var text string
	for i, group := range groups {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%s with %q", group.id, group.workers)
		if group.joining {
			text += ", rebalancing"
		}
	}
	return text
}
