// Command lab starts Kafka and Kafka Connect clusters to try ferry on:
// go run ./examples/lab up
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/connect-ferry/connect-ferry/runner/labcmd"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := labcmd.Main(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
