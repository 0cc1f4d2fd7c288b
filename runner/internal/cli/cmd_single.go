package cli

import (
	"context"
	"os"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/clusterfile"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/offsetstore"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/single"
)

// one says of a single step that it takes one connector.
var one = map[string]string{"connector": "`NAME` of the connector", "rename": "give the copy another name, `OLD=NEW`"}

func (s *session) steps() single.Steps { return single.Steps{Setup: s.mover.Setup} }

func offsetsGetCommand() definition {
	return definition{
		name: "connect-offsets-get", usage: "read a connector's offsets, exact to the digit (reads only)",
		description: "Reads until two reads agree, and writes Connect's own document to --out; /dev/stdout prints it.\n\n" +
			"Example: ferry connect-offsets-get --clusters clusters.yaml --cluster global --connector orders --out offsets.json",
		flags: flags(one, singles, []string{"copy", "out"}),
		do:    getOffsets,
	}
}

func getOffsets(ctx context.Context, s *session) ([]event.ConnectorResult, error) {
	of, err := s.single(ctx, false)
	if err != nil {
		return nil, err
	}
	if s.request.Out == "" {
		return nil, usagef("--out is needed, see --help; /dev/stdout prints the document")
	}
	document, result := s.steps().GetOffsets(ctx, of, offsetstore.Method(s.request.Copy))
	if result.Outcome == event.Read {
		if err := writeDocument(s.request.Out, append(document.JSON().Bytes(), '\n')); err != nil {
			return nil, err
		}
		result.OffsetsFile = s.request.Out
	}
	return []event.ConnectorResult{result}, nil
}

// writeDocument writes to a file, or into a device such as /dev/stdout.
func writeDocument(path string, content []byte) error {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return os.WriteFile(path, content, 0o600)
	}
	return writeFile(path, content)
}

func offsetsPutCommand() definition {
	return definition{
		name: "connect-offsets-put", writes: true, usage: "make a stopped connector's offsets equal to a file (writes to the cluster)",
		description: "Writes what differs, removes what the file lacks, and reads it back.\n\n" +
			"Example: ferry connect-offsets-put --clusters clusters.yaml --cluster europe --connector orders --offsets offsets.json",
		flags: flags(one, singles, []string{"copy", "offsets"}),
		do:    putOffsets,
	}
}

func putOffsets(ctx context.Context, s *session) ([]event.ConnectorResult, error) {
	if err := required([2]string{"offsets", s.request.Offsets}); err != nil {
		return nil, err
	}
	value, err := readJSON(s.request.Offsets)
	if err != nil {
		return nil, err
	}
	document, err := offset.Parse(value)
	if err != nil {
		return nil, &clusterfile.InputError{File: s.request.Offsets, Err: err}
	}
	of, err := s.single(ctx, false)
	if err != nil {
		return nil, err
	}
	return []event.ConnectorResult{s.steps().PutOffsets(ctx, of, offsetstore.Method(s.request.Copy), document)}, nil
}

func readJSON(file string) (rawjson.Value, error) {
	content, err := clusterfile.Read(file)
	if err != nil {
		return rawjson.Value{}, err
	}
	value, err := rawjson.Parse(content)
	if err != nil {
		return rawjson.Value{}, &clusterfile.InputError{File: file, Err: err}
	}
	return value, nil
}

func createStoppedCommand() definition {
	return definition{
		name: "create-stopped", writes: true, usage: "create a connector stopped and prove it has no task (writes to the cluster)",
		description: "Takes the config from a file (--config), or from the connector of that name on another cluster (--from).\n\n" +
			"Example: ferry create-stopped --clusters clusters.yaml --cluster europe --connector orders --from global",
		flags: flags(one, singles, []string{"config", "from", "rename", "was_state"}, copied),
		do:    createStopped,
	}
}

func createStopped(ctx context.Context, s *session) ([]event.ConnectorResult, error) {
	asked := s.request
	if (asked.Config == "") == (asked.From == "") {
		return nil, usagef("give one of --config and --from")
	}
	if asked.WasState != "" && asked.From == "" {
		return nil, usagef("--was-state goes with --from")
	}
	if asked.From != "" && asked.From == asked.Cluster {
		return nil, usagef("--from and --cluster are both %q", asked.From)
	}
	of, err := s.single(ctx, false)
	if err != nil {
		return nil, err
	}
	request := pair.Request{
		Target: of.Cluster, Connector: of.Name, TargetConnector: asked.Rename[of.Name],
		Set: asked.Set, Unset: asked.Unset, Overwrite: asked.Overwrite,
	}
	config, err := s.configFor(ctx, &request)
	if err != nil {
		return nil, err
	}
	was := connect.State(strings.ToUpper(asked.WasState))
	return []event.ConnectorResult{s.steps().CreateStopped(ctx, request, config, was)}, nil
}

// configFor reads the config for a copy, and notes the origin it came from.
func (s *session) configFor(ctx context.Context, request *pair.Request) (rawjson.Object, error) {
	if s.request.Config != "" {
		value, err := readJSON(s.request.Config)
		if err != nil {
			return rawjson.Object{}, err
		}
		config, err := value.Object()
		if err != nil {
			return rawjson.Object{}, &clusterfile.InputError{File: s.request.Config, Err: err}
		}
		return config, nil
	}
	origin, err := s.dialer.Dial(ctx, s.request.From, false)
	if err != nil {
		return rawjson.Object{}, err
	}
	request.Origin = origin
	return s.steps().ReadConfig(ctx, request.From())
}

func flushWaitCommand() definition {
	return definition{
		name: "flush-wait", writes: true, usage: "bring a connector to rest and prove its offsets final (writes to the cluster)",
		description: "Pauses the connector until every task rests, stops it, and proves that no task will commit any more. Leaves it stopped.\n" +
			"If that cannot be proven in time, puts the connector back as it was and exits with 11.\n\n" +
			"Example: ferry flush-wait --clusters clusters.yaml --cluster global --connector orders",
		flags: flags(one, singles, proven),
		do: func(ctx context.Context, s *session) ([]event.ConnectorResult, error) {
			of, err := s.single(ctx, true)
			if err != nil {
				return nil, err
			}
			return []event.ConnectorResult{s.steps().FlushWait(ctx, of, offsetstore.Method(s.request.Copy))}, nil
		},
	}
}

func startCommand() definition {
	return definition{
		name: "start", writes: true, usage: "start a stopped connector and wait until it runs (writes to the cluster)",
		description: "With --origin, first makes sure that the connector there is stopped without tasks and that the offsets are equal.\n\n" +
			"Example: ferry start --clusters clusters.yaml --cluster europe --connector orders --origin global",
		flags: flags(map[string]string{"connector": one["connector"], "origin": "`CLUSTER` the connector came from"}, singles, []string{"origin"}),
		do: func(ctx context.Context, s *session) ([]event.ConnectorResult, error) {
			of, err := s.single(ctx, false)
			if err != nil {
				return nil, err
			}
			var origin *cluster.Cluster
			if s.request.Origin != "" {
				if s.request.Origin == s.request.Cluster {
					return nil, usagef("--origin and --cluster are both %q", s.request.Origin)
				}
				if origin, err = s.dialer.Dial(ctx, s.request.Origin, false); err != nil {
					return nil, err
				}
			}
			return []event.ConnectorResult{s.steps().Start(ctx, of, origin)}, nil
		},
	}
}
