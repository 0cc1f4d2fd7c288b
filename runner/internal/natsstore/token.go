package natsstore

import (
	"fmt"
	"strconv"
	"strings"
)

// Token returns a name as one token of a subject or of a key: letters, digits, -
// and _ as they are, every other byte as = and two hexadecimal digits, and = alone
// for an empty name. No two names have the same token.
func Token(name string) string {
	if name == "" {
		return "="
	}
	var out strings.Builder
	for i := range len(name) {
		c := name[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' {
			out.WriteByte(c)
			continue
		}
		fmt.Fprintf(&out, "=%02X", c)
	}
	return out.String()
}

// Name returns the name of a token, or false if it is none that [Token] returns.
func Name(token string) (string, bool) {
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
