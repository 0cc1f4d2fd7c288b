package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/handover"
	"github.com/connect-ferry/connect-ferry/runner/internal/outcome"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
)

func handoverCommand() definition {
	return definition{
		name: "handover", outIsFolder: true, usage: "write what the teams of moved connectors commit to their deployment repository (reads only)",
		description: "For each moved connector, into a folder of its name in --out: a Connector of ns4kafka, a KafkaConnector of Strimzi, a Terraform\n" +
			"import, plain JSON, and README.md with the steps in the order in which they are safe. They describe the connector as it is, so that\n" +
			"a deployment changes nothing. Secrets are left out: named variables stand in for them.\n\n" +
			"Example: ferry handover --clusters clusters.yaml --origin global --target europe --connector orders --format strimzi --out handover",
		flags: flags(map[string]string{"out": "write the files into `DIR`; /dev/stdout prints them, without the README"},
			pairs, []string{"out", "format", "connect_cluster", "namespace"}),
		do: func(ctx context.Context, s *session) ([]event.ConnectorResult, error) {
			formats, err := s.formats()
			if err != nil {
				return nil, err
			}
			if err := required([2]string{"out", s.request.Out}); err != nil {
				return nil, err
			}
			requests, err := s.pair(ctx, false)
			if err != nil {
				return nil, err
			}
			return s.each(ctx, requests, func(ctx context.Context, request pair.Request) event.ConnectorResult {
				return s.handOver(ctx, request, formats)
			}), nil
		},
	}
}

// formats are those that were asked for, or all.
func (s *session) formats() ([]handover.Format, error) {
	if len(s.request.Format) == 0 {
		return handover.Formats, nil
	}
	var formats []handover.Format
	for _, name := range s.request.Format {
		format := handover.Format(name)
		if !slices.Contains(handover.Formats, format) {
			return nil, usagef("--format is ns4kafka, strimzi, terraform or json, not %q", name)
		}
		formats = append(formats, format)
	}
	return formats, nil
}

func (s *session) handOver(ctx context.Context, request pair.Request, formats []handover.Format) event.ConnectorResult {
	result := event.ConnectorResult{Connector: request.Connector}
	if request.TargetName() != request.Connector {
		result.TargetConnector = request.TargetName()
	}
	connector, err := handover.Read(ctx, request, handover.Options{
		ConnectCluster: s.request.ConnectCluster, Namespace: s.request.Namespace, Mask: s.mover.Mask,
	})
	var written handover.Written
	if err == nil {
		written, err = connector.Write(formats)
	}
	if err == nil {
		result.Files, err = writeHandover(s.request.Out, connector.Folder(), written.Files)
	}
	if err != nil {
		result.Outcome, result.Message = outcome.Of(ctx, err), event.OneLine(err.Error())
		return result
	}
	result.Outcome = event.Written
	result.ConfigHash = &event.Hashes{Target: connector.ConfigSHA256}
	result.TargetState = connector.State
	result.Message = fmt.Sprintf("is handed over as it is on %s, %s", request.Target.Name, secretsToFill(connector))
	for _, format := range formats {
		if why := written.Unfit[format]; why != "" {
			result.Message += fmt.Sprintf("; not for %s: %s", format, event.OneLine(why))
		}
	}
	if len(result.Files) > 0 {
		result.Instructions = "follow " + result.Files[len(result.Files)-1]
	}
	return result
}

func secretsToFill(connector handover.Connector) string {
	var names []string
	for _, setting := range connector.Secrets() {
		names = append(names, setting.Variable)
	}
	if len(names) == 0 {
		return "without a secret to fill in"
	}
	return "with secrets to fill in: " + strings.Join(names, ", ")
}

// writeHandover writes a connector's files into its folder, or into a device such as
// /dev/stdout, which has no place for the README.
func writeHandover(out, folder string, files []handover.File) (paths []string, err error) {
	if info, err := os.Stat(out); err == nil && !info.IsDir() && !info.Mode().IsRegular() {
		var all strings.Builder
		for _, file := range files[:len(files)-1] {
			all.WriteString(file.Content)
		}
		return nil, writeDocument(out, []byte(all.String()))
	}
	folder = filepath.Join(out, folder)
	if err := os.MkdirAll(folder, 0o755); err != nil { //nolint:gosec // holds no secret, and others are to read it
		return nil, fmt.Errorf("write %s: %s", folder, reason(err))
	}
	for _, file := range files {
		path := filepath.Join(folder, file.Name)
		if err := writeFile(path, []byte(file.Content)); err != nil {
			return paths, err
		}
		paths = append(paths, path)
	}
	return paths, nil
}
