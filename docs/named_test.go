package docs_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.yaml.in/yaml/v3"
)

// eachCode calls look with every piece of code that the pages show.
func eachCode(t *testing.T, look func(at string, l line, code string)) {
	t.Helper()
	for _, p := range pages(t) {
		for _, l := range p.lines {
			for _, code := range l.code() {
				look(fmt.Sprintf("%s:%d", p.path, l.number), l, code)
			}
		}
	}
}

var (
	targetName = regexp.MustCompile(`(?m)^([a-z][a-z-]*):`)
	madeTarget = regexp.MustCompile(`(?:^|[\s(])make ([a-z][a-z-]*)`)
	versioned  = regexp.MustCompile(`(?:ferry_|plugin-connect-ferry-|connectferry/ferry:)([0-9][0-9.]*[0-9])`)
)

// TestMake looks for the targets that are named in the Makefile, and for the version in the names of files.
func TestMake(t *testing.T) {
	makefile := string(read(t, "Makefile"))
	var targets []string
	for _, match := range targetName.FindAllStringSubmatch(makefile, -1) {
		targets = append(targets, match[1])
	}
	version := regexp.MustCompile(`(?m)^VERSION\s*\?=\s*(\S+)`).FindStringSubmatch(makefile)[1]
	eachCode(t, func(at string, _ line, code string) {
		for _, match := range madeTarget.FindAllStringSubmatch(code, -1) {
			if !slices.Contains(targets, match[1]) {
				t.Errorf("%s: the Makefile has no target %s", at, match[1])
			}
		}
		for _, match := range versioned.FindAllStringSubmatch(code, -1) {
			if match[1] != version {
				t.Errorf("%s names version %s, the Makefile has %s", at, match[1], version)
			}
		}
	})
	files, err := filepath.Glob(filepath.Join(root, "examples", "*", "*.*"))
	if err != nil {
		t.Fatal(err)
	}
	ofVersions, err := filepath.Glob(filepath.Join(root, "examples", "*", "*", "*.*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, ofVersions...) {
		if info, err := os.Stat(file); err != nil || info.IsDir() {
			continue // a folder such as 1.x
		}
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range versioned.FindAllStringSubmatch(string(content), -1) {
			if match[1] != version {
				t.Errorf("%s names version %s, the Makefile has %s", file, match[1], version)
			}
		}
	}
}

// TestMakeRuns wants the tests that the Makefile names to exist: go test -run says nothing of one that does not.
func TestMakeRuns(t *testing.T) {
	tests := goTests(t)
	named := goTest.FindAllString(string(read(t, "Makefile")), -1)
	for _, name := range named {
		if !tests[name] {
			t.Errorf("the Makefile runs %s, which does not exist", name)
		}
	}
	if len(named) == 0 {
		t.Error("the Makefile names none")
	}
}

// ferry builds the runner, once, and returns what it prints.
var ferry = sync.OnceValues(func() (string, error) {
	folder, err := os.MkdirTemp("", "ferry-docs-")
	if err != nil {
		return "", err
	}
	built = filepath.Join(folder, "ferry")
	output, err := exec.Command("go", "build", "-o", built, "github.com/connect-ferry/connect-ferry/runner").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, output)
	}
	return built, nil
})

var built string // by ferry, "" for not

func TestMain(m *testing.M) {
	code := m.Run()
	if built != "" {
		_ = os.RemoveAll(filepath.Dir(built))
	}
	os.Exit(code)
}

// run runs ferry and returns its exit code and all that it printed.
func run(t *testing.T, environment []string, arguments ...string) (code int, printed string) {
	t.Helper()
	binary, err := ferry()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), binary, arguments...)
	command.Env = append(os.Environ(), environment...)
	output, err := command.CombinedOutput()
	if command.ProcessState == nil {
		t.Fatal(err)
	}
	return command.ProcessState.ExitCode(), string(output)
}

var (
	helpCommand = regexp.MustCompile(`(?m)^ {3}([a-z][a-z-]+) {2,}`)
	helpCode    = regexp.MustCompile(`(?m)^ {3}([0-9]+) +`)
	helpFlag    = regexp.MustCompile(`(?m)^ {3}--([a-z][a-z-]*)(.*)$`)
)

