package handover

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// Setting is a setting of a connector.
type Setting struct {
	Key   string
	Value string // "" of a secret
	Null  bool
	// Variable stands in for the value of a secret, such as ORDERS_DB_PASSWORD; else "".
	Variable string
	// Hidden says that the cluster shows a mask instead of the value.
	Hidden bool
	secret string
}

// settingsOf returns the settings of a config, with a variable for each secret: what its name
// or its value gives away, what the worker defines as a password, and what the cluster hides.
func settingsOf(connector string, settings rawjson.Object, defined map[string]connect.Definition) []Setting {
	var all []Setting
	hidden, taken := config.Masked(settings), map[string]bool{}
	for _, key := range settings.Keys() {
		value, _ := settings.Get(key)
		text, isText := value.Text()
		if !isText {
			text = value.String()
		}
		setting := Setting{Key: key, Value: text, Null: value.IsNull(), Hidden: slices.Contains(hidden, key)}
		if setting.Hidden || !setting.Null && config.IsSecret(key, text, defined[key]) {
			setting.Variable, setting.secret, setting.Value = variable(connector+"_"+key, taken), text, ""
		}
		all = append(all, setting)
	}
	return all
}

var notInVariable = regexp.MustCompile(`[^A-Z0-9]+`)

// variable makes a name that shells and Terraform take out of any text, each once.
func variable(text string, taken map[string]bool) string {
	name := strings.Trim(notInVariable.ReplaceAllString(strings.ToUpper(text), "_"), "_")
	if name == "" || name[0] >= '0' && name[0] <= '9' {
		name = strings.TrimSuffix("CONNECTOR_"+name, "_")
	}
	free := name
	for n := 2; taken[free]; n++ {
		free = fmt.Sprintf("%s_%d", name, n)
	}
	taken[free] = true
	return free
}

// placeholder is what stands in YAML and JSON for the value of a secret.
func (s Setting) placeholder() string { return "${" + s.Variable + "}" }

// text is the value, or the placeholder of a secret.
func (s Setting) text() string {
	if s.Variable != "" {
		return s.placeholder()
	}
	return s.Value
}

// fillIn says what to fill in for a secret.
func (s Setting) fillIn() string {
	if s.Hidden {
		return "secret, and hidden by the cluster: fill in the value of " + s.Key
	}
	return "secret: fill in the value of " + s.Key + " that the connector has"
}

// setting returns a setting by its key.
func (c Connector) setting(key string) (Setting, bool) {
	at := slices.IndexFunc(c.Settings, func(s Setting) bool { return s.Key == key })
	if at < 0 {
		return Setting{}, false
	}
	return c.Settings[at], true
}
