package lab

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// KafkaVersion is the Kafka that brokers run, and workers unless told otherwise.
const KafkaVersion = "4.3.1"

// connectorPlugin is the folder of the lab's own connectors in their plugin.path.
const connectorPlugin = "lab-connectors"

const dependencyPlugin = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"

//go:embed connectors/pom.xml connectors/src
var connectorSources embed.FS

// artifact is a Maven artifact: group, name, version.
type artifact struct{ group, name, version string }

func brokerArtifacts() []artifact {
	return []artifact{
		{"org.apache.kafka", "kafka_2.13", KafkaVersion},
		{"org.apache.logging.log4j", "log4j-slf4j-impl", "2.25.4"},
	}
}

// workerArtifacts are Connect as distributed. Its jars leave the logging
// backend to the distribution, which is another one before 4.0.
func workerArtifacts(version string) []artifact {
	artifacts := []artifact{
		{"org.apache.kafka", "connect-runtime", version},
		{"org.apache.kafka", "connect-mirror", version},
		{"org.apache.kafka", "connect-file", version},
		{"org.apache.kafka", "connect-json", version},
	}
	switch {
	case beforeKafka4(version) && strings.HasPrefix(version, "2."):
		return artifacts // brings log4j 1 itself
	case beforeKafka4(version):
		return append(artifacts, artifact{"org.slf4j", "slf4j-reload4j", "1.7.36"})
	default:
		return append(artifacts, artifact{"org.apache.logging.log4j", "log4j-slf4j-impl", "2.25.4"})
	}
}

func beforeKafka4(version string) bool {
	return strings.HasPrefix(version, "2.") || strings.HasPrefix(version, "3.")
}

// jars returns the folder with the artifacts and all they need.
func jars(ctx context.Context, name string, artifacts []artifact, progress io.Writer) (string, error) {
	pom := pomOf(artifacts)
	return cached(ctx, name+"-"+hash(pom), func(dir string) error {
		fmt.Fprintf(progress, "lab: getting the jars of %s by Maven (once)\n", name)
		project := filepath.Join(dir, "pom.xml")
		if err := os.WriteFile(project, pom, 0o644); err != nil {
			return err
		}
		return maven(ctx, dir, "-f", project, dependencyPlugin+":copy-dependencies",
			"-DincludeScope=runtime", "-DoutputDirectory="+dir)
	})
}

// pomOf returns a project that depends on the artifacts, but not on what any of them
// needs of the groups in without.
func pomOf(artifacts []artifact, without ...string) []byte {
	var pom bytes.Buffer
	pom.WriteString(`<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>io.connectferry</groupId><artifactId>lab-jars</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>
`)
	exclusions := ""
	for _, group := range without {
		exclusions += "<exclusion><groupId>" + group + "</groupId><artifactId>*</artifactId></exclusion>"
	}
	if exclusions != "" {
		exclusions = "<exclusions>" + exclusions + "</exclusions>"
	}
	for _, a := range artifacts {
		fmt.Fprintf(&pom, "<dependency><groupId>%s</groupId><artifactId>%s</artifactId><version>%s</version>%s</dependency>\n",
			a.group, a.name, a.version, exclusions)
	}
	pom.WriteString("</dependencies>\n</project>\n")
	return pom.Bytes()
}

// connectorJars returns a folder for plugin.path with one plugin: the lab's own
// connectors, built from the sources in this package, and the driver they need.
func connectorJars(ctx context.Context, progress io.Writer) (string, error) {
	sources, err := fs.Sub(connectorSources, "connectors")
	if err != nil {
		return "", err
	}
	sum, err := hashOf(sources)
	if err != nil {
		return "", err
	}
	return cached(ctx, "connectors-"+sum, func(dir string) error {
		fmt.Fprintln(progress, "lab: building the lab's connectors by Maven (once)")
		plugin := filepath.Join(dir, connectorPlugin)
		project, err := os.MkdirTemp("", "ferry-lab-build-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(project)
		if err := copyDir(project, sources); err != nil {
			return err
		}
		err = maven(ctx, project, "compile", "jar:jar", "dependency:copy-dependencies",
			"-DincludeScope=runtime", "-DoutputDirectory="+plugin)
		if err != nil {
			return err
		}
		return copyFile(filepath.Join(plugin, "lab-connectors.jar"), filepath.Join(project, "target", "lab-connectors-1.0.0.jar"))
	})
}

func copyFile(to, from string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o644)
}

func hashOf(tree fs.FS) (string, error) {
	sum := sha256.New()
	err := fs.WalkDir(tree, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(tree, path)
		fmt.Fprintf(sum, "%s %d\n", path, len(content))
		sum.Write(content)
		return err
	})
	return hex.EncodeToString(sum.Sum(nil)[:4]), err
}

func hash(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:4])
}

// maven runs Maven in dir. Its error ends in the last lines that Maven wrote.
func maven(ctx context.Context, dir string, args ...string) error {
	path, err := exec.LookPath("mvn")
	if err != nil {
		return errors.New("lab: mvn is not on the PATH: install Maven 3.8 or later, it gets the jars of Apache Kafka")
	}
	quiet := []string{"-q", "-B", "-ntp", "-Dstyle.color=never"}
	command := exec.CommandContext(ctx, path, append(quiet, args...)...)
	command.Dir = dir
	output, err := command.CombinedOutput()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("lab: mvn %s: %w:\n%s", strings.Join(args, " "), err, lastLines(output, 15))
	}
	return nil
}

// javaCommand finds java where Java's own tools look for it.
func javaCommand() (string, error) {
	if home := os.Getenv("JAVA_HOME"); home != "" {
		path := filepath.Join(home, "bin", "java")
		if exists(path) {
			return path, nil
		}
	}
	path, err := exec.LookPath("java")
	if err != nil {
		return "", errors.New("lab: java is neither under JAVA_HOME nor on the PATH: install a JDK 17 or later, Kafka runs on it")
	}
	return path, nil
}

// classPath lists the jars under dir in a stable order, but those whose name
// begins with one of the prefixes.
func classPath(dir string, without ...string) (string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.jar"))
	if err != nil {
		return "", err
	}
	files = slices.DeleteFunc(files, func(file string) bool {
		return slices.ContainsFunc(without, func(prefix string) bool {
			return strings.HasPrefix(filepath.Base(file), prefix)
		})
	})
	if len(files) == 0 {
		return "", fmt.Errorf("lab cache: %s holds no jar: delete that folder", dir)
	}
	slices.Sort(files)
	return strings.Join(files, string(os.PathListSeparator)), nil
}

func lastLines(text []byte, count int) string {
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-count):], "\n")
}
