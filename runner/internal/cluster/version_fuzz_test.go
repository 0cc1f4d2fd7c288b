package cluster

import (
	"strconv"
	"strings"
	"testing"
)

// FuzzParseVersion parses whatever version a worker may report.
func FuzzParseVersion(f *testing.F) {
	for _, seed := range []string{"3.7.0", "7.6.1-ccs", "8.0.0-ce", "4.3.1-SNAPSHOT", "2.8.2.redhat-00001", "3", "3.", "999999999999999999999.1", "3.7.0-cce", "03.07"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		found, ok := ParseVersion(text)
		if !ok {
			if found != (Version{}) {
				t.Fatalf("%q is none and still %s", text, found)
			}
			return
		}
		if found.Major < 0 || found.Minor < 0 {
			t.Fatalf("%q is %s", text, found)
		}
		if found.Before(found) || found.Before(Version{}) {
			t.Fatalf("%s is before itself or nothing", found)
		}
		// If it is no build of Confluent's, the version is the number at its beginning.
		if major, rest, _ := strings.Cut(text, "."); !strings.Contains(rest, "-c") {
			if number, err := strconv.Atoi(major); err != nil || number != found.Major {
				t.Fatalf("%q is %s", text, found)
			}
		}
		if again, ok := ParseVersion(found.String()); !ok || again != found {
			t.Fatalf("%q is %s and then %s", text, found, again)
		}
	})
}
