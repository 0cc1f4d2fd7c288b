package connect

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// Server is a worker's answer to GET /.
type Server struct {
	Version        string `json:"version"`
	Commit         string `json:"commit"`
	KafkaClusterID string `json:"kafka_cluster_id"`
}

// Server returns the version of the worker that answers; others may have another.
func (c *Client) Server(ctx context.Context) (Server, error) {
	var server Server
	err := c.get(ctx, &server, nil, "")
	return server, err
}

// Connectors returns the names of the cluster's connectors.
func (c *Client) Connectors(ctx context.Context) ([]string, error) {
	var names []string
	err := c.get(ctx, &names, nil, "connectors")
	return names, err
}

// Config returns a connector's config as it was given to Connect: references to config
// providers are not resolved, and passwords in it are in clear text.
func (c *Client) Config(ctx context.Context, connector string) (rawjson.Object, error) {
	var config rawjson.Object
	err := c.get(ctx, &config, nil, "connectors", connector, "config")
	return config, err
}

// PutConfig replaces a connector's config. If the connector does not exist, Connect
// creates it RUNNING.
func (c *Client) PutConfig(ctx context.Context, connector string, config rawjson.Object) error {
	return c.put(ctx, config, nil, "connectors", connector, "config")
}

// PatchConfig changes settings of a connector's config; null removes one (KIP-477, Kafka
// 3.8). Unlike PutConfig it creates nothing: without the connector, Connect answers 404.
func (c *Client) PatchConfig(ctx context.Context, connector string, patch rawjson.Object) error {
	return c.retry(ctx, func() error {
		return c.write(ctx, http.MethodPatch, nil, patch, nil, "connectors", connector, "config")
	})
}

// Create creates a connector in the given state (KIP-980, Kafka 3.7). With "" the worker
// chooses the state, as workers before 3.7 always do. The request is sent once: after an
// error that is not a refusal, the caller must read back whether the connector exists.
func (c *Client) Create(ctx context.Context, connector string, config rawjson.Object, state State) error {
	body := struct {
		Name         string         `json:"name"`
		Config       rawjson.Object `json:"config"`
		InitialState State          `json:"initial_state,omitempty"`
	}{connector, config, state}
	return c.write(ctx, http.MethodPost, nil, body, nil, "connectors")
}

// Delete removes a connector. Connect keeps its offsets. It is no error if the connector
// is gone already.
func (c *Client) Delete(ctx context.Context, connector string) error {
	err := c.retry(ctx, func() error {
		return c.write(ctx, http.MethodDelete, nil, nil, nil, "connectors", connector)
	})
	if IsNotFound(err) {
		return nil
	}
	return err
}

// Tasks returns the numbers of the configured tasks, as the worker that answers sees
// them. An empty list does not mean that every task has ended.
func (c *Client) Tasks(ctx context.Context, connector string) ([]int, error) {
	var infos []struct {
		ID struct {
			Task int `json:"task"`
		} `json:"id"`
	}
	if err := c.get(ctx, &infos, nil, "connectors", connector, "tasks"); err != nil {
		return nil, err
	}
	tasks := make([]int, len(infos))
	for i, info := range infos {
		tasks[i] = info.ID.Task
	}
	return tasks, nil
}

// TaskConfigs returns the configs of the connector's tasks, in which a plugin tells each what to
// do. They may hold secrets.
func (c *Client) TaskConfigs(ctx context.Context, connector string) ([]rawjson.Object, error) {
	var infos []struct {
		Config rawjson.Object `json:"config"`
	}
	if err := c.get(ctx, &infos, nil, "connectors", connector, "tasks"); err != nil {
		return nil, err
	}
	configs := make([]rawjson.Object, len(infos))
	for i, info := range infos {
		configs[i] = info.Config
	}
	return configs, nil
}

// ActiveTopics returns the topics the connector has used since it was created
// or since [Client.ResetActiveTopics] (KIP-558, Kafka 2.5).
func (c *Client) ActiveTopics(ctx context.Context, connector string) ([]string, error) {
	answer := map[string]struct {
		Topics []string `json:"topics"`
	}{}
	if err := c.get(ctx, &answer, nil, "connectors", connector, "topics"); err != nil {
		return nil, err
	}
	used, ok := answer[connector]
	if !ok {
		return nil, fmt.Errorf("active topics of connector %q: the answer does not name it", connector)
	}
	return used.Topics, nil
}

// ResetActiveTopics empties the list that [Client.ActiveTopics] returns.
func (c *Client) ResetActiveTopics(ctx context.Context, connector string) error {
	return c.put(ctx, nil, nil, "connectors", connector, "topics", "reset")
}

// Plugin is a connector class a worker can load.
type Plugin struct {
	Class   string `json:"class"`
	Type    string `json:"type"` // "source" or "sink"
	Version string `json:"version"`
}

// NamesClass reports whether a connector.class may name a class. Connect takes the full name,
// the simple name, and the simple name without Connector (PluginUtils.simpleName and
// prunedName).
func NamesClass(asked, class string) bool {
	simple := class[strings.LastIndexByte(class, '.')+1:]
	return asked != "" && (asked == class || asked == simple || asked+"Connector" == simple)
}

// Plugins returns the connector classes that the answering worker can load.
func (c *Client) Plugins(ctx context.Context) ([]Plugin, error) {
	if c.remembered == nil {
		return c.plugins(ctx)
	}
	select {
	case c.remembered.turn <- struct{}{}:
		defer func() { <-c.remembered.turn }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if c.remembered.plugins != nil {
		return c.remembered.plugins, nil
	}
	plugins, err := c.plugins(ctx)
	if err == nil {
		c.remembered.plugins = plugins
	}
	return plugins, err
}

func (c *Client) plugins(ctx context.Context) ([]Plugin, error) {
	var plugins []Plugin
	err := c.get(ctx, &plugins, nil, "connector-plugins")
	return plugins, err
}

// remembered is what a client has read of what seldom changes.
type remembered struct {
	turn    chan struct{} // taken by the one that asks
	plugins []Plugin
}

// Remembering returns a client that asks for the plugins only once, for a run over many
// connectors.
func (c *Client) Remembering() *Client {
	remembering := *c
	remembering.remembered = &remembered{turn: make(chan struct{}, 1)}
	return &remembering
}
