package check

import (
	"context"
	"fmt"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/mirror"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/secret"
)

// facts is what several checks need. The state check fills in seen; the rest follows from
// it, or is read when it is first needed.
type facts struct {
	Checker
	request pair.Request
	begun   time.Time
	seen    pair.Observation
	looked  bool // seen is filled in
	ofWorkers

	opened *pair.Opened // the stores of the offsets, see [facts.open]
	path   *mirror.Path // found by the checkpoints check

	warnings []string // of the check that is being done
}

// ofWorkers is what the checks know of the workers and their plugins.
type ofWorkers struct {
	validated   *connect.Validation // the target's answer about the copy, see [facts.validate]
	sameVersion bool                // both sides run one version of the plugin, as far as is known
	// exactly says whether the origin and the target support exactly-once; nil if not asked.
	exactly [2]*bool
	// defaults are the settings that the origin and the target define; nil if they were
	// not compared.
	defaults [2]map[string]connect.Definition
}

func (f *facts) sink() bool { return f.seen.Origin.Sink() }

// config is the config of the copy.
func (f *facts) config() rawjson.Object { return f.request.CopyConfig(f.seen.Origin.Config) }

// group is the consumer group of a sink on the origin, "" for a source.
func (f *facts) group() string {
	if !f.sink() {
		return ""
	}
	return config.Group(f.request.Connector, f.seen.Origin.Config)
}

// oneKafka reports whether both Connect clusters are on one Kafka cluster.
func (f *facts) oneKafka() bool { return !f.request.Origin.OtherKafka(f.request.Target) }

// shared reports whether both sides use one offsets topic or consumer group.
func (f *facts) shared() bool {
	return f.request.Shared(f.sink(), f.seen.Origin.Config, f.config())
}

// open opens the offset stores and reads the origin's offsets, once.
func (f *facts) open(ctx context.Context) (pair.Opened, error) {
	if f.opened == nil {
		opened, err := f.request.Open(ctx, f.seen)
		if err != nil {
			return pair.Opened{}, err
		}
		f.opened = &opened
	}
	return *f.opened, nil
}

// validate asks the target about the config of the copy, once.
func (f *facts) validate(ctx context.Context) (connect.Validation, error) {
	if f.validated == nil {
		answer, err := validate(ctx, f.request.Target, f.config())
		if err != nil {
			return connect.Validation{}, err
		}
		f.learn(f.config(), answer)
		f.validated = &answer
	}
	return *f.validated, nil
}

// learn teaches the mask the values of settings that the plugin defines as passwords, whatever
// they are called.
func (f *facts) learn(settings rawjson.Object, answer connect.Validation) {
	if f.Mask == nil {
		return
	}
	for name, defined := range answer.Definitions {
		if value := settings.Text(name); defined.Type == "PASSWORD" && value != "" {
			f.Mask.Add(secret.New(value))
		}
	}
}

// withDefaults adds to a config the defaults that one side, 0 the origin and 1 the target,
// has for these settings.
func (f *facts) withDefaults(settings rawjson.Object, side int, names []string) rawjson.Object {
	for _, name := range names {
		defined, known := f.defaults[side][name]
		if _, set := settings.Get(name); !set && known && defined.Default != "" {
			settings = settings.With(name, rawjson.String(defined.Default))
		}
	}
	return settings
}

func (f *facts) basis() Basis {
	basis := Basis{Config: f.config(), Group: f.group(), Shared: f.shared(), Path: f.path}
	if f.opened == nil {
		basis.Stores.Method = f.request.Method(f.sink())
		return basis
	}
	basis.Stores, basis.Offsets = f.opened.Stores, f.opened.Offsets
	return basis
}

// warn adds a warning to what the check finds. It refuses nothing.
func (f *facts) warn(format string, arguments ...any) {
	said := fmt.Sprintf(format, arguments...)
	f.warnings = append(f.warnings, said)
	f.Events.Emit(event.Note{Connector: f.request.Connector, Level: event.Warn, Message: said, At: time.Now()})
}
