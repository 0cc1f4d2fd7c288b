package offset

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// BenchmarkManyEntries is what ferry itself does with the offsets of a connector of 20,000
// partitions while it stands still.
func BenchmarkManyEntries(b *testing.B) {
	var text strings.Builder
	text.WriteString(`{"offsets":[`)
	for i := range 20000 {
		if i > 0 {
			text.WriteByte(',')
		}
		fmt.Fprintf(&text, `{"partition":{"stream":"another-%d"},"offset":{"sequence":%d}}`, i, i)
	}
	text.WriteString(`]}`)
	answer := []byte(text.String())
	read := func() Document {
		var value rawjson.Value
		if err := json.Unmarshal(answer, &value); err != nil {
			b.Fatal(err)
		}
		document, err := Parse(value)
		if err != nil {
			b.Fatal(err)
		}
		return document
	}
	one, other := read(), read()
	b.Run("read", func(b *testing.B) {
		for b.Loop() {
			read()
		}
	})
	b.Run("compare", func(b *testing.B) {
		for b.Loop() {
			if !Equal(one, other) {
				b.Fatal("not equal")
			}
		}
	})
	b.Run("unreadable", func(b *testing.B) {
		for b.Loop() {
			one.Unreadable()
		}
	})
	b.Run("regressed", func(b *testing.B) {
		for b.Loop() {
			Regressed(one, other)
		}
	})
	b.Run("hash", func(b *testing.B) {
		for b.Loop() {
			one.SHA256()
		}
	})
}
