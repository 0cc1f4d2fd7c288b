package kestratest

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// inDocker runs the tasks in the image that the repository's Dockerfile makes,
// by a real Docker engine.
func inDocker(s *stage, t *testing.T) {
	image := buildImage(t)

	for _, files := range []string{"VOLUME", "MOUNT"} {
		connector := "docker-" + strings.ToLower(files)
		s.source(t, connector, nil)
		x := s.run(t, "docker-move", map[string]any{"connector": connector, "image": image, "files": files})
		wantState(t, x, "SUCCESS")
		var outputs struct{ Offsets, Result string }
		must(t, json.Unmarshal(x.Outputs, &outputs))
		wantText(t, files+": offsets document", outputs.Offsets, `"sequence"`)
		wantText(t, files+": result document", outputs.Result, `"connect-ferry/result/1"`, `"outcome": "moved"`)
		runsAgain(t, s.europe, connector)
		s.exactlyOnce(t, connector)
	}

	s.source(t, "docker-killed", slow)
	run, err := s.Begin("docker-move", map[string]any{"connector": "docker-killed", "image": image})
	must(t, err)
	s.awaitPaused(t, "docker-killed")
	must(t, run.Kill(t.Context()))
	ctx, cancel := context.WithTimeout(t.Context(), runLimit)
	defer cancel()
	x, err := run.Wait(ctx)
	must(t, err)
	wantState(t, x, "KILLED")
	s.awaitSaid(t, "docker-killed: put_back")
	s.isBack(t, "docker-killed")

	must(t, wait.Until(t.Context(), "the containers to be gone", waitTime, func(ctx context.Context) (bool, string, error) {
		left, err := docker(ctx, "", "ps", "--all", "--quiet", "--filter", "ancestor="+image)
		return left == "", left, err
	}))
}

func TestImage(t *testing.T) {
	if testing.Short() {
		t.Skip("short: this builds an image")
	}
	image := buildImage(t)
	for _, run := range []struct {
		name    string
		command []string
		want    string
	}{
		{"script", []string{"sh", "-c", "ferry --help"}, "ferry move --clusters clusters.yaml"},
		{"path", []string{"/ferry", "--help"}, "ferry move --clusters clusters.yaml"},
		{"user", []string{"id", "-u"}, "65532"},
		{"certificates", []string{"sh", "-c", `test "$(grep -c "BEGIN CERTIFICATE" "$SSL_CERT_FILE")" -gt 50 && echo enough`}, "enough"},
		{"outputs of a script", []string{"sh", "-ec", "ferry status --output json --result result.json || true; cat result.json"}, `"outcome": "invalid"`},
	} {
		t.Run(run.name, func(t *testing.T) {
			output, err := docker(t.Context(), "", append([]string{"run", "--rm", image}, run.command...)...)
			must(t, err)
			wantText(t, strings.Join(run.command, " "), output, run.want)
		})
	}
}

// buildImage returns the image of the repository's Dockerfile, on a base that needs
// no registry, built once for all tests.
func buildImage(t *testing.T) string {
	t.Helper()
	if _, err := docker(t.Context(), "", "info"); err != nil {
		t.Skipf("no Docker engine answers (%v), so the container path is not tested", err)
	}
	if _, err := exec.LookPath("busybox"); err != nil {
		t.Skip("busybox is not installed (Debian: busybox-static), so there is no base for the image and the container path is not tested")
	}
	plugins(t) // and so the runner
	image, err := imageOnce()
	must(t, err)
	return image
}

var (
	testImage  = fmt.Sprintf("ferry-test:%d", os.Getpid())
	imageBuilt bool
)

var imageOnce = sync.OnceValues(func() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	_, err := BuildImage(ctx, testImage)
	imageBuilt = err == nil
	return testImage, err
})
