package kestratest

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"
)

var all = flag.Bool("all", false, "kill all of Kestra 1.3 too, not only a worker of 2.0")

// TestMain lets more tests run at a time than there are processors, since they
// mostly wait, and removes the image of the tests at the end.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	code := m.Run()
	if imageBuilt {
		if _, err := docker(context.Background(), "", "image", "rm", "--force", testImage); err != nil {
			fmt.Fprintln(os.Stderr, "the image of the tests is left:", err)
		}
	}
	os.Exit(code)
}
