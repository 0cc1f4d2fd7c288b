package kestratest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// BuildImage makes the image of the repository's Dockerfile of the runner that [BuildPlugin]
// built, on a base that needs no registry, which it returns the name of.
func BuildImage(ctx context.Context, tag string) (base string, err error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	certificates := filepath.Join(root, "build", "ca-certificates.crt")
	if !exists(certificates) {
		content, err := os.ReadFile("/etc/ssl/certs/ca-certificates.crt")
		if err != nil {
			return "", err
		}
		if err := os.WriteFile(certificates, content, 0o600); err != nil {
			return "", err
		}
	}
	base, err = command(ctx, root, "sh", filepath.Join(".ci", "busybox-base"))
	if err != nil {
		return "", err
	}
	_, err = docker(ctx, root, "build", "--quiet", "--build-arg", "BASE="+base, "--tag", tag, ".")
	return base, err
}

func docker(ctx context.Context, folder string, arguments ...string) (string, error) {
	return command(ctx, folder, "docker", arguments...)
}

func command(ctx context.Context, folder, name string, arguments ...string) (string, error) {
	command := exec.CommandContext(ctx, name, arguments...)
	command.Dir = folder
	command.Env = append(os.Environ(), "DOCKER_BUILDKIT=0") // which needs nothing that Debian lacks
	var errs strings.Builder
	command.Stderr = &errs
	output, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", name, strings.Join(arguments, " "), err, strings.TrimSpace(errs.String()))
	}
	return strings.TrimSpace(string(output)), nil
}
