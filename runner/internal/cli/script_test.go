package cli

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"ferry": func() { os.Exit(Main(context.Background(), os.Args, os.Stdout, os.Stderr)) },
	})
}

// TestScripts runs the stories in testdata/script: what an operator types and
// what comes back. A story that begins with the command clusters has two Connect
// clusters in memory, behind real sockets; see story_test.go.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", RequireExplicitExec: true, RequireUniqueNames: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exitcode": exitCode, "clusters": startClusters, "connector": createConnector, "state": awaitState,
			"ask": askConnector, "answer": answerWith, "exact": countRecords, "schema": checkResult, "planned": checkPlan, "reconfigure": reconfigure, "nosecret": findNoSecret,
			"certificate": findCertificate, "certified": checkCertified, "hashed": checkHashed, "told": checkTold, "keep": keepOne, "nats": startNATS, "lease": takeLease, "release": releaseLease, "channels": startChannels, "heard": findHeard,
		},
	})
}

// exitCode runs a command and checks its exit code: exitcode CODE COMMAND...
func exitCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exitcode CODE COMMAND...")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := "0"
	if err != nil {
		code = "unknown"
		if exited, ok := errors.AsType[*exec.ExitError](err); ok {
			code = strconv.Itoa(exited.ExitCode())
		}
	}
	if code != args[0] {
		ts.Fatalf("exit code %s, want %s", code, args[0])
	}
}
