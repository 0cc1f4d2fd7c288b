package cli

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
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
	WasState        string            `json:"was_state"`
	Config          string            `json:"config"`
	Offsets         string            `json:"offsets"`
	Out             string            `json:"out"`
	Certificate     string            `json:"certificate"`
	Format          []string          `json:"format"`
	ConnectCluster  string            `json:"connect_cluster"`
	Namespace       string            `json:"namespace"`
	Set             map[string]string `json:"set"`
	Unset           []string          `json:"unset"`
	Rename          map[string]string `json:"rename"`
	Into            string            `json:"into"`
	Parts           map[string]string `json:"part"`
	List            string            `json:"list"`
	Field           string            `json:"field"`
	DryRun          bool              `json:"dry_run"`
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
	Rules           string            `json:"rules"`
	Report          string            `json:"report"`
	ApprovedBy      string            `json:"approved_by"`
	AcceptedBy      string            `json:"accepted_by"`
	Of              string            `json:"of"`
	Markdown        string            `json:"markdown"`
	Plan            string            `json:"plan"`
	Wave            int               `json:"wave"`
	Only            []string          `json:"only"`
	Rehearse        bool              `json:"rehearse"`
	Until           string            `json:"until"`
	Policy          string            `json:"policy"`
	Every           string            `json:"every"`
	For             string            `json:"for"`
	MaxFailures     int               `json:"max_failures"`
	Message         string            `json:"message"`
	Level           string            `json:"level"`
	Owner           string            `json:"owner"`
	Link            string            `json:"link"`
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

// readRequest reads the request file, if there is one, and lays the flags over it. What
// it returns with an error is what could be read: how the command answers.
func readRequest(c *ucli.Context) (request, error) {
	asked := request{Output: c.String("output"), Result: c.String("result")}
	var document rawjson.Object
	file := c.String("request")
	if file != "" {
		var err error
		if document, err = readRequestFile(file); err != nil {
			return asked, err
		}
		if !c.IsSet("output") {
			asked.Output = cmp.Or(document.Text("output"), asked.Output)
		}
		if !c.IsSet("result") {
			asked.Result = document.Text("result")
		}
	}
	document, err := overlay(c, document)
	if err == nil {
		document, err = withDefaults(document)
	}
	if err == nil {
		err = asked.decode(file, document)
	}
	if err != nil {
		return asked, err
	}
	return asked, asked.check()
}

// decode takes a document that the schema has passed. A flag is typed already, so what
// does not fit a field is from the file: 8.0 is a whole number to the schema, not to Go.
func (r *request) decode(file string, document rawjson.Object) error {
	if err := json.Unmarshal(document.Value().Bytes(), r); err != nil {
		return &clusterfile.InputError{File: file, Err: err}
	}
	return nil
}

func readRequestFile(file string) (rawjson.Object, error) {
	content, err := clusterfile.Read(file)
	if err != nil {
		return rawjson.Object{}, err
	}
	return parseRequest(file, content)
}

// parseRequest checks a request file by its schema.
func parseRequest(file string, content []byte) (rawjson.Object, error) {
	document, err := rawjson.ParseObject(content)
	if err == nil {
		err = schemas.Check(schemas.Request, content)
	}
	if err != nil {
		return rawjson.Object{}, &clusterfile.InputError{File: file, Err: err}
	}
	return document, nil
}

func reason(err error) string {
	if wrapped, ok := errors.AsType[*os.PathError](err); ok {
		return wrapped.Err.Error()
	}
	return err.Error()
}

// check looks at what no single property tells.
func (r *request) check() error {
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
	path, isPath := r.Clusters.Text()
	if r.Clusters.IsZero() || isPath && path == "" { // as --clusters "$UNSET" gives it
		return clusterfile.Clusters{}, usagef("name the clusters file with --clusters or %s", clustersVariable)
	}
	if isPath {
		return clusterfile.Load(path)
	}
	return clusterfile.Parse("clusters of the request", r.Clusters.Bytes())
}

var isoDuration = regexp.MustCompile(`^PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?$`)

// duration reads the time that a flag gives: 90s, 2m, or ISO 8601 such as PT2M, which is what Kestra writes.
func duration(flag, text string, otherwise time.Duration) (time.Duration, error) {
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
		return 0, usagef("--%s is a time such as 90s, 2m or PT2M, not %q", flag, text)
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
