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
	Status Status         // only its type if the answering worker knows none yet
}

// info is Kafka Connect's ConnectorInfo.
type info struct {
	Config rawjson.Object `json:"config"`
	Type   string         `json:"type"`
	Tasks  []struct {
		Task int `json:"task"`
	} `json:"tasks"`
}

func (i info) listed(status Status) Listed {
	listed := Listed{Config: i.Config, Status: status}
	if listed.Status.Type == "" {
		listed.Status.Type = i.Type
	}
	for _, task := range i.Tasks {
		listed.Tasks = append(listed.Tasks, task.Task)
	}
	return listed
}

// Inventory returns every connector of the cluster, in one request (KIP-465, Kafka 2.3) and
// one for the names: a worker leaves out of its expanded list each connector that has no status
// yet (ConnectorsResource.listConnectors), and that one is then asked for by name.
func (c *Client) Inventory(ctx context.Context) (map[string]Listed, error) {
	names, err := c.Connectors(ctx)
	if err != nil {
		return nil, err
	}
	answer := map[string]struct {
		Status Status `json:"status"`
		Info   info   `json:"info"`
	}{}
	if err := c.get(ctx, &answer, url.Values{"expand": {"status", "info"}}, "connectors"); err != nil {
		return nil, err
	}
	inventory := make(map[string]Listed, len(answer))
	for name, connector := range answer {
		inventory[name] = connector.Info.listed(connector.Status)
	}
	for _, name := range names {
		if _, listed := inventory[name]; listed {
			continue
		}
		var alone info
		err := c.get(ctx, &alone, nil, "connectors", name)
		switch {
		case IsNotFound(err): // deleted since
		case err == nil, IsBadRequest(err): // which is all that workers say of some names, such as a/b
			inventory[name] = alone.listed(Status{})
		default:
			return nil, err
		}
	}
	return inventory, nil
}
