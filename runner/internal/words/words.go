// Package words writes counts as people say them. It knows only nouns that take an s, and those in y such as entry.
package words

import (
	"fmt"
	"strings"
)

// Count says how many there are: "1 entry", "2 entries". one may be several words, of which the last one is counted.
func Count[N int | int32 | int64](n N, one string) string {
	return fmt.Sprintf("%d %s", n, Of(n, one))
}

// Of is the noun that follows a number: "entry" after 1, otherwise "entries".
func Of[N int | int32 | int64](n N, one string) string {
	if n == 1 {
		return one
	}
	if stem, found := strings.CutSuffix(one, "ry"); found {
		return stem + "ries"
	}
	return one + "s"
}

// Be is the verb of a count: "is" of one, otherwise "are".
func Be[N int | int32 | int64](n N) string {
	if n == 1 {
		return "is"
	}
	return "are"
}
