package connect

import (
	"context"
	"net/url"

	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// Listed is a connector in the [Client.Inventory].
type Listed struct {
	Config rawjson.Object // as [Client.Config] returns it, with passwords in clear text
	Tasks  []int          // the configured tasks
	Status Status         // empty if the answering worker knows none yet
}

// Inventory returns every connector of the cluster in one request (KIP-465,
// Kafka 2.3).
func (c *Client) Inventory(ctx context.Context) (map[string]Listed, error) {
	answer := map[string]struct {
		Status Status `json:"status"`
		Info   struct {
			Config rawjson.Object `json:"config"`
			Tasks  []struct {
				Task int `json:"task"`
			} `json:"tasks"`
		} `json:"info"`
	}{}
	if err := c.get(ctx, &answer, url.Values{"expand": {"status", "info"}}, "connectors"); err != nil {
		return nil, err
	}
	inventory := make(map[string]Listed, len(answer))
	for name, connector := range answer {
		listed := Listed{Config: connector.Info.Config, Status: connector.Status}
		for _, task := range connector.Info.Tasks {
			listed.Tasks = append(listed.Tasks, task.Task)
		}
		inventory[name] = listed
	}
	return inventory, nil
}
