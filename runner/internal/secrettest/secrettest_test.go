package secrettest_test

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/connect-ferry/connect-ferry/runner/internal/secrettest"
)

func TestFind(t *testing.T) {
	plants := secrettest.Plants{}
	secret := plants.New("password")
	plants["odd"] = `odd "pass<word" & 100%`
	plants["short"] = "s3cr"
	for name, test := range map[string]struct{ text, want string }{
		"nothing":       {"all is well, plant", ""},
		"as it is":      {"login " + secret + " refused", "password"},
		"first half":    {"login " + secret[:len(secret)/2] + "... refused", "password"},
		"second half":   {"..." + secret[len(secret)/2:], "password"},
		"basic":         {base64.StdEncoding.EncodeToString([]byte("ferry:" + secret)), "password"},
		"basic, longer": {base64.StdEncoding.EncodeToString([]byte("ferry1:" + secret + "!")), "password"},
		"basic, again":  {base64.URLEncoding.EncodeToString([]byte("ferry12:" + secret)), "password"},
		"hexadecimal":   {hex.EncodeToString([]byte(secret)), "password"},
		"JSON":          {`{"p":"odd \"pass\u003cword\" \u0026 100%"}`, "odd"},
		"query":         {url.Values{"p": {plants["odd"]}}.Encode(), "odd"},
		"short":         {"is s3cr", "short"},
	} {
		leaks := plants.Find("a text", []byte(test.text))
		if test.want == "" && len(leaks) != 0 || test.want != "" && (len(leaks) != 1 || leaks[0].Secret != test.want) {
			t.Errorf("%s: got %v, want %q", name, leaks, test.want)
		}
	}
}

// recorder is a test that is meant to fail.
type recorder struct {
	testing.TB
	failures []string
}

func (r *recorder) Helper() {}
func (r *recorder) Errorf(format string, arguments ...any) {
	r.failures = append(r.failures, format)
}

func TestSearchesAreThorough(t *testing.T) {
	plants := secrettest.Plants{}
	secret := plants.New("password")
	folder := t.TempDir()
	inside, meant := filepath.Join(folder, "a", "b"), filepath.Join(folder, "meant")
	if err := os.Mkdir(filepath.Dir(inside), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{inside, meant} {
		if err := os.WriteFile(file, []byte("x"+secret), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, test := range map[string]struct {
		look func(t testing.TB)
		want int
	}{
		"folder":      {func(t testing.TB) { plants.Search(t, folder, meant) }, 1},
		"no folder":   {func(t testing.TB) { plants.Search(t, folder+"-none") }, 1},
		"output":      {func(t testing.TB) { plants.Run(t, exec.Command("cat", inside)) }, 1},
		"arguments":   {func(t testing.TB) { plants.Run(t, exec.Command("sh", "-c", "read x; : "+secret)) }, 1},
		"environment": {func(t testing.TB) { run(t, plants, "PASSWORD="+secret, "true") }, 1},
		"leftover":    {func(t testing.TB) { run(t, plants, "FILE="+inside, `cp "$FILE" "$TMPDIR/copy"`) }, 2},
		"nothing":     {func(t testing.TB) { run(t, plants, "FILE="+inside, `cp "$FILE" /dev/null`) }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			seen := &recorder{TB: t}
			test.look(seen)
			// A process is looked at by what it was handed and, if it lives, by /proc.
			if got := len(seen.failures); (got == 0) != (test.want == 0) || got < test.want {
				t.Errorf("%d failures, want %d: %v", len(seen.failures), test.want, seen.failures)
			}
		})
	}
}

func run(t testing.TB, plants secrettest.Plants, variable, script string) {
	command := exec.Command("sh", "-c", script)
	command.Env = []string{variable, "PATH=" + os.Getenv("PATH")}
	plants.Run(t, command)
}
