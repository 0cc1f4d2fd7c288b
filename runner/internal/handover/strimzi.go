package handover

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
)

// What Strimzi keeps outside of spec.config, and drops from it in any case of letters
// (AbstractConnectorSpec.FORBIDDEN_PARAMETERS, AbstractConfiguration.filterForbidden).
const (
	keyName    = "name"
	keyClass   = "connector.class"
	keyTasks   = "tasks.max"
	keyVersion = "connector.plugin.version"
)

var apart = []string{keyName, keyClass, keyTasks, keyVersion}

// subdomain is a name that Kubernetes takes for a resource (RFC 1123).
var subdomain = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)

const longestSubdomain = 253

// unfitStrimzi says why no KafkaConnector can be this connector. The operator takes the
// resource's name for the connector's, and deletes a connector without a resource.
func (c Connector) unfitStrimzi() string {
	if !subdomain.MatchString(c.Name) || len(c.Name) > longestSubdomain {
		return fmt.Sprintf("%q is no name of a Kubernetes resource (RFC 1123: lower-case letters, digits, - and .), and the operator takes the resource's name for the connector's; "+
			"take it back with `ferry rollback` and move it under another name with --rename, such as %s", c.Name, validName(c.Name))
	}
	if unfit := c.unfitNull(); unfit != "" {
		return unfit
	}
	for _, key := range []string{keyClass, keyTasks, keyVersion} {
		if setting, has := c.setting(key); setting.Variable != "" || key == keyClass && !has {
			return fmt.Sprintf("it needs the setting %s, and in clear", key)
		}
	}
	if tasks, has := c.setting(keyTasks); has {
		if number, err := strconv.Atoi(tasks.Value); err != nil || number < 1 || strconv.Itoa(number) != tasks.Value {
			return fmt.Sprintf("spec.tasksMax is a whole number from 1, and %s is %q; write it as one", keyTasks, tasks.Value)
		}
	}
	for _, setting := range c.Settings {
		if lower := strings.ToLower(setting.Key); lower != setting.Key && slices.Contains(apart, lower) {
			return fmt.Sprintf("the operator leaves out the setting %q, which it takes for %s; remove it", setting.Key, lower)
		}
	}
	return ""
}

var notInSubdomain = regexp.MustCompile(`[^a-z0-9.-]+`)

// validName is a name near to one that Kubernetes does not take.
func validName(name string) string {
	var labels []string
	for label := range strings.SplitSeq(notInSubdomain.ReplaceAllString(strings.ToLower(name), "-"), ".") {
		if label = strings.Trim(label, "-"); label != "" {
			labels = append(labels, label)
		}
	}
	valid := strings.Join(labels, ".")
	if len(valid) > longestSubdomain {
		valid = strings.TrimRight(valid[:longestSubdomain], ".-")
	}
	if valid == "" {
		return "connector"
	}
	return valid
}

// The files for Strimzi.
const (
	fileStrimzi        = "strimzi.yaml"
	fileStrimziStopped = "strimzi-stopped.yaml"
)

// strimzi returns the KafkaConnector of the connector as it is, and one that is created stopped,
// for offsets to be written to.
func (c Connector) strimzi() ([]File, error) {
	asIs, err := c.kafkaConnector(strimziState(c.State), false).document(
		"Strimzi takes over the connector " + c.Name + " as it is. See README.md: secrets are left out.")
	if err != nil {
		return nil, err
	}
	stopped, err := c.kafkaConnector("stopped", true).document(
		"Only for a Connect that Strimzi manages already and that does not have the connector yet: it is created",
		"stopped, and gets its offsets before it runs. See README.md.")
	return []File{{fileStrimzi, asIs}, {fileStrimziStopped, stopped}}, err
}

// strimziState is the state to ask for: of a connector that failed or is on its way, running.
func strimziState(state connect.State) string {
	if state == connect.Paused || state == connect.Stopped {
		return strings.ToLower(string(state))
	}
	return "running"
}

func (c Connector) kafkaConnector(state string, offsets bool) mapping {
	metadata := newMapping().text("name", c.Name)
	if c.Namespace != "" {
		metadata.text("namespace", c.Namespace)
	}
	metadata.mapping("labels", newMapping().text("strimzi.io/cluster", c.ConnectCluster))
	class, _ := c.setting(keyClass)
	spec := newMapping().text("class", class.Value)
	if tasks, has := c.setting(keyTasks); has {
		spec.plain("tasksMax", tasks.Value)
	}
	if version, has := c.setting(keyVersion); has {
		spec.text("version", version.Value)
	}
	spec.plain("state", state)
	if offsets {
		spec.mapping("alterOffsets", newMapping().mapping("fromConfigMap", newMapping().text("name", c.offsetsMap())))
		spec.mapping("listOffsets", newMapping().mapping("toConfigMap", newMapping().text("name", c.offsetsMap()+"-read")))
	}
	var rest []Setting
	for _, setting := range c.Settings {
		if !slices.Contains(apart, setting.Key) {
			rest = append(rest, setting)
		}
	}
	spec.mapping("config", newMapping().settings(rest))
	return newMapping().plain("apiVersion", "kafka.strimzi.io/v1").plain("kind", "KafkaConnector").
		mapping("metadata", metadata).mapping("spec", spec)
}

// offsetsMap is the name of the ConfigMap with the connector's offsets.
func (c Connector) offsetsMap() string {
	const ends = "-offsets-read"
	name := c.Name
	if len(name)+len(ends) > longestSubdomain {
		name = strings.TrimRight(name[:longestSubdomain-len(ends)], ".-")
	}
	return name + "-offsets"
}
