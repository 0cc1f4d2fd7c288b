package check

import (
	"context"
	"fmt"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/words"
)

// settings refuses a config that shows masks instead of values.
func settings(_ context.Context, f *facts) (string, error) {
	if masked := config.Masked(f.seen.Origin.Config); len(masked) > 0 {
		return "", cluster.Refused(fmt.Sprintf("%s hides the value of %s in the config it answers with, so a copy would not work; give the value as `set` in a request file (--request)",
			f.request.Origin.Name, strings.Join(masked, ", ")))
	}
	config.Learn(f.Mask, f.config())
	f.warnConverters()
	return fmt.Sprintf("%s, %d changed for the target", words.Count(f.config().Len(), "setting"), len(f.request.Set)+len(f.request.Unset)), nil
}

// warnConverters warns that the connector uses its workers' converters, which REST does
// not show: with another default, the copy writes or expects other bytes.
func (f *facts) warnConverters() {
	var missing []string
	for _, key := range []string{"key.converter", "value.converter"} {
		if f.config().Text(key) == "" {
			missing = append(missing, key)
		}
	}
	if len(missing) > 0 {
		f.warn("the config leaves %s to the workers; make sure that the workers of %s and %s use the same, or set it with --set",
			strings.Join(missing, " and "), f.request.Target.Name, f.request.Origin.Name)
	}
}
