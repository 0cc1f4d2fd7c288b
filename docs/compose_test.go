package docs_test

import (
	"encoding/json"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// composeParser is the parser that Compose itself uses, as a command.
const composeParser = "github.com/compose-spec/compose-go/v2/cmd@v2.16.2"

// composition is what the tests need of a Compose file, as that parser understands it.
type composition struct {
	Services map[string]service
	Volumes  map[string]any
}

type service struct {
	Image       string
	Command     any
	Environment map[string]any
	DependsOn   map[string]any `json:"depends_on"`
	Ports       []struct {
		HostIP    string `json:"host_ip"`
		Published string
	}
	Volumes []struct{ Type, Source, Target string }
}

// at returns what is mounted at a path of the service, "" for nothing.
func (s service) at(target string) string {
	for _, volume := range s.Volumes {
		if volume.Target == target {
			return volume.Source
		}
	}
	return ""
}

func compose(t *testing.T) composition {
	t.Helper()
	if testing.Short() {
		t.Skip("short: this gets Compose's parser")
	}
	// Without interpolation, since this command does not see the environment.
	command := exec.CommandContext(t.Context(), "go", "run", composeParser, "--format", "json", "--no-interpolation", "compose.yaml")
	command.Dir = filepath.Join(root, "examples", "compose")
	output, err := command.Output()
	if err != nil {
		t.Fatalf("compose.yaml: %v: %s", err, stderr(err))
	}
	var parsed composition
	if err := json.Unmarshal(output, &parsed); err != nil {
		t.Fatal(err)
	}
	return parsed
}

func stderr(err error) []byte {
	if exit, ok := err.(*exec.ExitError); ok { //nolint:errorlint // Command.Output does not wrap it
		return exit.Stderr
	}
	return nil
}

// TestCompose holds examples/compose together: what is mounted exists, what is named is
// there, and what the clusters file says of the clusters is what their workers are told.
func TestCompose(t *testing.T) {
	composed := compose(t)
	published := map[string]string{}
	for name, s := range composed.Services {
		for _, volume := range s.Volumes {
			_, declared := composed.Volumes[volume.Source]
			switch jar, isJar := strings.CutPrefix(filepath.Base(volume.Source), "plugin-connect-ferry-"); {
			case volume.Type == "volume" && declared:
			case isJar: // made by `make plugin`
				if version := makeVersion(t); jar != version+".jar" || filepath.Base(volume.Target) != filepath.Base(volume.Source) {
					t.Errorf("%s mounts %s at %s, the plugin has version %s", name, volume.Source, volume.Target, version)
				}
			default:
				if _, err := os.Stat(volume.Source); err != nil {
					t.Errorf("%s mounts what is not there: %v", name, err)
				}
			}
		}
		for _, port := range s.Ports {
			if other, taken := published[port.Published]; taken || port.HostIP != "127.0.0.1" {
				t.Errorf("%s publishes %s:%s, expected 127.0.0.1 and a port of its own; %s has it", name, port.HostIP, port.Published, other)
			}
			published[port.Published] = name
		}
		for other := range s.DependsOn {
			if _, exists := composed.Services[other]; !exists {
				t.Errorf("%s depends on %s, which is no service", name, other)
			}
		}
		for variable, value := range s.Environment {
			if text, isText := value.(string); isText && strings.Contains(strings.ToLower(variable+text), "password") && !strings.Contains(text, "${KESTRA_PASSWORD:?") {
				t.Errorf("%s: the password in %s does not come from the environment", name, variable)
			}
		}
	}
	for name, other := range hosts(t) {
		if _, exists := composed.Services[name]; !exists {
			t.Errorf("%s names the host %s, which is no service", other, name)
		}
	}
	sameVersions(t, composed)
	if exec.CommandContext(t.Context(), "docker", "compose", "version").Run() == nil {
		command := exec.CommandContext(t.Context(), "docker", "compose", "-f", filepath.Join(root, "examples/compose/compose.yaml"), "config", "--quiet")
		command.Env = append(os.Environ(), "KESTRA_PASSWORD=Not-used-1")
		if output, err := command.CombinedOutput(); err != nil {
			t.Errorf("docker compose config: %v: %s", err, output)
		}
	}
}

var hostOf = regexp.MustCompile(`[a-z]+://([a-z][a-z-]+):[0-9]+`)

// hosts are those that the scripts name.
func hosts(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, file := range []string{"setup.sh", "compose.yaml", "clusters.json"} {
		for _, match := range hostOf.FindAllStringSubmatch(string(read(t, "examples/compose/"+file)), -1) {
			if match[1] != "localhost" {
				found[match[1]] = file
			}
		}
	}
	return found
}

func makeVersion(t *testing.T) string {
	t.Helper()
	return regexp.MustCompile(`(?m)^VERSION\s*\?=\s*(\S+)`).FindStringSubmatch(string(read(t, "Makefile")))[1]
}

// sameVersions wants the images to be of versions that are tested.
func sameVersions(t *testing.T, composed composition) {
	t.Helper()
	tested := string(read(t, "docs/runner.md"))
	for _, kind := range []struct{ service, image, row string }{
		{"kafka", `^apache/kafka:(.+)$`, "| Kafka and Connect | "},
		{"connect-global", `^apache/kafka:(.+)$`, "| Kafka and Connect | "},
		{"connect-europe", `^apache/kafka:(.+)$`, "| Kafka and Connect | "},
		{"kestra", `^kestra/kestra:\$\{KESTRA_VERSION:-v(.+)\}$`, "| Kestra | "},
	} {
		image := regexp.MustCompile(kind.image).FindStringSubmatch(composed.Services[kind.service].Image)
		_, row, _ := strings.Cut(tested, kind.row)
		row, _, _ = strings.Cut(row, "\n")
		if image == nil || !slices.Contains(strings.Split(strings.TrimSuffix(row, " |"), ", "), image[1]) {
			t.Errorf("%s has the image %s, tested is %s", kind.service, composed.Services[kind.service].Image, row)
		}
	}
}

// TestComposeClusters compares the clusters file of examples/compose with its services.
func TestComposeClusters(t *testing.T) {
	composed := compose(t)
	file := filepath.Join(root, "examples/compose/clusters.json")
	if code, printed := run(t, nil, "check", "--clusters", file, "--origin", "nowhere", "--target", "europe", "--connector", "x"); code != 2 || !strings.Contains(printed, `cluster "nowhere" is not in`) {
		t.Fatalf("ferry does not read %s: %s", file, printed)
	}
	var document struct {
		Clusters map[string]struct {
			ConnectURL string `json:"connect_url"`
			Kafka      struct {
				Servers []string `json:"bootstrap_servers"`
				Config  string   `json:"config_storage_topic"`
				Offset  string   `json:"offset_storage_topic"`
				Status  string   `json:"status_storage_topic"`
			}
		}
		NATS struct{ URL string }
	}
	if err := json.Unmarshal(read(t, "examples/compose/clusters.json"), &document); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	unique := func(of, value string) {
		if value == "" || seen[value] {
			t.Errorf("%s: %q is missing, or of another cluster too", of, value)
		}
		seen[value] = true
	}
	for name, cluster := range document.Clusters {
		host, port := hostPort(t, cluster.ConnectURL)
		worker := composed.Services[host]
		told := properties(t, worker.at("/etc/connect/worker.properties"))
		unique(name, told["group.id"])
		for key, want := range map[string]string{
			"config.storage.topic": cluster.Kafka.Config, "offset.storage.topic": cluster.Kafka.Offset, "status.storage.topic": cluster.Kafka.Status,
		} {
			unique(name, want)
			if told[key] != want {
				t.Errorf("%s: the worker has %s=%s, the clusters file %s", name, key, told[key], want)
			}
		}
		for key, want := range map[string]string{
			"listeners": "http://:" + port, "rest.advertised.host.name": host, "bootstrap.servers": strings.Join(cluster.Kafka.Servers, ","),
		} {
			if told[key] != want {
				t.Errorf("%s: the worker has %s=%s, expected %s", name, key, told[key], want)
			}
		}
		if listens := composed.Services["kafka"].Environment["KAFKA_ADVERTISED_LISTENERS"]; listens != "PLAINTEXT://"+told["bootstrap.servers"] {
			t.Errorf("%s: Kafka is at %v, the worker looks at %s", name, listens, told["bootstrap.servers"])
		}
		// The image has the jar of its own version.
		_, kafka, _ := strings.Cut(worker.Image, ":")
		if want := "/opt/kafka/libs/connect-file-" + kafka + ".jar"; told["plugin.path"] != want {
			t.Errorf("%s: plugin.path=%s, expected %s", name, told["plugin.path"], want)
		}
		if worker.at("/data") == "" || worker.at("/data") != composed.Services["traffic"].at("/data") {
			t.Errorf("%s: the worker does not see the files that traffic writes", name)
		}
	}
	if len(document.Clusters) < 2 {
		t.Errorf("%d clusters, expected two to move between", len(document.Clusters))
	}
	host, port := hostPort(t, document.NATS.URL)
	command, _ := json.Marshal(composed.Services[host].Command)
	if !strings.Contains(string(command), `"--jetstream"`) || !strings.Contains(string(command), `"--port","`+port+`"`) {
		t.Errorf("%s is started with %s, expected JetStream on port %s", host, command, port)
	}
}

func hostPort(t *testing.T, address string) (host, port string) {
	t.Helper()
	parsed, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	if host, port, err = net.SplitHostPort(parsed.Host); err != nil {
		t.Fatal(err)
	}
	return host, port
}

// properties reads a Java properties file, of which only plain lines are used here.
func properties(t *testing.T, path string) map[string]string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for line := range strings.Lines(string(content)) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(key, "#") {
			found[key] = value
		}
	}
	return found
}

