package kestratest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/ferrytest"
)

// Versions are the Kestra versions that the plugin and the flows are for: the newest
// patches whose parts are all on Maven Central. 1.3.34 lacks io.kestra:platform, which its
// core imports.
var Versions = []string{"1.3.31", "2.0.0"}

// Root returns the repository's folder, found from the working directory up.
func Root() (string, error) {
	folder, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("kestratest: %w", err)
	}
	for {
		if exists(filepath.Join(folder, "plugin", "engine", "pom.xml")) {
			return folder, nil
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			return "", errors.New("kestratest: not within the repository, whose plugin/engine is needed")
		}
		folder = parent
	}
}

// Flows returns the folders of the flow files for a Kestra version.
func Flows(version string) ([]string, error) {
	root, err := Root()
	if err != nil {
		return nil, err
	}
	major, _, _ := strings.Cut(version, ".")
	return []string{filepath.Join(root, "flows"), filepath.Join(root, "flows", major+".x")}, nil
}

// Java returns a java of at least 25, which Kestra 2 needs: of JAVA_HOME, of the
// PATH, or of the usual folder for JDKs.
func Java() (string, error) {
	var homes []string
	if home := os.Getenv("JAVA_HOME"); home != "" {
		homes = append(homes, home)
	}
	if path, err := exec.LookPath("java"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			homes = append(homes, filepath.Dir(filepath.Dir(path)))
		}
	}
	installed, _ := filepath.Glob("/usr/lib/jvm/*")
	for _, home := range append(homes, installed...) {
		if feature(home) >= minJava {
			return filepath.Join(home, "bin", "java"), nil
		}
	}
	return "", fmt.Errorf("kestratest: no JDK %d or later under JAVA_HOME, on the PATH or in /usr/lib/jvm, install one and set JAVA_HOME", minJava)
}

const minJava = 25

// feature reads the feature release of a JDK, 0 if there is none.
func feature(home string) int {
	release, err := os.ReadFile(filepath.Join(home, "release"))
	if err != nil || !exists(filepath.Join(home, "bin", "javac")) {
		return 0
	}
	_, after, _ := strings.Cut(string(release), `JAVA_VERSION="`)
	var number int
	_, _ = fmt.Sscanf(after, "%d", &number)
	return number
}

// Build compiles the harness for a Kestra version and gets its jars, unless that
// has been done since its sources last changed.
func Build(ctx context.Context, version string) error {
	root, err := Root()
	if err != nil {
		return err
	}
	project := filepath.Join(root, "plugin", "engine")
	stamp := filepath.Join(project, "target", version, "built")
	return once(stamp, []string{filepath.Join(project, "pom.xml"), filepath.Join(project, "src")}, func() error {
		return maven(ctx, project, "-Dkestra.version="+version, "package")
	})
}

// BuildPlugin builds the runner for both architectures and the plugin's jar with
// it, unless that has been done since their sources last changed. It returns the
// folder that holds the jar alone.
func BuildPlugin(ctx context.Context) (string, error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	for _, arch := range []string{"amd64", "arm64"} {
		if err := buildRunner(ctx, root, arch); err != nil {
			return "", err
		}
	}
	project := filepath.Join(root, "plugin")
	sources := []string{filepath.Join(project, "pom.xml"), filepath.Join(project, "src", "main"), filepath.Join(root, "build", "runner")}
	err = once(filepath.Join(project, "target", "built"), sources, func() error {
		return maven(ctx, project, "-DskipTests", "package")
	})
	return filepath.Join(project, "target", "plugins"), err
}

// buildRunner leaves the file alone if the runner has not changed, so that what
// is built of it is not built again.
func buildRunner(ctx context.Context, root, arch string) error {
	binary := filepath.Join(root, "build", "runner", "linux-"+arch, "ferry")
	fresh := binary + ".new"
	command := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", fresh, "./runner")
	command.Dir = root
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("kestratest: go build ./runner: %w:\n%s", err, output)
	}
	old, errOld := os.ReadFile(binary)
	built, err := os.ReadFile(fresh)
	if err != nil {
		return fmt.Errorf("kestratest: %w", err)
	}
	if errOld == nil && string(old) == string(built) {
		return os.Remove(fresh)
	}
	return os.Rename(fresh, binary)
}

// once runs make unless stamp is newer than all sources, and touches stamp then.
// Other processes that want the same wait for it.
func once(stamp string, sources []string, make func() error) error {
	unlock, err := ferrytest.Lock(stamp + ".lock")
	if err != nil {
		return err
	}
	defer unlock()
	if info, err := os.Stat(stamp); err == nil {
		newest, err := newest(sources)
		if err != nil {
			return err
		}
		if info.ModTime().After(newest) {
			return nil
		}
	}
	if err := make(); err != nil {
		return err
	}
	if err := os.WriteFile(stamp, nil, 0o600); err != nil {
		return fmt.Errorf("kestratest: %w", err)
	}
	return nil
}

func newest(paths []string) (time.Time, error) {
	var newest time.Time
	for _, path := range paths {
		err := filepath.WalkDir(path, func(_ string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := entry.Info()
			if err == nil && !entry.IsDir() && info.ModTime().After(newest) {
				newest = info.ModTime()
			}
			return err
		})
		if err != nil {
			return newest, fmt.Errorf("kestratest: %w", err)
		}
	}
	return newest, nil
}

func maven(ctx context.Context, folder string, arguments ...string) error {
	java, err := Java()
	if err != nil {
		return err
	}
	command := exec.CommandContext(ctx, "mvn", append([]string{"-q", "-B", "-ntp", "-Dstyle.color=never"}, arguments...)...)
	command.Dir = folder
	command.Env = append(os.Environ(), "JAVA_HOME="+filepath.Dir(filepath.Dir(java)))
	output, err := command.CombinedOutput()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("kestratest: mvn %s in %s: %w:\n%s", strings.Join(arguments, " "), folder, err, lastLines(output, 20))
	}
	return nil
}

func lastLines(text []byte, count int) string {
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-count):], "\n")
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
