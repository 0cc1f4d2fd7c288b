// Command ferry moves Kafka Connect connectors between Connect clusters.
package main

import (
	"context"
	"os"

	"github.com/connect-ferry/connect-ferry/runner/internal/cli"
)

func main() {
	os.Exit(cli.Main(context.Background(), os.Args, os.Stdout, os.Stderr))
}
