package discover

import (
	"context"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
)

// Gather returns what [Find] asks a Connect cluster for.
func Gather(rest *connect.Client) func(context.Context) (Evidence, error) {
	return func(ctx context.Context) (Evidence, error) {
		inventory, err := rest.Inventory(ctx)
		if err != nil {
			return Evidence{}, err
		}
		offsets := func(ctx context.Context, connector string) (offset.Document, error) {
			value, err := rest.Offsets(ctx, connector)
			if err != nil {
				return offset.Document{}, err
			}
			return offset.Parse(value)
		}
		return Evidence{Connectors: inventory, Offsets: offsets}, nil
	}
}
