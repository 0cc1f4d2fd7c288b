package natsstore

import (
	"strconv"
	"strings"
	"testing"
)

const odd = "orders.v2 *>é"

func TestTokens(t *testing.T) {
	for name, want := range map[string]string{
		"": "=", "orders-1_a": "orders-1_a", odd: "orders=2Ev2=20=2A=3E=C3=A9", "=": "=3D", "a=2Eb": "a=3D2Eb", "\n": "=0A",
	} {
		if got := Token(name); got != want {
			t.Errorf("token of %q is %s, want %s", name, got, want)
		}
	}
	for _, none := range []string{"=2", "=2e", "=zz", "a.b", "a=", "=61"} {
		if name, ok := nameOf(none); ok {
			t.Errorf("%q is taken for the token of %q", none, name)
		}
	}
}

func FuzzToken(f *testing.F) {
	for _, name := range []string{"", odd, "=", "a=2Eb", "\xff\x00"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		token := Token(name)
		if token == "" || strings.ContainsFunc(token, func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' && r != '='
		}) {
			t.Errorf("token %q of %q", token, name)
		}
		if back, ok := nameOf(token); !ok || back != name {
			t.Errorf("%q comes back as %q, %v", name, back, ok)
		}
	})
}

// nameOf decodes a token, and returns false if [Token] never returns it.
func nameOf(token string) (string, bool) {
	if token == "=" {
		return "", true
	}
	var out strings.Builder
	for rest := token; rest != ""; {
		plain, escaped, found := strings.Cut(rest, "=")
		out.WriteString(plain)
		if !found {
			break
		}
		if len(escaped) < 2 {
			return "", false
		}
		c, err := strconv.ParseUint(escaped[:2], 16, 8)
		if err != nil {
			return "", false
		}
		out.WriteByte(byte(c))
		rest = escaped[2:]
	}
	name := out.String()
	return name, Token(name) == token
}
