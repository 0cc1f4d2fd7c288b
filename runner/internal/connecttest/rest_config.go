package connecttest

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

func (c *Cluster) createConnector(w *worker, r *http.Request) (answer, error) {
	request, err := body(r)
	if err != nil {
		return answer{}, err
	}
	properties := []string{"config", "name"}
	if c.version.since(3, 7) {
		properties = append(properties, "initial_state")
	}
	for _, key := range request.Keys() {
		if !slices.Contains(properties, key) {
			return answer{}, errInternal(fmt.Sprintf("Unrecognized field %q (class %sCreateConnectorRequest), not marked as ignorable (%d known properties: %q)",
				key, entities, len(properties), properties))
		}
	}
	target := connect.State(strings.ToUpper(request.Text("initial_state")))
	if !slices.Contains([]connect.State{"", connect.Running, connect.Paused, connect.Stopped}, target) {
		return answer{}, errInternal(fmt.Sprintf("Cannot construct instance of `%sCreateConnectorRequest$InitialState`, problem: No enum constant %sCreateConnectorRequest.InitialState.%s",
			entities, entities, target))
	}
	member, _ := request.Get("config")
	config, err := stringMap(member)
	if err != nil {
		return answer{}, err
	}
	connector := strings.TrimSpace(request.Text("name"))
	return c.put(w, connector, config, target, false)
}

func (c *Cluster) putConfig(w *worker, r *http.Request) (answer, error) {
	config, err := configBody(r)
	if err != nil {
		return answer{}, err
	}
	return c.put(w, name(r), config, "", true)
}

// patchConfig creates nothing, unlike a PUT (DistributedHerder.patchConnectorConfig).
func (c *Cluster) patchConfig(w *worker, r *http.Request) (answer, error) {
	patch, err := configBody(r)
	if err != nil {
		return answer{}, err
	}
	var config rawjson.Object
	if _, err := c.writing(w, func() (answer, error) {
		known, exists := c.state.configs[name(r)]
		if !exists {
			return answer{}, errNotFound("Connector " + name(r) + " not found")
		}
		config = known.config
		return answer{}, nil
	}); err != nil {
		return answer{}, err
	}
	return c.put(w, name(r), config.Patched(patch), "", true)
}

// configBody reads a request whose body is a config.
func configBody(r *http.Request) (rawjson.Object, error) {
	request, err := body(r)
	if err != nil {
		return rawjson.Object{}, err
	}
	return stringMap(request.Value())
}

// stringMap is Jackson's Map<String,String>: numbers and booleans become texts.
func stringMap(value rawjson.Value) (rawjson.Object, error) {
	config, err := value.Object()
	if err != nil {
		return rawjson.Object{}, errInternal(`Cannot invoke "java.util.Map.get(Object)" because "connectorConfig" is null`)
	}
	for _, key := range config.Keys() {
		member, _ := config.Get(key)
		if _, isText := member.Text(); isText || member.IsNull() {
			continue
		}
		if first := member.String()[0]; first == '{' || first == '[' {
			return rawjson.Object{}, errInternal("Cannot deserialize value of type `java.lang.String` from Object value")
		}
		config = config.With(key, rawjson.String(member.String()))
	}
	return config, nil
}

func (c *Cluster) put(w *worker, connector string, config rawjson.Object, target connect.State, replace bool) (answer, error) {
	if _, named := config.Get("name"); !named {
		config = config.With("name", rawjson.String(connector))
	} else if config.Text("name") != connector {
		return answer{}, errBadRequest("Connector name configuration (" + config.Text("name") + ") doesn't match connector name in the URL (" + connector + ")")
	}
	problems, err := c.problems(config)
	if err != nil {
		return answer{}, err
	}
	if len(problems) > 0 {
		return answer{}, invalidConfig(problems)
	}
	return c.writing(w, func() (answer, error) {
		_, exists := c.state.configs[connector]
		if exists && !replace {
			return answer{}, errConflict("Connector " + connector + " already exists")
		}
		c.putConnector(connector, config, target)
		if exists {
			return ok(c.info(c.state, connector))
		}
		if variable := templateVariable.FindStringSubmatch(connector); variable != nil && !replace {
			// The connector is created, and then no URL can be made for the header
			// Location (ConnectorsResource.createConnector).
			return answer{}, errInternal("The template variable '" + variable[1] + "' has no value")
		}
		return answer{http.StatusCreated, c.info(c.state, connector)}, nil
	})
}

// problems validates a config as the herder does.
func (c *Cluster) problems(config rawjson.Object) ([]connect.ConfigProblem, error) {
	class := config.Text("connector.class")
	if class == "" {
		return nil, errBadRequest("Connector config " + config.String() + " contains no connector type")
	}
	plugin, found := c.plugin(class)
	if !found {
		return nil, c.noPlugin(class)
	}
	problems := plugin.validate(config)
	if plugin.Type == "source" && config.Text("exactly.once.support") == "required" && c.version.since(3, 3) && !c.exactlyOnce {
		problems = append(problems, connect.ConfigProblem{
			Name: "exactly.once.support", Errors: []string{"This worker does not have exactly-once source support enabled."},
		})
	}
	if wrong := invalidName(config.Text("name")); wrong != "" {
		problems = append(problems, connect.ConfigProblem{Name: "name", Errors: []string{wrong}})
	}
	return problems, nil
}

