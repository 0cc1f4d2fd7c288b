package lab

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// jvmFlags are for processes that live minutes and share two cores: quick to
// start, small, and never compiling harder than they need.
var jvmFlags = []string{
	"-XX:+UseSerialGC",
	"-XX:TieredStopAtLevel=1",
	"-Xshare:auto",
	"-Djava.awt.headless=true",
}

const (
	log4j2Config = `status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = [%d] %p %m (%c:%L)%n
rootLogger.level = info
rootLogger.appenderRef.out.ref = out
`
	log4j1Config = `log4j.rootLogger=INFO, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=[%d] %p %m (%c:%L)%n
`
)

// jvm is how to start one Java program.
type jvm struct {
	java      string
	heap      string // as in -Xmx
	version   string // of Kafka, which tells the logging backend; "" for neither
	classPath string
	folder    string   // working directory, and where the logging config goes
	flags     []string // further ones
}

func (j jvm) command(class string, args ...string) (*exec.Cmd, error) {
	flags := append(slices.Clone(jvmFlags), "-Xmx"+j.heap)
	flags = append(flags, j.flags...)
	if j.version != "" {
		flag, err := j.logging()
		if err != nil {
			return nil, err
		}
		flags = append(flags, flag)
	}
	flags = append(flags, "-cp", j.classPath, class)
	command := exec.Command(j.java, append(flags, args...)...)
	command.Dir = j.folder
	return command, nil
}

// logging writes the config of the logging backend and returns the flag for it.
func (j jvm) logging() (string, error) {
	name, content, flag := "log4j2.properties", log4j2Config, "-Dlog4j2.configurationFile="
	if beforeKafka4(j.version) {
		name, content, flag = "log4j.properties", log4j1Config, "-Dlog4j.configuration=file:"
	}
	path := filepath.Join(j.folder, name)
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		return "", err
	}
	return flag + path, nil
}

// writeProperties writes a Java properties file, sorted.
func writeProperties(path string, properties map[string]string) error {
	var text strings.Builder
	escape := strings.NewReplacer(`\`, `\\`, "\n", `\n`)
	for _, key := range sortedKeys(properties) {
		fmt.Fprintf(&text, "%s=%s\n", key, escape.Replace(properties[key]))
	}
	return os.WriteFile(path, []byte(text.String()), 0o644)
}