// flags are the flags of each command, and whether each takes a value.
func flags(t *testing.T) map[string]map[string]bool {
	t.Helper()
	_, help := run(t, nil, "--help")
	found := map[string]map[string]bool{}
	_, commands, _ := strings.Cut(help, "COMMANDS:")
	commands, _, _ = strings.Cut(commands, "OPTIONS:")
	for _, match := range helpCommand.FindAllStringSubmatch(commands, -1) {
		found[match[1]] = map[string]bool{}
		_, options := run(t, nil, match[1], "--help")
		for _, flag := range helpFlag.FindAllStringSubmatch(options, -1) {
			found[match[1]][flag[1]] = !strings.HasPrefix(flag[2], "  ") && !strings.HasPrefix(flag[2], ",")
		}
	}
	if len(found) == 0 {
		t.Fatalf("no command in\n%s", help)
	}
	return found
}

// TestCommands holds what is said of ferry's commands against ferry: names, flags and what is left out.
func TestCommands(t *testing.T) {
	known := flags(t)
	all := map[string]bool{}
	for _, of := range known {
		for name := range of {
			all[name] = true
		}
	}
	eachCode(t, func(at string, l line, code string) {
		if strings.HasPrefix(l.fence, "text") {
			return // what was printed
		}
		code, _, _ = strings.Cut(code, " # ")
		code, _, _ = strings.Cut(code, "  #")
		words := strings.Fields(code)
		first := slices.IndexFunc(words, func(word string) bool { return word == "ferry" || word == "build/ferry" })
		if first > 0 && first+1 < len(words) && known[words[first+1]] == nil {
			return // a file of that name
		}
		if first < 0 {
			name, isFlag := strings.CutPrefix(code, "--")
			name, _, _ = strings.Cut(name, " ")
			if isFlag && !all[name] {
				t.Errorf("%s: no command of ferry has --%s", at, name)
			}
			return
		}
		words = words[first:]
		if len(words) == 1 || words[1] == "COMMAND" || strings.HasPrefix(words[1], "-") {
			return
		}
		of, exists := known[words[1]]
		if !exists {
			t.Errorf("%s: ferry has no command %s", at, words[1])
			return
		}
		for j := 2; j < len(words); j++ {
			name, isFlag := strings.CutPrefix(strings.Trim(words[j], "[]"), "--")
			takes, has := of[name]
			switch {
			case !isFlag:
				t.Errorf("%s: ferry %s takes no argument %s", at, words[1], words[j])
			case !has:
				t.Errorf("%s: ferry %s has no flag --%s", at, words[1], name)
			case takes:
				j++
			}
		}
	})
}

// TestEverythingIsDescribed wants the pages that list something to list all of it and nothing else.
func TestEverythingIsDescribed(t *testing.T) {
	var commands, codes, tasks, flowIDs []string
	for name := range flags(t) {
		commands = append(commands, name)
	}
	_, help := run(t, nil, "--help")
	_, help, _ = strings.Cut(help, "EXIT STATUS")
	for _, match := range helpCode.FindAllStringSubmatch(help, -1) {
		codes = append(codes, match[1])
	}
	sources, err := filepath.Glob(filepath.Join(root, "plugin/src/main/java/io/connectferry/*.java"))
	if err != nil {
		t.Fatal(err)
	}
	for _, source := range sources {
		content, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(content), "\n@Plugin(") {
			tasks = append(tasks, "io.connectferry."+strings.TrimSuffix(filepath.Base(source), ".java"))
		}
	}
	for id, file := range flowFiles(t) {
		if strings.HasPrefix(file, "flows/") {
			flowIDs = append(flowIDs, id)
		}
	}
	for _, list := range []struct {
		page, head string
		want       []string
	}{
		{"docs/runner.md", "| command | does |", commands},
		{"docs/runner.md", "| code | means |", codes},
		{"docs/kestra.md", "| task | does |", tasks},
		{"docs/kestra.md", "| flow | does |", flowIDs},
	} {
		listed := firstColumn(t, list.page, list.head)
		slices.Sort(listed)
		slices.Sort(list.want)
		if !slices.Equal(listed, list.want) {
			t.Errorf("%s, %s lists\n%s\nand there are\n%s", list.page, list.head, listed, list.want)
		}
	}
}

// firstColumn returns the first column of the table that begins with head.
func firstColumn(t *testing.T, path, head string) []string {
	t.Helper()
	var found []string
	inTable := false
	for _, l := range parse(path, string(read(t, path))).lines {
		switch {
		case strings.HasPrefix(l.text, head):
			inTable = true
		case inTable && !l.table():
			return found
		case inTable && !strings.HasPrefix(l.text, "|---"):
			found = append(found, strings.Trim(strings.Split(l.text, "|")[1], " `"))
		}
	}
	return found
}

