package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

const root = ".."

func read(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func exists(path string) bool {
	_, err := os.Stat(filepath.Join(root, path))
	return err == nil
}

// page is a Markdown file.
type page struct {
	path  string // from the root of the repository
	lines []line
}

type line struct {
	number int
	text   string
	// fence is the language of the code block that the line is in, "" for prose, and "-" for one without a language.
	fence string
}

// pages are those that the tests look at.
func pages(t *testing.T) []page {
	t.Helper()
	paths := []string{"README.md", "CONTRIBUTING.md"}
	for _, folder := range []string{"docs", "examples"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, _ os.DirEntry, err error) error {
			if err == nil && filepath.Ext(path) == ".md" {
				relative, _ := filepath.Rel(root, path)
				paths = append(paths, filepath.ToSlash(relative))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	var all []page
	for _, path := range paths {
		all = append(all, parse(path, string(read(t, path))))
	}
	return all
}

func parse(path, text string) page {
	p := page{path: path}
	fence := ""
	for i, text := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if language, ok := strings.CutPrefix(strings.TrimSpace(text), "```"); ok {
			if fence == "" {
				fence = language
				if fence == "" {
					fence = "-"
				}
			} else {
				fence = ""
			}
			continue
		}
		p.lines = append(p.lines, line{i + 1, text, fence})
	}
	return p
}

// block is a code block.
type block struct {
	number int // of its first line
	fence  string
	text   string
}

func (p page) blocks() []block {
	var found []block
	for i, l := range p.lines {
		if l.fence == "" {
			continue
		}
		if i == 0 || p.lines[i-1].number != l.number-1 {
			found = append(found, block{number: l.number, fence: l.fence})
		}
		found[len(found)-1].text += l.text + "\n"
	}
	return found
}

var spans = regexp.MustCompile("`([^`]+)`")

// code returns the code in a line: what stands in backticks, or the line itself in a block.
func (l line) code() []string {
	if l.fence != "" {
		return []string{l.text}
	}
	var found []string
	for _, match := range spans.FindAllStringSubmatch(l.text, -1) {
		found = append(found, match[1])
	}
	return found
}

// prose is the line without what stands in backticks.
func (l line) prose() string {
	if l.fence != "" {
		return ""
	}
	return spans.ReplaceAllString(l.text, "")
}

func (l line) table() bool { return l.fence == "" && strings.HasPrefix(strings.TrimSpace(l.text), "|") }

// TestShape keeps the pages readable: no line wider than a screen, and the README short.
func TestShape(t *testing.T) {
	const wide, long = 160, 200
	for _, p := range pages(t) {
		for _, l := range p.lines {
			if utf8.RuneCountInString(l.text) > wide && (p.path == "README.md" || !l.table()) {
				t.Errorf("%s:%d is wider than %d characters", p.path, l.number, wide)
			}
		}
		if last := p.lines[len(p.lines)-1].number; p.path == "README.md" && last > long {
			t.Errorf("README.md has %d lines, more than %d", last, long)
		}
	}
}

var (
	link     = regexp.MustCompile(`\]\(([^)\s]+)\)|(?:src|href)="([^"]+)"`)
	heading  = regexp.MustCompile(`^#+ +(.*)$`)
	anchorID = regexp.MustCompile(`<a id="([^"]+)">`)
)

// anchors are the places of a page that a link can lead to.
func (p page) anchors() []string {
	var found []string
	for _, l := range p.lines {
		if l.fence != "" {
			continue
		}
		if match := heading.FindStringSubmatch(l.text); match != nil {
			found = append(found, slug(match[1]))
		}
		for _, match := range anchorID.FindAllStringSubmatch(l.text, -1) {
			found = append(found, match[1])
		}
	}
	return found
}

// slug is the anchor that GitHub gives a heading.
func slug(heading string) string {
	kept := strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r > 127:
			return r
		}
		return -1
	}, strings.ToLower(heading))
	return kept
}

// TestLinks follows every link to a file or a heading of this repository.
func TestLinks(t *testing.T) {
	known := map[string]page{}
	for _, p := range pages(t) {
		known[p.path] = p
	}
	for _, p := range known {
		for _, l := range p.lines {
			for _, match := range link.FindAllStringSubmatch(l.prose(), -1) {
				target := match[1] + match[2]
				if strings.HasPrefix(target, "https://") {
					continue
				}
				path, anchor, _ := strings.Cut(target, "#")
				to := p.path
				if path != "" {
					to = filepath.ToSlash(filepath.Join(filepath.Dir(p.path), path))
				}
				if !exists(to) {
					t.Errorf("%s:%d links to %s, which does not exist", p.path, l.number, target)
					continue
				}
				if leads := known[to]; anchor != "" && !slices.Contains(leads.anchors(), anchor) {
					t.Errorf("%s:%d links to %s, and %s has no such heading", p.path, l.number, target, to)
				}
			}
		}
	}
}

// TestEveryPageIsLinked keeps a page from being found by nobody.
func TestEveryPageIsLinked(t *testing.T) {
	readme := string(read(t, "README.md"))
	for _, p := range pages(t) {
		if strings.HasPrefix(p.path, "docs/") && !strings.Contains(readme, "("+p.path) {
			t.Errorf("README.md does not link to %s", p.path)
		}
	}
}
