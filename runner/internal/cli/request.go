package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	ucli "github.com/urfave/cli/v2"

	"github.com/connect-ferry/connect-ferry/runner/internal/clusterfile"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/schemas"
)

// request is what a command was asked for, by flags, by a request file, or both;
// a flag wins. Its fields are those of schemas/request.schema.json.
type request struct {
	Clusters        rawjson.Value     `json:"clusters"`
	Origin          string            `json:"origin"`
	Target          string            `json:"target"`
	Cluster         string            `json:"cluster"`
	Connectors      oneOrMany         `json:"connector"`
	From            string            `json:"from"`
	Config          string            `json:"config"`
	Offsets         string            `json:"offsets"`
	Out             string            `json:"out"`
	Set             map[string]string `json:"set"`
	Unset           []string          `json:"unset"`
	Rename          map[string]string `json:"rename"`
	Timeout         string            `json:"timeout"`
	Since           string            `json:"since"`
	Proof           string            `json:"proof"`
	AllowDuplicates bool              `json:"allow_duplicates"`
	Overwrite       bool              `json:"overwrite"`
	Copy            string            `json:"copy"`
	SameLog         bool              `json:"same_log"`
	OtherKafka      bool              `json:"other_kafka"`
	AtLeastOnce     bool              `json:"at_least_once"`
	Concurrency     int               `json:"concurrency"`
	Output          string            `json:"output"`
	Result          string            `json:"result"`
}

type oneOrMany []string

func (m *oneOrMany) UnmarshalJSON(document []byte) error {
	var one string
	if json.Unmarshal(document, &one) == nil {
		*m = oneOrMany{one}
		return nil
	}
	return json.Unmarshal(document, (*[]string)(m))
}

const defaultConcurrency = 8

// readRequest reads the request file, if there is one, and the flags over it.
func readRequest(c *ucli.Context) (request, error) {
	asked := request{}
	if file := c.String("request"); file != "" {
		if err := readRequestFile(file, &asked); err != nil {
			return asked, err
		}
	}
	if path := c.String("clusters"); path != "" && (c.IsSet("clusters") && !fromEnvironment(c) || asked.Clusters.IsZero()) {
		asked.Clusters = rawjson.String(path)
	}
	for flag, field := range map[string]*string{
		"origin": &asked.Origin, "target": &asked.Target, "cluster": &asked.Cluster, "from": &asked.From, "config": &asked.Config,
		"offsets": &asked.Offsets, "out": &asked.Out, "timeout": &asked.Timeout, "since": &asked.Since, "proof": &asked.Proof, "copy": &asked.Copy, "output": &asked.Output, "result": &asked.Result,
	} {
		if c.IsSet(flag) {
			*field = c.String(flag)
		}
	}
	for flag, field := range map[string]*bool{
		"allow-duplicates": &asked.AllowDuplicates, "overwrite": &asked.Overwrite, "same-log": &asked.SameLog, "other-kafka": &asked.OtherKafka,
		"at-least-once": &asked.AtLeastOnce,
	} {
		if c.IsSet(flag) {
			*field = c.Bool(flag)
		}
	}
	if c.IsSet("concurrency") {
		asked.Concurrency = c.Int("concurrency")
	}
	if c.IsSet("connector") {
		asked.Connectors = c.StringSlice("connector")
	}
	if c.IsSet("unset") {
		asked.Unset = c.StringSlice("unset")
	}
	var err error
	if asked.Set, err = pairs(c, "set", asked.Set); err != nil {
		return asked, err
	}
	if asked.Rename, err = pairs(c, "rename", asked.Rename); err != nil {
		return asked, err
	}
	return asked, asked.check()
}

// fromEnvironment reports whether --clusters was not given but FERRY_CLUSTERS.
func fromEnvironment(c *ucli.Context) bool {
	return !slices.ContainsFunc(os.Args, func(argument string) bool {
		return strings.HasPrefix(strings.TrimLeft(argument, "-"), "clusters")
	}) && c.String("clusters") == os.Getenv(clustersVariable)
}

