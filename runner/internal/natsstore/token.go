package natsstore

import (
	"fmt"
	"strings"
)

// Token encodes a name as one token of a subject or a key: letters, digits, - and _ as
// they are, every other byte as = and two hexadecimal digits, an empty name as =. No two
// names have the same token.
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
