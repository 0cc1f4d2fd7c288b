package lab

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// Plugin is a connector plugin that Maven can get.
type Plugin struct {
	Group, Name, Version string
	// Without are the groups of what it depends on that are left out, since Maven cannot
	// get them.
	Without []string
	With    []artifact // what it needs besides
}

// Jars returns the folder with the plugin's jar and all that it needs, but for what every
// worker has. It stands alone in its parent, which fits plugin.path.
func (p Plugin) Jars(ctx context.Context, progress io.Writer) (string, error) {
	pom := pomOf(append([]artifact{{p.Group, p.Name, p.Version}}, p.With...), p.Without...)
	parent, err := cached(ctx, p.Name+"-"+p.Version+"-"+hash(pom), func(dir string) error {
		fmt.Fprintf(progress, "lab: getting the jars of %s %s by Maven (once)\n", p.Name, p.Version)
		project, err := os.MkdirTemp("", "ferry-lab-build-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(project)
		file := filepath.Join(project, "pom.xml")
		if err := os.WriteFile(file, pom, 0o600); err != nil {
			return err
		}
		started := time.Now()
		err = maven(ctx, project, "-f", file, dependencyPlugin+":copy-dependencies", "-DincludeScope=runtime",
			"-DexcludeGroupIds=org.apache.kafka,org.slf4j", "-DoutputDirectory="+filepath.Join(dir, p.Name))
		fmt.Fprintf(progress, "lab: %s is there after %.1f s\n", p.Name, time.Since(started).Seconds())
		return err
	})
	return filepath.Join(parent, p.Name), err
}

// RunJava runs a Java source file with the classes of a worker, in a JVM of 512 MB, and
// returns what it wrote to its standard output. The error ends in the last lines that it
// wrote to the other one.
func RunJava(ctx context.Context, progress io.Writer, source string, arguments ...string) ([]byte, error) {
	java, err := javaCommand()
	if err != nil {
		return nil, err
	}
	connect, err := jars(ctx, "connect-"+KafkaVersion, workerArtifacts(KafkaVersion), progress)
	if err != nil {
		return nil, err
	}
	classPath, err := classPath(connect)
	if err != nil {
		return nil, err
	}
	command, err := jvm{java: java, heap: "512m", classPath: classPath}.command(source, arguments...)
	if err != nil {
		return nil, err
	}
	var output, said bytes.Buffer
	command.Stdout, command.Stderr = &output, &said
	r, err := launch(command)
	if err != nil {
		return nil, fmt.Errorf("lab: java %s: %w", source, err)
	}
	select {
	case <-r.ended:
	case <-ctx.Done():
		if err := command.Process.Kill(); err != nil {
			return nil, fmt.Errorf("lab: java %s: %w", source, err)
		}
		<-r.ended
		return nil, context.Cause(ctx)
	}
	if r.err != nil {
		return nil, fmt.Errorf("lab: java %s: %w:\n%s", source, r.err, lastLines(said.Bytes(), 15))
	}
	return output.Bytes(), nil
}