// flowFiles are the flows of this repository by their ids.
func flowFiles(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, pattern := range []string{"flows/*.yaml", "flows/[12].x/*.yaml", "examples/*/*.yaml", "examples/flows/*/*.yaml"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var read flow
			if err := yaml.Unmarshal(content, &read); err != nil {
				t.Fatal(err)
			}
			relative, _ := filepath.Rel(root, file)
			found[read.ID] = filepath.ToSlash(relative)
		}
	}
	return found
}

var (
	path      = regexp.MustCompile(`(?:^|[\s"=])((?:runner|docs|flows|plugin|schemas|examples|\.ci|\.github)/[\w./*-]*[\w*]|\.golangci\.yml)`)
	goFile    = regexp.MustCompile(`(?:^|\s)([a-z]+(?:/[\w]+)+\.go)$`)
	made      = regexp.MustCompile(`^plugin/(engine/)?target/`)
	hyphened  = regexp.MustCompile(`^[a-z]+(-[a-z]+)+$`)
	goTest    = regexp.MustCompile(`\b((?:Test|Fuzz)[A-Z]\w+)`)
	task      = regexp.MustCompile(`io\.connectferry\.([A-Z]\w+)`)
	inJava    = "plugin/src/main/java/io/connectferry/"
	testNames = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)[A-Z]\w*)\(`)
)

// foreign are names with a hyphen that are no flow, command or make target.
var foreign = []string{"ferry-leases"}

// TestNamed looks for the paths, flows, tasks and tests that are named.
func TestNamed(t *testing.T) {
	flowIDs, commands, tests := flowFiles(t), flags(t), goTests(t)
	makefile := string(read(t, "Makefile"))
	eachCode(t, func(at string, l line, code string) {
		for _, match := range path.FindAllStringSubmatch(code, -1) {
			found, err := filepath.Glob(filepath.Join(root, match[1]))
			if err != nil || len(found) == 0 && !made.MatchString(match[1]) {
				t.Errorf("%s: there is no %s", at, match[1])
			}
		}
		for _, match := range goFile.FindAllStringSubmatch(code, -1) {
			if !exists(match[1]) && !exists("runner/internal/"+match[1]) {
				t.Errorf("%s: there is no %s", at, match[1])
			}
		}
		for _, match := range task.FindAllStringSubmatch(code, -1) {
			if !exists(inJava + match[1] + ".java") {
				t.Errorf("%s: there is no task %s", at, match[0])
			}
		}
		for _, match := range goTest.FindAllStringSubmatch(code, -1) {
			if !tests[match[1]] {
				t.Errorf("%s: there is no test %s", at, match[1])
			}
		}
		if l.fence == "" && hyphened.MatchString(code) {
			_, isFlow := flowIDs[code]
			_, isCommand := commands[code]
			isTarget := strings.Contains(makefile, "\n"+code+":")
			if !isFlow && !isCommand && !isTarget && !slices.Contains(foreign, code) {
				t.Errorf("%s: %s is no flow, no command and no make target", at, code)
			}
		}
	})
}

func goTests(t *testing.T) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	for _, folder := range []string{"runner", "schemas", "docs", "examples"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(file string, _ os.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(file, "_test.go") {
				return err
			}
			content, err := os.ReadFile(file)
			for _, match := range testNames.FindAllStringSubmatch(string(content), -1) {
				found[match[1]] = true
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}

// TestClustersDocuments reads every clusters document that a page shows as ferry reads it.
func TestClustersDocuments(t *testing.T) {
	read := 0
	for _, p := range pages(t) {
		for _, block := range p.blocks() {
			if !strings.Contains(block.text, "connect_url") || block.fence != "yaml" && block.fence != "json" {
				continue
			}
			read++
			file := filepath.Join(t.TempDir(), "clusters."+block.fence)
			// ${secret:...} is for the plugin, which replaces it before ferry reads the document.
			text := strings.ReplaceAll(block.text, "${secret:", "${env:")
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			code, printed := run(t, []string{"GLOBAL_PASSWORD=x"}, "check", "--clusters", file, "--origin", "nowhere", "--target", "europe", "--connector", "x")
			if code != 2 || !strings.Contains(printed, `cluster "nowhere" is not in`) {
				t.Errorf("%s:%d is no clusters document: %s", p.path, block.number, printed)
			}
		}
	}
	if read == 0 {
		t.Error("no page shows one")
	}
}

// TestFigures wants the summary of the matrix in the README to be that of the matrix.
func TestFigures(t *testing.T) {
	summary := regexp.MustCompile(`(?m)^\d+ rows, .*$`).FindString(string(read(t, "docs/hazards.md")))
	if summary == "" || !strings.Contains(string(read(t, "README.md")), summary+"\n") {
		t.Errorf("README.md does not quote docs/hazards.md: %s", summary)
	}
}
