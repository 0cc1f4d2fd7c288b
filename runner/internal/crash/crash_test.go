package crash_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/connect-ferry/connect-ferry/runner/internal/crash"
)

func caught(fail func()) (err error) {
	defer crash.Catch(&err)
	fail()
	return nil
}

func TestCatch(t *testing.T) {
	const planted = "planted-secret"
	var none map[string]int
	index := len(planted)
	for name, test := range map[string]struct {
		fail func()
		want string
	}{
		"text":     {func() { panic("config " + planted) }, "panic with a string"},
		"error":    {func() { panic(fmt.Errorf("config %s: %w", planted, errors.ErrUnsupported)) }, "panic with a *fmt.wrapError"},
		"value":    {func() { panic(struct{ Password string }{planted}) }, "panic with a struct"},
		"index":    {func() { _ = planted[index:][0] }, "runtime error: index out of range"},
		"nil map":  {func() { none[planted] = 1 }, "assignment to entry in nil map"},
		"nil":      {func() { panic(nil) }, "panic called with nil argument"},
		"no panic": {func() {}, ""},
	} {
		err := caught(test.fail)
		if test.want == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), crash.Report) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if strings.Contains(err.Error(), planted) {
			t.Errorf("%s tells the secret: %v", name, err)
		}
	}
}
