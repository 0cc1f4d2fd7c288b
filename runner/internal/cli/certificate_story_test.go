package cli

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/schemas"
)

// findCertificate: certificate PATTERN, exactly one page and document of that name, by their
// schema and without a secret; ! certificate PATTERN, none.
func findCertificate(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		if files, err := filepath.Glob(ts.MkAbs(args[0])); err != nil || len(files) > 0 {
			ts.Fatalf("found %v, %v", files, err)
		}
		return
	}
	page, document := oneFile(ts, args[0]+".html"), oneFile(ts, args[0]+".json")
	for _, content := range [][]byte{page, document} {
		if secret := leaked(content); secret != "" {
			ts.Fatalf("it holds %s:\n%s", secret, content)
		}
	}
	ts.Check(schemas.Check(schemas.Certificate, document))
	for elements := xml.NewDecoder(strings.NewReader(string(page))); ; {
		_, err := elements.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		ts.Check(err)
	}
}

// checkCertified: certified PATTERN KEY VALUE, of a certificate's document
func checkCertified(ts *testscript.TestScript, _ bool, args []string) {
	document, err := rawjson.ParseObject(oneFile(ts, args[0]))
	ts.Check(err)
	if _, has := document.Get(args[1]); !has || document.Text(args[1]) != args[2] {
		ts.Fatalf("%s is %q", args[1], document.Text(args[1]))
	}
}

// checkHashed: hashed PATTERN PLAN, a certificate's document has the hash of the plan
func checkHashed(ts *testscript.TestScript, _ bool, args []string) {
	plan, err := rawjson.ParseObject(oneFile(ts, args[1]))
	ts.Check(err)
	checkCertified(ts, false, []string{args[0], "plan", plan.Text("hash")})
}

// checkTold: told PATTERN HISTORY, a certificate names its move in the history
func checkTold(ts *testscript.TestScript, _ bool, args []string) {
	document, err := rawjson.ParseObject(oneFile(ts, args[0]))
	ts.Check(err)
	if move := document.Text("move"); move == "" || !strings.Contains(ts.ReadFile(args[1]), `"move": "`+move+`"`) {
		ts.Fatalf("the history has no move %q", move)
	}
}

// keepOne: keep PATTERN FILE, a copy of the one file of that name
func keepOne(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), oneFile(ts, args[0]), 0o600))
}

func oneFile(ts *testscript.TestScript, pattern string) []byte {
	files, err := filepath.Glob(ts.MkAbs(pattern))
	if err != nil || len(files) != 1 {
		ts.Fatalf("%s: found %v, %v", pattern, files, err)
	}
	content, err := os.ReadFile(files[0])
	ts.Check(err)
	return content
}