// noPlugin is a 400 since Kafka 4.0.
func (c *Cluster) noPlugin(class string) error {
	message := "Failed to find any class that implements Connector and which name matches " + class +
		", available connectors are: " + c.pluginDescriptions()
	if c.version.since(4, 0) {
		return errBadRequest(message)
	}
	return errInternal(message)
}

// invalidName is ConfigDef.NonEmptyStringWithoutControlChars.
func invalidName(name string) string {
	var control []string
	for _, letter := range name {
		if letter < ' ' || letter == 0x7f {
			control = append(control, strconv.Itoa(int(letter)))
		}
	}
	switch {
	case name == "":
		return "Invalid value  for configuration name: String may not be empty"
	case len(control) > 0:
		return "Invalid value " + name + " for configuration name: String may not contain control sequences but had the following ASCII chars: " +
			strings.Join(control, ", ")
	default:
		return ""
	}
}

func (c *Cluster) pluginDescriptions() string {
	var described []string
	for _, plugin := range c.plugins {
		described = append(described, fmt.Sprintf("PluginDesc{klass=class %s, name='%s', version='%s'}", plugin.Class, plugin.Class, plugin.Version))
	}
	return strings.Join(described, ", ")
}

func invalidConfig(problems []connect.ConfigProblem) error {
	var message strings.Builder
	count := 0
	for _, problem := range problems {
		for _, text := range problem.Errors {
			count++
			message.WriteString("\n" + text)
		}
	}
	return errBadRequest("Connector configuration is invalid and contains the following " + strconv.Itoa(count) + " error(s):" + message.String() +
		"\nYou can also find the above list of errors at the endpoint `/connector-plugins/{connectorType}/config/validate`")
}

func (c *Cluster) validate(_ *worker, r *http.Request) (answer, error) {
	config, err := configBody(r)
	if err != nil {
		return answer{}, err
	}
	asked, class := r.PathValue("class"), config.Text("connector.class")
	if class != "" && !strings.HasSuffix(normalClass(class), normalClass(asked)) {
		return answer{}, errBadRequest("Included connector type " + class + " does not match request type " + asked)
	}
	problems, err := c.problems(config)
	if failure, failed := errors.AsType[*restError](err); failed {
		return answer{}, c.inFuture(failure)
	}
	type value struct {
		Name   string   `json:"name"`
		Value  *string  `json:"value"`
		Errors []string `json:"errors"`
	}
	type definition struct {
		Name    string `json:"name"`
		Type    string `json:"type"`
		Default string `json:"default_value"`
	}
	type info struct {
		Definition *definition `json:"definition"`
		Value      value       `json:"value"`
	}
	result := struct {
		Name       string   `json:"name"`
		ErrorCount int      `json:"error_count"`
		Groups     []string `json:"groups"`
		Configs    []info   `json:"configs"`
	}{Name: class, Groups: []string{"Common"}, Configs: []info{}}
	refused := map[string][]string{}
	for _, problem := range problems {
		result.ErrorCount += len(problem.Errors)
		refused[problem.Name] = problem.Errors
	}
	// A setting that nobody defines is in no answer, unless something is wrong with it.
	plugin, _ := c.plugin(class)
	settings := plugin.settings()
	for _, key := range sortedKeys(settings) {
		answer := value{key, nil, []string{}}
		if text := config.Text(key); text != "" && refused[key] == nil {
			answer.Value = &text
		}
		if refused[key] != nil {
			answer.Errors = refused[key]
		}
		result.Configs = append(result.Configs, info{&definition{key, "STRING", settings[key]}, answer})
		delete(refused, key)
	}
	for _, key := range sortedKeys(refused) {
		result.Configs = append(result.Configs, info{nil, value{key, nil, refused[key]}})
	}
	return ok(result)
}

// inFuture is how validation reports what it ran into: the validating thread's
// exception in that of its Future, which no mapper knows.
func (c *Cluster) inFuture(failure *restError) error {
	const badRequest, plain = "org.apache.kafka.connect.runtime.rest.errors.BadRequestException: ", "org.apache.kafka.connect.errors.ConnectException: "
	switch missing := strings.HasPrefix(failure.message, "Failed to find any class"); {
	case !missing:
		return errInternal(badRequest + failure.message)
	case c.version.since(4, 0):
		return errInternal(badRequest + plain + failure.message)
	default:
		return errInternal(plain + failure.message)
	}
}

// normalClass is ConnectorPluginsResource.normalizedPluginName.
func normalClass(class string) string { return strings.TrimSuffix(class, "Connector") }

func (c *Cluster) getPlugins(*worker, *http.Request) (answer, error) {
	plugins := make([]connect.Plugin, len(c.plugins))
	for i, plugin := range c.plugins {
		plugins[i] = plugin.Plugin
	}
	return ok(plugins)
}
