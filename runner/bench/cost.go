package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/kestratest"
	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
)

// cost is what a task costs beside its work. Times are medians.
type cost struct {
	Times         int     `json:"times"`
	StartMS       float64 `json:"start_ms"`        // ferry --version
	StatusMS      float64 `json:"status_ms"`       // ferry status of one connector
	CoreTaskMS    float64 `json:"core_task_ms"`    // a task of Kestra's that does nothing
	ProcessTaskMS float64 `json:"process_task_ms"` // ferry status as a task, as a process
	DockerTaskMS  float64 `json:"docker_task_ms,omitempty"`
	ContainerMS   float64 `json:"container_ms,omitempty"` // docker run ... ferry --version
	RunnerMiB     float64 `json:"runner_mib"`
	JarMiB        float64 `json:"jar_mib"` // with the runner for two architectures
	ImageMiB      float64 `json:"image_mib,omitempty"`
	BaseMiB       float64 `json:"base_mib,omitempty"` // of the image
	NoDocker      string  `json:"no_docker,omitempty"`
}

const (
	costConnector = "cost"
	costImage     = "ferry-bench"
	costTimes     = 20
)

// measureCost measures what one task costs.
func (b *bench) measureCost(ctx context.Context) (*cost, error) {
	if err := b.origin.Run(ctx, costConnector, lab.NumberedSource(costConnector, 1, 1)); err != nil {
		return nil, err
	}
	defer b.remove(context.WithoutCancel(ctx), []string{costConnector})
	root, err := kestratest.Root()
	if err != nil {
		return nil, err
	}
	found := &cost{Times: costTimes}
	runner := filepath.Join(root, "build", "runner", "linux-"+runtime.GOARCH, "ferry")
	status := []string{runner, "status", "--clusters", b.clusters[true], "--origin", b.origin.Name(), "--target", b.target.Name(), "--connector", costConnector}
	found.StartMS, err = timed(ctx, runner, "--version")
	if err == nil {
		found.StatusMS, err = timed(ctx, status...)
	}
	if err == nil {
		found.RunnerMiB, err = mebibytes(runner)
	}
	if err == nil {
		found.JarMiB, err = mebibytes(filepath.Join(b.plugins, "*.jar"))
	}
	if err != nil {
		return nil, err
	}
	image, err := found.image(ctx)
	if err != nil {
		found.NoDocker = err.Error()
	}
	defer func() {
		_ = exec.CommandContext(context.WithoutCancel(ctx), "docker", "image", "rm", "--force", costImage).Run()
	}() // #nosec G204 -- our own image
	return found, b.costOfTasks(ctx, found, image)
}

// image builds the image and measures it, and what a container costs.
func (c *cost) image(ctx context.Context) (string, error) {
	base, err := kestratest.BuildImage(ctx, costImage)
	if err != nil {
		return "", err
	}
	for name, size := range map[string]*float64{costImage: &c.ImageMiB, base: &c.BaseMiB} {
		said, err := exec.CommandContext(ctx, "docker", "image", "inspect", "--format", "{{.Size}}", name).Output() // #nosec G204 -- our own image
		if err != nil {
			return "", fmt.Errorf("docker image inspect %s: %w", name, err)
		}
		bytes, err := strconv.ParseFloat(strings.TrimSpace(string(said)), 64)
		if err != nil {
			return "", err
		}
		*size = bytes / (1 << 20)
	}
	c.ContainerMS, err = timed(ctx, "docker", "run", "--rm", costImage, "ferry", "--version")
	return costImage, err
}

// costOfTasks takes the times of the tasks from Kestra.
func (b *bench) costOfTasks(ctx context.Context, found *cost, image string) error {
	took := map[string][]float64{}
	for range costTimes {
		x, err := b.kestra.Run(ctx, "cost", map[string]any{"connector": costConnector, "image": image})
		if err != nil {
			return err
		}
		if x.State != "SUCCESS" {
			return errors.New("flow cost ended " + x.State + ":\n" + x.Text())
		}
		for _, task := range x.Tasks {
			if task.State == "SUCCESS" {
				took[task.Task] = append(took[task.Task], float64(task.MS))
			}
		}
	}
	found.CoreTaskMS, found.ProcessTaskMS, found.DockerTaskMS = median(took["core"]), median(took["process"]), median(took["docker"])
	return nil
}

// timed is the median of the times that a command takes.
func timed(ctx context.Context, command ...string) (float64, error) {
	var took []float64
	for range costTimes {
		begun := time.Now()
		if said, err := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput(); err != nil { // #nosec G204 -- our own commands
			return 0, fmt.Errorf("%s: %w\n%s", strings.Join(command, " "), err, said)
		}
		took = append(took, float64(time.Since(begun).Microseconds())/1000)
	}
	return median(took), nil
}

func mebibytes(pattern string) (float64, error) {
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) != 1 {
		return 0, fmt.Errorf("%s: %d files, expected one: %w", pattern, len(files), err)
	}
	info, err := os.Stat(files[0])
	if err != nil {
		return 0, err
	}
	return float64(info.Size()) / (1 << 20), nil
}

// median of values, the lower of the two in the middle; 0 of none.
func median[T int | int64 | float64](values []T) T {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[(len(sorted)-1)/2]
}

// table is the cost as a table.
func (c cost) table() string {
	var text strings.Builder
	fmt.Fprintf(&text, "| what a task costs, median of %d | |\n|---|--:|\n", c.Times)
	line := func(what, format string, value float64) {
		if value > 0 {
			fmt.Fprintf(&text, "| %s | "+format+" |\n", what, value)
		}
	}
	line("the runner's start, `ferry --version`", "%.0f ms", c.StartMS)
	line("`ferry status` of one connector, by hand", "%.0f ms", c.StatusMS)
	line("a task of Kestra's own that does nothing", "%.0f ms", c.CoreTaskMS)
	line("`io.connectferry.Status` of that connector, as a process", "%.0f ms", c.ProcessTaskMS)
	line("the same in Docker", "%.0f ms", c.DockerTaskMS)
	line("`ferry --version` by `docker run`", "%.0f ms", c.ContainerMS)
	line("the runner", "%.1f MiB", c.RunnerMiB)
	line("the plugin's jar, with the runner for two architectures", "%.1f MiB", c.JarMiB)
	line("the image", "%.1f MiB", c.ImageMiB)
	line("of that its base, busybox", "%.1f MiB", c.BaseMiB)
	if c.NoDocker != "" {
		text.WriteString("| in Docker | not measured |\n")
	}
	return text.String()
}
