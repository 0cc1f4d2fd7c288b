package words_test

import (
	"testing"

	"github.com/connect-ferry/connect-ferry/runner/internal/words"
)

func TestCount(t *testing.T) {
	for _, of := range []struct {
		n         int64
		one, want string
	}{
		{0, "task", "0 tasks"}, {1, "task", "1 task"}, {2, "task", "2 tasks"},
		{1, "offset entry", "1 offset entry"}, {0, "offset entry", "0 offset entries"}, {12, "entry", "12 entries"},
	} {
		if got := words.Count(of.n, of.one); got != of.want {
			t.Errorf("%d of %q is %q, expected %q", of.n, of.one, got, of.want)
		}
	}
	if one, many := words.Be(1), words.Be(2); one != "is" || many != "are" {
		t.Errorf("one %s, many %s", one, many)
	}
}