// TestComposeCount runs the script that counts on deliveries that are right, short and double.
func TestComposeCount(t *testing.T) {
	for _, delivered := range []struct {
		name, orders, want string
		code               int
	}{
		{"right", "order 1\norder 2\norder 3\n", "5 orders sent, 2 on their way, 0 lost, 0 delivered twice\n", 0},
		{"nothing yet", "", "5 orders sent, 5 on their way, 0 lost, 0 delivered twice\n", 0},
		{"one lost", "order 1\norder 3\n", "5 orders sent, 2 on their way, 1 lost, 0 delivered twice\n", 1},
		{"one twice", "order 1\norder 2\norder 2\n", "5 orders sent, 3 on their way, 0 lost, 1 delivered twice\n", 1},
	} {
		t.Run(delivered.name, func(t *testing.T) {
			folder := t.TempDir()
			for name, content := range map[string]string{"orders.txt": "order 1\norder 2\norder 3\norder 4\norder 5\n", "delivered.txt": delivered.orders} {
				if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			command := exec.CommandContext(t.Context(), "sh", filepath.Join(root, "examples/compose/count.sh"), folder)
			printed, _ := command.CombinedOutput()
			if code := command.ProcessState.ExitCode(); string(printed) != delivered.want || code != delivered.code {
				t.Errorf("exit code %d, %q, expected %d, %q", code, printed, delivered.code, delivered.want)
			}
		})
	}
}
