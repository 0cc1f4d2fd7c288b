package kafka

import (
	"context"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
)

// Gather returns what [Client.FindTopics] asks a Connect cluster for.
func Gather(rest *connect.Client) func(context.Context) (Evidence, error) {
	return func(ctx context.Context) (Evidence, error) {
		inventory, err := rest.Inventory(ctx)
		if err != nil {
			return Evidence{}, err
		}
		evidence := Evidence{Connectors: inventory}
		read := func(ctx context.Context, connector string) (offset.Document, error) {
			value, err := rest.Offsets(ctx, connector)
			if err != nil {
				return offset.Document{}, err
			}
			return offset.Parse(value)
		}
		sources := evidence.sources()
		if len(sources) == 0 {
			evidence.Offsets = read
			return evidence, nil
		}
		_, err = read(ctx, sources[0])
		switch {
		case err == nil:
			evidence.Offsets = read
		case !connect.IsUnsupported(err):
			return Evidence{}, err
		}
		return evidence, nil
	}
}