func readRequestFile(file string, asked *request) error {
	content, err := os.ReadFile(file) // #nosec G304 -- the operator names the file
	if err != nil {
		return &clusterfile.InputError{File: file, Err: errors.New("cannot be read: " + reason(err))}
	}
	return parseRequest(file, content, asked)
}

func parseRequest(file string, content []byte, asked *request) error {
	if _, err := rawjson.ParseObject(content); err != nil {
		return &clusterfile.InputError{File: file, Err: err}
	}
	if err := schemas.Check(schemas.Request, content); err != nil {
		return &clusterfile.InputError{File: file, Err: err}
	}
	if err := json.Unmarshal(content, asked); err != nil {
		return &clusterfile.InputError{File: file, Err: err}
	}
	return nil
}

func reason(err error) string {
	if wrapped, ok := errors.AsType[*os.PathError](err); ok {
		return wrapped.Err.Error()
	}
	return err.Error()
}

// pairs reads KEY=VALUE flags over what the request file says.
func pairs(c *ucli.Context, flag string, known map[string]string) (map[string]string, error) {
	for _, pair := range c.StringSlice(flag) {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || key == "" {
			return nil, usagef("--%s takes KEY=VALUE", flag)
		}
		if known == nil {
			known = map[string]string{}
		}
		known[key] = value
	}
	return known, nil
}

func (r *request) check() error {
	if r.Concurrency == 0 {
		r.Concurrency = defaultConcurrency
	}
	if r.Output == "" {
		r.Output = "text"
	}
	if r.Proof == "" {
		r.Proof = "auto"
	}
	if r.Copy == "" {
		r.Copy = "auto"
	}
	switch {
	case !slices.Contains([]string{"text", "json", "kestra"}, r.Output):
		return usagef("--output is text, json or kestra, not %q", r.Output)
	case !slices.Contains([]string{"auto", "hard", "timed"}, r.Proof):
		return usagef("--proof is auto, hard or timed, not %q", r.Proof)
	case !slices.Contains([]string{"auto", "rest", "raw"}, r.Copy):
		return usagef("--copy is auto, rest or raw, not %q", r.Copy)
	case r.Concurrency < 1 || r.Concurrency > 64:
		return usagef("--concurrency is from 1 to 64, not %d", r.Concurrency)
	case slices.Contains(r.Connectors, ""):
		return usagef("--connector has an empty name")
	}
	slices.Sort(r.Connectors)
	r.Connectors = slices.Compact(r.Connectors)
	for name := range r.Rename {
		if !slices.Contains(r.Connectors, name) {
			return usagef("--rename names %q, which is not among the connectors to move", name)
		}
	}
	return nil
}

// clusters reads the clusters file, or the document within the request.
func (r *request) clusters() (clusterfile.Clusters, error) {
	if r.Clusters.IsZero() {
		return clusterfile.Clusters{}, usagef("name the clusters file with --clusters or %s", clustersVariable)
	}
	if path, isPath := r.Clusters.Text(); isPath {
		return clusterfile.Load(path)
	}
	return clusterfile.Parse("clusters of the request", r.Clusters.Bytes())
}

var isoDuration = regexp.MustCompile(`^PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?$`)

// duration reads 90s, 2m, or ISO 8601 such as PT2M, which is what Kestra writes.
func duration(text string, otherwise time.Duration) (time.Duration, error) {
	if text == "" {
		return otherwise, nil
	}
	goText := text
	if parts := isoDuration.FindStringSubmatch(text); parts != nil {
		goText = ""
		for i, unit := range []string{"h", "m", "s"} {
			if parts[i+1] != "" {
				goText += parts[i+1] + unit
			}
		}
	}
	parsed, err := time.ParseDuration(goText)
	if err != nil || parsed <= 0 {
		return 0, usagef("--timeout is a time such as 90s, 2m or PT2M, not %q", text)
	}
	return parsed, nil
}

func required(flags ...[2]string) error {
	for _, flag := range flags {
		if flag[1] == "" {
			return usagef("--%s is needed, see --help", flag[0])
		}
	}
	return nil
}

var errNoConnector = fmt.Errorf("%w", &usageError{"name at least one connector with --connector"})
