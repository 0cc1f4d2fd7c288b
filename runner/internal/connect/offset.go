package connect

import (
	"context"
	"net/http"

	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// Offsets returns the answer to GET /connectors/{name}/offsets byte for byte (KIP-875,
// Kafka 3.5).
func (c *Client) Offsets(ctx context.Context, connector string) (rawjson.Value, error) {
	var document rawjson.Value
	err := c.get(ctx, &document, nil, "connectors", connector, "offsets")
	return document, err
}

// AlterOffsets writes the entries of document and no others (Kafka 3.6). A null offset
// removes the partition. The connector must be STOPPED. It returns Connect's message,
// which says whether the connector itself handled the change.
//
// After an [UnreachableError] or "Request timed out" the write may still take effect
// later, so the caller must read back before it starts anything.
func (c *Client) AlterOffsets(ctx context.Context, connector string, document rawjson.Value) (string, error) {
	return c.writeOffsets(ctx, http.MethodPatch, connector, document)
}

// ResetOffsets removes every offset of a STOPPED connector (Kafka 3.6). For a sink it
// deletes the consumer group, which another connector may share.
func (c *Client) ResetOffsets(ctx context.Context, connector string) (string, error) {
	return c.writeOffsets(ctx, http.MethodDelete, connector, nil)
}

func (c *Client) writeOffsets(ctx context.Context, method, connector string, body any) (string, error) {
	var answer struct {
		Message string `json:"message"`
	}
	err := c.retry(ctx, func() error {
		return c.write(ctx, method, nil, body, &answer, "connectors", connector, "offsets")
	})
	return answer.Message, err
}
