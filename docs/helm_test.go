package docs_test

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

type mount struct {
	Name      string
	MountPath string `yaml:"mountPath"`
	SubPath   string `yaml:"subPath"`
}

type environment []struct {
	Name      string
	Value     string
	ValueFrom any `yaml:"valueFrom"`
}

type container struct {
	Command      []string
	Args         []string
	Env          environment
	VolumeMounts []mount `yaml:"volumeMounts"`
}

func (e environment) value(name string) string {
	for _, one := range e {
		if one.Name == name {
			return one.Value
		}
	}
	return ""
}

// TestHelm holds examples/helm together: the jar that is fetched is the one that is mounted
// and of this version, what is mounted exists, and the README creates what the values name.
func TestHelm(t *testing.T) {
	var values struct {
		Common struct {
			InitContainers    []container             `yaml:"initContainers"`
			ExtraVolumes      []struct{ Name string } `yaml:"extraVolumes"`
			ExtraVolumeMounts []mount                 `yaml:"extraVolumeMounts"`
			ExtraEnvFrom      []struct {
				SecretRef struct{ Name string } `yaml:"secretRef"`
			} `yaml:"extraEnvFrom"`
		}
		ExtraManifests []struct {
			Kind string
			Spec struct {
				Template struct {
					Spec struct {
						Containers []container
						Volumes    []struct {
							Name   string
							Secret struct {
								SecretName string `yaml:"secretName"`
							}
							ConfigMap struct{ Name string } `yaml:"configMap"`
						}
					}
				}
			}
		} `yaml:"extraManifests"`
	}
	text := read(t, "examples/helm/values.yaml")
	if err := yaml.Unmarshal(text, &values); err != nil {
		t.Fatal(err)
	}
	version := makeVersion(t)
	for _, match := range regexp.MustCompile(`(?:ferry[-_]|connect-ferry/)([0-9]+\.[0-9]+\.[0-9]+)`).FindAllStringSubmatch(string(text), -1) {
		if match[1] != version {
			t.Errorf("values.yaml names %s, the version is %s", match[0], version)
		}
	}

	if len(values.Common.InitContainers) != 1 || len(values.Common.ExtraVolumes) != 1 || len(values.Common.ExtraVolumeMounts) != 1 {
		t.Fatalf("expected one init container that fills one volume, which is mounted once: %+v", values.Common)
	}
	from, volume, to := values.Common.InitContainers[0], values.Common.ExtraVolumes[0].Name, values.Common.ExtraVolumeMounts[0]
	jar := "plugin-connect-ferry-" + version + ".jar"
	if from.Env.value("JAR") != jar || to.SubPath != jar || to.MountPath != "/app/plugins/"+jar {
		t.Errorf("fetched is %q, mounted %+v, expected %s", from.Env.value("JAR"), to, jar)
	}
	if from.VolumeMounts[0].Name != volume || to.Name != volume || !strings.Contains(from.Args[0], from.VolumeMounts[0].MountPath+"/$JAR") {
		t.Errorf("the volume %s is filled as %+v and mounted as %+v", volume, from.VolumeMounts, to)
	}
	if hash := from.Env.value("SHA256"); hash != "REPLACE-ME" {
		t.Errorf("SHA256 is %q: no release is published, so nobody can know it", hash)
	}

	named := map[string]bool{"secret " + values.Common.ExtraEnvFrom[0].SecretRef.Name: true}
	if len(values.ExtraManifests) != 1 || values.ExtraManifests[0].Kind != "Job" {
		t.Fatalf("expected one Job: %+v", values.ExtraManifests)
	}
	pod := values.ExtraManifests[0].Spec.Template.Spec
	var paths []string
	for _, v := range pod.Volumes {
		switch {
		case v.Secret.SecretName != "":
			named["secret "+v.Secret.SecretName] = true
		case v.ConfigMap.Name != "":
			named["configmap "+v.ConfigMap.Name] = true
		}
		for _, m := range pod.Containers[0].VolumeMounts {
			if m.Name == v.Name {
				paths = append(paths, m.MountPath)
			}
		}
	}
	if got := strings.Join(paths, " "); got != "/clusters /setup" {
		t.Errorf("the Job has %s, its script wants /clusters and /setup", got)
	}
	readme := string(read(t, "examples/helm/README.md"))
	for what := range named {
		kind, name, _ := strings.Cut(what, " ")
		if !regexp.MustCompile(`kubectl create ` + kind + `( generic)? ` + name + ` `).MatchString(readme) {
			t.Errorf("README.md does not create the %s", what)
		}
	}

	script := string(read(t, "examples/helm/setup.sh"))
	for _, variable := range regexp.MustCompile(`\$([A-Z][A-Z_]+)`).FindAllStringSubmatch(script, -1) {
		found := false
		for _, one := range pod.Containers[0].Env {
			found = found || one.Name == variable[1] && (one.Value != "" || one.ValueFrom != nil)
		}
		if !found {
			t.Errorf("setup.sh reads %s, which the Job does not set", variable[1])
		}
	}
}

// TestScripts wants the shell scripts of the examples to be such.
func TestScripts(t *testing.T) {
	scripts, err := filepath.Glob(filepath.Join(root, "examples", "*", "*.sh"))
	if err != nil || len(scripts) == 0 {
		t.Fatalf("%v, %v", scripts, err)
	}
	for _, script := range scripts {
		if output, err := exec.CommandContext(t.Context(), "sh", "-n", script).CombinedOutput(); err != nil {
			t.Errorf("%s: %s", script, output)
		}
	}
}
