// Package handover writes what the team of a moved connector commits to its deployment
// repository, so that the next deployment finds the connector where it now runs and changes
// nothing: a Connector of ns4kafka, a KafkaConnector of Strimzi, a Terraform import, or plain
// JSON, each with its steps in the order in which they are safe.
//
// It only reads, and it writes no secret: a value that is one, or may be one, becomes a named
// variable. It refuses a connector that is not moved, and a tool that could not describe the
// connector as it is: applied, such a resource would change or replace it.
package handover

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/instance"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
	"github.com/connect-ferry/connect-ferry/runner/internal/secret"
)

// Connector is a moved connector as its target has it.
type Connector struct {
	Name             string
	Origin, Target   string // the clusters, as the clusters file calls them
	NameOnOrigin     string
	ConnectCluster   string // the target, as the deployment tool calls it
	Namespace        string // in the deployment tool; "" leaves it to the tool's own setting
	State            connect.State
	Settings         []Setting
	OriginGone       bool // the origin's copy is removed already
	Marked           bool // its config still has marks of ferry, which are in no file here
	ConfigSHA256     string
	placeheldSecrets []Setting
}

// Options are what the clusters do not tell.
type Options struct {
	// ConnectCluster is what the deployment tool calls the target; "" is the target's name.
	ConnectCluster string
	Namespace      string
	// Mask learns the secrets in the configs; may be nil.
	Mask *secret.Mask
}

// Read reads a moved connector. It is a [cluster.RefusedError] if the connector is not moved.
func Read(ctx context.Context, request pair.Request, options Options) (Connector, error) {
	seen, err := request.Observe(ctx, options.Mask)
	if err != nil {
		return Connector{}, err
	}
	if err := refuse(request, seen); err != nil {
		return Connector{}, err
	}
	settings := config.WithoutMarks(seen.Target.Config)
	defined, err := request.Definitions(ctx, settings)
	if err != nil {
		return Connector{}, err
	}
	c := Connector{
		Name: request.TargetName(), NameOnOrigin: request.Connector, Origin: request.Origin.Name, Target: request.Target.Name,
		ConnectCluster: options.ConnectCluster, Namespace: options.Namespace, State: seen.Target.State(),
		OriginGone: !seen.Origin.Exists, ConfigSHA256: settings.Value().SHA256(),
		Marked: len(config.Differing(seen.Target.Config, settings)) > 0,
	}
	if c.ConnectCluster == "" {
		c.ConnectCluster = c.Target
	}
	c.Settings = settingsOf(c.Name, settings, defined)
	for _, setting := range c.Settings {
		if setting.Variable != "" {
			c.placeheldSecrets = append(c.placeheldSecrets, setting)
			if options.Mask != nil {
				options.Mask.Add(secret.New(setting.secret))
			}
		}
	}
	return c, nil
}

// refuse refuses a connector whose move is not finished.
func refuse(request pair.Request, seen pair.Observation) error {
	origin, target := request.Origin.Name, request.Target.Name
	switch state := seen.State(); {
	case state == pair.RunningTwice:
		return &instance.RunningTwiceError{Reason: fmt.Sprintf("connector runs on both %s and %s; stop one of the two now", origin, target)}
	case state == pair.Absent:
		return request.Origin.Absent(request.Connector)
	case !state.Finished() || seen.RollingBack():
		return cluster.Refused(fmt.Sprintf("is %s on %s and %s on %s (%s), and only a moved connector can be handed over; run `ferry move` first",
			seen.Origin, origin, seen.Target, target, state))
	default:
		return nil
	}
}

// Secrets are the settings whose value is left out of all files.
func (c Connector) Secrets() []Setting { return c.placeheldSecrets }

// Folder is the name of a folder for the connector's files: any name is one path element.
func (c Connector) Folder() string { return url.PathEscape(c.Name) }

// Format is a tool to write for.
type Format string

// The formats.
const (
	Ns4kafka  Format = "ns4kafka"
	Strimzi   Format = "strimzi"
	Terraform Format = "terraform"
	JSON      Format = "json"
)

// Formats are all formats, in the order in which they are written.
var Formats = []Format{Ns4kafka, Strimzi, Terraform, JSON}

// File is a file of a handover.
type File struct {
	Name    string // within the connector's folder
	Content string
}

// Written is a handover.
type Written struct {
	Files []File // the README last
	// Unfit says of a format that was asked for why it cannot describe the connector.
	Unfit map[Format]string
}

// Write writes the files for the formats. It is a [cluster.RefusedError] if none of them can
// describe the connector.
func (c Connector) Write(formats []Format) (Written, error) {
	written := Written{Unfit: map[Format]string{}}
	var fit []Format
	for _, format := range Formats {
		if !slices.Contains(formats, format) {
			continue
		}
		if unfit := c.unfit(format); unfit != "" {
			written.Unfit[format] = unfit
			continue
		}
		files, err := c.files(format)
		if err != nil {
			return Written{}, fmt.Errorf("%s: %w", format, err)
		}
		fit = append(fit, format)
		written.Files = append(written.Files, files...)
	}
	if len(fit) == 0 {
		var reasons []string
		for _, format := range Formats {
			if unfit := written.Unfit[format]; unfit != "" {
				reasons = append(reasons, fmt.Sprintf("%s: %s", format, unfit))
			}
		}
		return written, cluster.Refused(strings.Join(reasons, "; "))
	}
	readme, err := c.readme(fit, written.Unfit)
	if err != nil {
		return Written{}, err
	}
	written.Files = append(written.Files, File{"README.md", readme})
	return written, nil
}

// unfit says why a tool cannot describe the connector, "" if it can.
func (c Connector) unfit(format Format) string {
	switch format {
	case Ns4kafka:
		return c.unfitNs4kafka()
	case Strimzi:
		return c.unfitStrimzi()
	case Terraform:
		return c.unfitNull()
	case JSON:
	}
	return ""
}

// unfitNull says that a setting is null, which only JSON can say.
func (c Connector) unfitNull() string {
	for _, setting := range c.Settings {
		if setting.Null {
			return fmt.Sprintf("the setting %s is null, which it cannot write; give it a value or remove it", setting.Key)
		}
	}
	return ""
}

func (c Connector) files(format Format) ([]File, error) {
	switch format {
	case Ns4kafka:
		return c.ns4kafka()
	case Strimzi:
		return c.strimzi()
	case Terraform:
		return c.terraform(), nil
	case JSON:
		return c.json(), nil
	}
	return nil, fmt.Errorf("format %q is not known", format)
}
