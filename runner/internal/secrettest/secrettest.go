// Package secrettest plants secrets and looks for them where none may be: in
// what a process writes, in its files, and in what the machine tells of it.
//
//	plants := secrettest.Plants{}
//	config["db.password"] = plants.New("config")
//	…
//	plants.Run(t, command)                // and its output, arguments, environment
//	plants.Search(t, folder, resultFile)  // and its files
package secrettest

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// Plants are planted secrets by the name of the place they were put in, so that
// a leak tells where it comes from.
type Plants map[string]string

// New makes a secret, plants it under a name, and returns it. It is random, and
// long enough for each half of it to be found by itself: what cuts a text can cut
// a secret.
func (p Plants) New(name string) string {
	p[name] = "planted" + rand.Text()
	return p[name]
}

// Leak is a secret that was found.
type Leak struct{ Secret, Form, Where string }

func (l Leak) String() string {
	return fmt.Sprintf("%s tells the secret planted as %q, %s", l.Where, l.Secret, l.Form)
}

// Find returns what of the secrets is in a text: whole or a half, as it is or as
// JSON, URLs, hexadecimal digits and base64 write it.
func (p Plants) Find(where string, text []byte) []Leak {
	var leaks []Leak
	for name, secret := range p {
		for form, written := range forms(secret) {
			if bytes.Contains(text, []byte(written)) {
				leaks = append(leaks, Leak{Secret: name, Form: form, Where: where})
				break // one form is enough to know
			}
		}
	}
	slices.SortFunc(leaks, func(a, b Leak) int { return strings.Compare(a.Secret, b.Secret) })
	return leaks
}

// shortestHalf is the length in bytes from which half a secret is looked for by
// itself; shorter ones stand in innocent text.
const shortestHalf = 8

func forms(secret string) map[string]string {
	quoted, _ := json.Marshal(secret) // a string can always be encoded
	all := map[string]string{
		"as it is":       secret,
		"in JSON":        strings.Trim(string(quoted), `"`),
		"in a URL":       url.QueryEscape(secret),
		"in a path":      url.PathEscape(secret),
		"in hexadecimal": hex.EncodeToString([]byte(secret)),
	}
	if half := len(secret) / 2; half >= shortestHalf {
		all["its first half"], all["its second half"] = secret[:half], secret[half:]
	}
	// Where three bytes become four characters, what stands before a secret shifts
	// it, as the user does in HTTP basic authentication.
	for shift := range 3 {
		encoded := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + secret))
		if inner := encoded[4*((shift+2)/3) : len(encoded)-2]; len(inner) >= shortestHalf {
			all[fmt.Sprintf("in base64 (%d)", shift)] = inner
		}
	}
	return all
}

// Text fails the test for each secret in a text.
func (p Plants) Text(t testing.TB, where string, text []byte) {
	t.Helper()
	for _, leak := range p.Find(where, text) {
		t.Errorf("%s", leak)
	}
}

// Search fails the test for each secret in a file, or in any file of a folder
// and in its name, but for the files that are meant to hold secrets.
func (p Plants) Search(t testing.TB, path string, but ...string) {
	t.Helper()
	err := filepath.WalkDir(path, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || slices.Contains(but, file) {
			return err
		}
		p.Text(t, "the name of "+file, []byte(file))
		if !entry.Type().IsRegular() {
			return nil
		}
		content, err := os.ReadFile(file)
		p.Text(t, file, content)
		return err
	})
	if err != nil {
		t.Errorf("search for secrets: %v", err)
	}
}

// Process fails the test for each secret in the arguments and the environment of
// a running process, which every user of the machine and its administrators see.
func (p Plants) Process(t testing.TB, pid int) {
	t.Helper()
	for _, file := range []string{"cmdline", "environ"} {
		path := fmt.Sprintf("/proc/%d/%s", pid, file)
		content, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			return // no such system, or over already
		}
		if err != nil {
			t.Errorf("search for secrets: %v", err)
		}
		p.Text(t, path, content)
	}
}

// Run runs a command and fails the test for each secret that is in its output, its
// arguments, its environment, or in a file that it leaves in its folder for
// temporary files, which is its own here. It returns the command's exit code.
func (p Plants) Run(t testing.TB, command *exec.Cmd) (code int, stdout, stderr string) {
	t.Helper()
	folder := t.TempDir()
	if command.Env == nil {
		command.Env = os.Environ()
	}
	command.Env = append(command.Env, "TMPDIR="+folder)
	var out, problems bytes.Buffer
	command.Stdout, command.Stderr = tee(&out, command.Stdout), tee(&problems, command.Stderr)
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	p.Process(t, command.Process.Pid)
	// It may be over before it is looked at; this is what it was handed.
	p.Text(t, "arguments", []byte(strings.Join(command.Args, "\x00")))
	p.Text(t, "environment", []byte(strings.Join(command.Env, "\x00")))
	_ = command.Wait() // the exit code says it
	p.Text(t, "standard output", out.Bytes())
	p.Text(t, "standard error", problems.Bytes())
	p.Search(t, folder)
	left, err := os.ReadDir(folder)
	if err != nil {
		t.Error(err)
	}
	for _, file := range left {
		if !strings.HasSuffix(file.Name(), ".turn") { // the lock that runs of one machine share
			t.Errorf("%s is left among the temporary files", file.Name())
		}
	}
	return command.ProcessState.ExitCode(), out.String(), problems.String()
}

func tee(own, asked io.Writer) io.Writer {
	if asked == nil {
		return own
	}
	return io.MultiWriter(own, asked)
}
