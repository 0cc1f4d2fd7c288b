// Package docs_test holds the documents against the code.
package docs_test

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/connect-ferry/connect-ferry/"

// TestArrows holds the picture of the packages in design.md against their imports: an
// arrow only ever points to a lower row. What only tests use is imported by nothing
// that is built into the runner.
func TestArrows(t *testing.T) {
	rows, testOnly := picture(t)
	product := map[string][]string{}
	for name, imports := range packages(t) {
		if _, drawn := rows[short(name)]; drawn {
			product[short(name)] = imports
		} else if !testOnly[short(name)] && name != "runner" {
			t.Errorf("%s is not in the picture of docs/design.md", name)
		}
	}
	for name, imports := range product {
		for _, imported := range imports {
			switch row, drawn := rows[short(imported)]; {
			case testOnly[short(imported)]:
				t.Errorf("%s imports %s, which only tests use", name, short(imported))
			case drawn && row <= rows[name]:
				t.Errorf("%s imports %s, which does not stand below it in docs/design.md", name, short(imported))
			}
		}
	}
	for name := range rows {
		if _, exists := product[name]; !exists {
			t.Errorf("docs/design.md draws %s, which does not exist", name)
		}
	}
}

// short is the name of a package in the picture.
func short(name string) string {
	return strings.TrimPrefix(strings.TrimPrefix(name, "runner/internal/"), "runner/")
}

// picture reads both blocks of design.md: a row of the first names packages up to two
// blanks and what they are for.
func picture(t *testing.T) (rows map[string]int, testOnly map[string]bool) {
	t.Helper()
	content, err := os.ReadFile("design.md")
	if err != nil {
		t.Fatal(err)
	}
	block := func(mark string) []string {
		_, after, found := strings.Cut(string(content), "```text "+mark+"\n")
		inner, _, closed := strings.Cut(after, "```")
		if !found || !closed {
			t.Fatalf("design.md has no block %q", mark)
		}
		return strings.Split(strings.TrimSpace(inner), "\n")
	}
	rows, testOnly = map[string]int{}, map[string]bool{}
	for row, line := range block("packages") {
		names, _, _ := strings.Cut(line, "│")
		for _, name := range strings.Fields(names) {
			rows[name] = row
		}
	}
	for _, line := range block("tests") {
		name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		testOnly[name] = true
	}
	return rows, testOnly
}

// packages returns the module's packages with the ones of the module that each imports,
// tests left out.
func packages(t *testing.T) map[string][]string {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", module+"runner/...", module+"schemas").Output()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]string{}
	for decoder := json.NewDecoder(strings.NewReader(string(output))); ; {
		var listed struct {
			ImportPath string
			Imports    []string
		}
		if err := decoder.Decode(&listed); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(listed.ImportPath, module)
		found[name] = []string{}
		for _, imported := range listed.Imports {
			if inner, ours := strings.CutPrefix(imported, module); ours {
				found[name] = append(found[name], inner)
			}
		}
	}
	if len(found) < 20 {
		t.Fatalf("go list found %d packages", len(found))
	}
	return found
}
