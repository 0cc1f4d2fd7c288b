package clusterfile

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// resolve replaces ${env:NAME} and ${file:PATH} in text, and $${ by ${. Paths are
// relative to folder. mistake says what is wrong with a reference, "" if nothing is. It
// quotes what follows ${ only if that looks like a valid name: a password may contain ${
// too.
func resolve(text, folder string) (resolved, mistake string) {
	var out strings.Builder
	for {
		start := strings.Index(text, "${")
		if start < 0 {
			return out.String() + text, ""
		}
		if start > 0 && text[start-1] == '$' {
			out.WriteString(text[:start] + "{")
			text = text[start+2:]
			continue
		}
		body, rest, closed := strings.Cut(text[start+2:], "}")
		if !closed {
			return "", "a reference lacks its closing }; write $${ for ${ itself"
		}
		value, mistake := lookup(body, folder)
		if mistake != "" {
			return "", mistake
		}
		out.WriteString(text[:start] + value)
		text = rest
	}
}

var (
	variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	pathName     = regexp.MustCompile(`^[\p{L}\p{N}_./ +-]+$`)
	secretName   = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)
)

func lookup(reference, folder string) (value, mistake string) {
	kind, name, _ := strings.Cut(reference, ":")
	switch kind {
	case "env":
		return environment(name)
	case "file":
		return file(name, folder)
	case "secret":
		if !secretName.MatchString(name) {
			name = "NAME"
		}
		return "", fmt.Sprintf("${secret:%s} is resolved by the Kestra plugin only, use ${env:NAME} or ${file:PATH} here", name)
	default:
		return "", "expected ${env:NAME} or ${file:PATH}; write $${ for ${ itself"
	}
}

func environment(name string) (value, mistake string) {
	if !variableName.MatchString(name) {
		return "", "expected the name of a variable in ${env:NAME}"
	}
	value, ok := os.LookupEnv(name)
	if !ok {
		return "", fmt.Sprintf("environment variable %s is not set, set it for ferry", name)
	}
	return value, ""
}

func file(name, folder string) (value, mistake string) {
	if !pathName.MatchString(name) {
		return "", "expected a path of letters, digits, blanks and ._+-/ in ${file:PATH}"
	}
	content, err := os.ReadFile(inFolder(folder, name)) // #nosec G304 -- the operator names the file
	if err != nil {
		return "", fmt.Sprintf("file %s cannot be read: %v", inFolder(folder, name), withoutPath(err))
	}
	return strings.TrimRight(string(content), "\r\n"), ""
}

func inFolder(folder, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(folder, path)
}
