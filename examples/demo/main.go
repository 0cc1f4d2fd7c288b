// Command demo moves live connectors between real Connect clusters through a
// real Kestra engine, and counts what arrived. `make demo` runs it.
package main

import (
	"os"

	"github.com/connect-ferry/connect-ferry/runner/demo"
)

func main() { os.Exit(demo.Main(os.Args[1:], os.Stdout)) }
