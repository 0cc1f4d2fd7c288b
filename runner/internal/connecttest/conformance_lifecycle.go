package connecttest

import (
	"net/http"
	"slices"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

func (s *suite) server() {
	server, err := s.Client.Server(s.ctx)
	s.must(err)
	if server.Version == "" || server.KafkaClusterID == "" {
		s.Errorf("server says of itself %+v", server)
	}
}

func (s *suite) createStopped() {
	topic := s.Topic()
	name := s.create(s.Source(topic, 2), connect.Stopped)
	// Long enough for tasks to start if there were any.
	s.must(wait.For(s.ctx, 2*time.Second))
	s.awaitAll(name, connect.Stopped, 0)
	s.wantTasks(name, 0)
	s.wantOffsets(name, `{"offsets":[]}`)
	topics, err := s.Client.ActiveTopics(s.ctx, name)
	s.must(err)
	if len(topics) != 0 {
		s.Errorf("it has written to %v", topics)
	}
}

func (s *suite) createRunning() {
	name := s.create(s.Source(s.Topic(), 2), connect.Running)
	s.awaitAll(name, connect.Running, 2)
	s.wantTasks(name, 2)
	names, err := s.Client.Connectors(s.ctx)
	s.must(err)
	if !slices.Contains(names, name) {
		s.Errorf("connectors are %v without %q", names, name)
	}
	status, err := s.Client.Status(s.ctx, name)
	s.must(err)
	if status.Name != name || status.Type != "source" || status.Connector.WorkerID == "" || status.Tasks[0].WorkerID == "" {
		s.Errorf("status lacks something: %+v", status)
	}
}

// createPaused: a connector has no tasks before it ran for the first time.
func (s *suite) createPaused() {
	name := s.create(s.Source(s.Topic(), 2), connect.Paused)
	s.must(wait.For(s.ctx, time.Second))
	s.awaitAll(name, connect.Paused, 0)
	s.wantTasks(name, 0)
	s.must(s.Client.Resume(s.ctx, name))
	s.awaitAll(name, connect.Running, 2)
}

func (s *suite) createInUnknownState() {
	name := s.Topic() + "-connector"
	err := s.Client.Create(s.ctx, name, s.Source(s.Topic(), 1), "RESTING")
	s.wantRefused(err, http.StatusInternalServerError, "No enum constant")
	if connect.IsTemporary(err) {
		s.Errorf("%v counts as temporary", err)
	}
	if _, err := s.Client.Config(s.ctx, name); !connect.IsNotFound(err) {
		s.Errorf("the connector exists, or: %v", err)
	}
}

func (s *suite) createTakenName() {
	name := s.create(s.Source(s.Topic(), 1), connect.Stopped)
	err := s.createAgain(name, s.Source(s.Topic(), 1), connect.Running)
	s.wantRefused(err, http.StatusConflict, "Connector "+name+" already exists")
	if !connect.IsAlreadyExists(err) || connect.IsTemporary(err) {
		s.Errorf("%v is not taken for a taken name", err)
	}
	s.awaitAll(name, connect.Stopped, 0)
}

func (s *suite) createInvalid() {
	name := s.Topic() + "-connector"
	err := s.Client.Create(s.ctx, name, s.Source(s.Topic(), 1).Without(s.Required), connect.Stopped)
	s.wantRefused(err, http.StatusBadRequest, "Connector configuration is invalid and contains the following 1 error(s): "+
		`Missing required configuration "`+s.Required+`" which has no default value.`)
	err = s.Client.Create(s.ctx, name, s.Source(s.Topic(), 1).Without("connector.class"), connect.Stopped)
	s.wantRefused(err, http.StatusBadRequest, "contains no connector type")
	err = s.Client.Create(s.ctx, name, s.Source(s.Topic(), 1).With("connector.class", rawjson.String("no.such.Class")), connect.Stopped)
	s.wantRefused(err, 0, "Failed to find any class that implements Connector and which name matches no.such.Class")
	if connect.IsTemporary(err) {
		s.Errorf("%v counts as temporary", err)
	}
	err = s.Client.Create(s.ctx, name, s.Source(s.Topic(), 1).With("name", rawjson.String("other")), connect.Stopped)
	s.wantRefused(err, http.StatusBadRequest, "Connector name configuration (other) doesn't match connector name in the URL ("+name+")")
	if _, err := s.Client.Config(s.ctx, name); !connect.IsNotFound(err) {
		s.Errorf("the connector exists, or: %v", err)
	}
}

func (s *suite) unknownConnector() {
	name := s.Topic() + "-connector"
	patch := s.json(`{"offsets":[{"partition":{"a":"b"},"offset":null}]}`)
	for what, ask := range map[string]func() error{
		"config":  func() error { _, err := s.Client.Config(s.ctx, name); return err },
		"status":  func() error { _, err := s.Client.Status(s.ctx, name); return err },
		"tasks":   func() error { _, err := s.Client.Tasks(s.ctx, name); return err },
		"offsets": func() error { _, err := s.Client.Offsets(s.ctx, name); return err },
		"pause":   func() error { return s.Client.Pause(s.ctx, name) },
		"resume":  func() error { return s.Client.Resume(s.ctx, name) },
		"stop":    func() error { return s.Client.Stop(s.ctx, name) },
		"restart": func() error { return s.Client.Restart(s.ctx, name) },
		"patch":   func() error { _, err := s.Client.AlterOffsets(s.ctx, name, patch); return err },
		"reset":   func() error { _, err := s.Client.ResetOffsets(s.ctx, name); return err },
	} {
		if err := ask(); !connect.IsNotFound(err) || connect.IsUnsupported(err) {
			s.Errorf("%s of an unknown connector: %v", what, err)
		}
	}
	s.must(s.Client.Delete(s.ctx, name))
	// Of active topics Connect keeps no list of connectors.
	topics, err := s.Client.ActiveTopics(s.ctx, name)
	if err != nil || len(topics) != 0 {
		s.Errorf("active topics of an unknown connector: %v, %v", topics, err)
	}
}

func (s *suite) pauseAndResume() {
	topic := s.Topic()
	name := s.create(s.Source(topic, 2), connect.Running)
	s.awaitAll(name, connect.Running, 2)
	s.must(s.Client.Pause(s.ctx, name))
	s.awaitAll(name, connect.Paused, 2)
	s.wantTasks(name, 2)
	s.must(s.Client.Resume(s.ctx, name))
	s.awaitAll(name, connect.Running, 2)
}

// stopAndResume: a stop commits what was written, and a resume goes on there.
func (s *suite) stopAndResume() {
	topic := s.Topic()
	name := s.create(s.Source(topic, 2), connect.Running)
	s.awaitAll(name, connect.Running, 2)
	s.hasWritten(name, topic)
	s.stop(name)
	first := s.offsets(name)
	if first.Len() == 0 {
		s.Fatal("no offsets after the stop")
	}
	s.must(s.Client.Resume(s.ctx, name))
	s.awaitAll(name, connect.Running, 2)
	s.must(wait.For(s.ctx, 2*time.Second))
	s.stop(name)
	second := s.offsets(name)
	if regressed := offset.Regressed(first, second); len(regressed) > 0 {
		s.Errorf("offsets went from %s to %s", first.JSON(), second.JSON())
	}
	if offset.Equal(first, second) {
		s.Errorf("offsets stayed %s", first.JSON())
	}
}

func (s *suite) stopTwice() {
	name := s.create(s.Source(s.Topic(), 1), connect.Running)
	s.awaitAll(name, connect.Running, 1)
	s.must(s.Client.Pause(s.ctx, name))
	s.awaitAll(name, connect.Paused, 1)
	s.stop(name)
	s.stop(name)
	s.must(s.Client.Pause(s.ctx, name))
	s.awaitAll(name, connect.Paused, 0)
	s.must(s.Client.Resume(s.ctx, name))
	s.awaitAll(name, connect.Running, 1)
}

// putConfig: a config may be put in any state and does not change it.
func (s *suite) putConfig() {
	config := s.Source(s.Topic(), 1)
	name := s.create(config, connect.Stopped)
	changed := config.With("name", rawjson.String(name)).With("ferry.note", rawjson.String("a \"note\" ü ${file:x:y}"))
	s.must(s.Client.PutConfig(s.ctx, name, changed))
	s.must(wait.For(s.ctx, time.Second))
	s.awaitAll(name, connect.Stopped, 0)
	s.wantTasks(name, 0)
	s.wantConfig(name, changed)
	s.must(s.Client.Resume(s.ctx, name))
	s.awaitAll(name, connect.Running, 1)
	more := s.Source(s.Topic(), 2).With("name", rawjson.String(name))
	s.must(s.Client.PutConfig(s.ctx, name, more))
	s.awaitAll(name, connect.Running, 2)
	s.wantConfig(name, more)
	err := s.Client.PutConfig(s.ctx, name, more.Without(s.Required))
	s.wantRefused(err, http.StatusBadRequest, "Connector configuration is invalid")
	s.wantConfig(name, more)
}

func (s *suite) wantConfig(name string, want rawjson.Object) {
	s.Helper()
	have, err := s.Client.Config(s.ctx, name)
	s.must(err)
	if !rawjson.Equal(have.Value(), want.Value()) {
		s.Errorf("config is %s, want %s", have, want)
	}
}

func (s *suite) validate() {
	config := s.Source(s.Topic(), 1).With("name", rawjson.String("any"))
	class := config.Text("connector.class")
	problems, err := s.Client.Validate(s.ctx, class, config)
	s.must(err)
	if len(problems) != 0 {
		s.Errorf("problems of a good config: %v", problems)
	}
	problems, err = s.Client.Validate(s.ctx, class, config.Without(s.Required).With("tasks.max", rawjson.String("many")))
	s.must(err)
	var wrong []string
	for _, problem := range problems {
		wrong = append(wrong, problem.Name)
	}
	slices.Sort(wrong)
	want := []string{"tasks.max", s.Required}
	slices.Sort(want)
	if !slices.Equal(wrong, want) {
		s.Errorf("problems of a bad config: %q, want them of %q", problems, want)
	}
	_, err = s.Client.Validate(s.ctx, "no.such.Class", config)
	s.wantRefused(err, http.StatusBadRequest, "Included connector type "+class+" does not match request type no.such.Class")
	_, err = s.Client.Validate(s.ctx, "no.such.Class", config.With("connector.class", rawjson.String("no.such.Class")))
	s.wantRefused(err, http.StatusInternalServerError, "Failed to find any class that implements Connector and which name matches no.such.Class")
}

func (s *suite) plugins() {
	class := s.Source(s.Topic(), 1).Text("connector.class")
	plugins, err := s.Client.Plugins(s.ctx)
	s.must(err)
	found := slices.IndexFunc(plugins, func(plugin connect.Plugin) bool { return plugin.Class == class })
	if found < 0 || plugins[found].Type != "source" || plugins[found].Version == "" {
		s.Errorf("plugin %s is not listed well in %+v", class, plugins)
	}
}

// delete: offsets survive their connector, active topics do not.
func (s *suite) delete() {
	topic := s.Topic()
	config := s.Source(topic, 1)
	name := s.create(config, connect.Running)
	s.awaitAll(name, connect.Running, 1)
	s.hasWritten(name, topic)
	s.stop(name)
	kept := s.offsets(name)
	s.must(s.Client.Delete(s.ctx, name))
	s.must(s.awaitGone(s.ctx, name))
	names, err := s.Client.Connectors(s.ctx)
	s.must(err)
	if slices.Contains(names, name) {
		s.Errorf("connectors are %v with the deleted %q", names, name)
	}
	s.must(s.createAgain(name, config, connect.Stopped))
	s.awaitAll(name, connect.Stopped, 0)
	s.wantTasks(name, 0)
	if found := s.offsets(name); kept.Len() == 0 || !offset.Equal(kept, found) {
		s.Errorf("offsets after the deletion are %s, before %s", found.JSON(), kept.JSON())
	}
	topics, err := s.Client.ActiveTopics(s.ctx, name)
	s.must(err)
	if len(topics) != 0 {
		s.Errorf("active topics %v outlived the connector", topics)
	}
}

func (s *suite) activeTopics() {
	topic := s.Topic()
	name := s.create(s.Source(topic, 1), connect.Running)
	s.hasWritten(name, topic)
	s.stop(name)
	topics, err := s.Client.ActiveTopics(s.ctx, name)
	s.must(err)
	if !slices.Equal(topics, []string{topic}) {
		s.Errorf("active topics of the stopped connector: %v", topics)
	}
	s.must(s.Client.ResetActiveTopics(s.ctx, name))
	s.must(wait.For(s.ctx, time.Second))
	topics, err = s.Client.ActiveTopics(s.ctx, name)
	s.must(err)
	if len(topics) != 0 {
		s.Errorf("active topics after the reset: %v", topics)
	}
	s.must(s.Client.Resume(s.ctx, name))
	s.hasWritten(name, topic)
}

// names: Connect takes names with any character but control characters. With
// those of [SilencedNames] a name has no URL since Kafka 4.0.
func (s *suite) names() {
	server, err := s.Client.Server(s.ctx)
	s.must(err)
	names := OddNames
	if !parseVersion(server.Version).since(4, 0) {
		names = append(slices.Clone(names), SilencedNames...)
	} else {
		s.silencedNames()
	}
	for _, odd := range names {
		name := odd + s.Topic()
		s.createNamed(name, s.Source(s.Topic(), 1), connect.Stopped)
		s.patch(name, `{"offsets":[{"partition":{"p":"x"},"offset":{"n":1}}]}`)
		s.wantOffsets(name, `{"offsets":[{"partition":{"p":"x"},"offset":{"n":1}}]}`)
		s.wantTasks(name, 0)
		config, err := s.Client.Config(s.ctx, name)
		s.must(err)
		if config.Text("name") != name {
			s.Errorf("config of %q names %q", name, config.Text("name"))
		}
		if _, err := s.Client.ActiveTopics(s.ctx, name); err != nil {
			s.Error(err)
		}
		s.must(s.Client.PutConfig(s.ctx, name, config.With("ferry.note", rawjson.String("x"))))
	}
	braces := "a{b}" + s.Topic()
	err = s.createAgain(braces, s.Source(s.Topic(), 1), connect.Stopped)
	s.wantRefused(err, http.StatusInternalServerError, "The template variable 'b' has no value")
	s.awaitAll(braces, connect.Stopped, 0) // it was created all the same
	s.remove(s.ctx, braces)
	err = s.Client.Create(s.ctx, "a\tb", s.Source(s.Topic(), 1), connect.Stopped)
	s.wantRefused(err, http.StatusBadRequest, "String may not contain control sequences but had the following ASCII chars: 9")
}

// silencedNames asks for connectors of such names only, as one that exists could
// not even be deleted.
func (s *suite) silencedNames() {
	for _, odd := range SilencedNames {
		_, err := s.Client.Config(s.ctx, odd)
		s.wantRefused(err, http.StatusBadRequest, "")
		if connect.IsNotFound(err) || connect.IsTemporary(err) {
			s.Errorf("%q: %v", odd, err)
		}
	}
}

// OddNames are beginnings of names that a careless path breaks.
var OddNames = []string{
	"a b", "a?b=c", "a#b", "a->b", "äöü", "a+b", "a&b", "a;b", "a:b", "a\"b", "a'b", "[a]", "日本", "..", "a,b", "a@b",
}

// SilencedNames are those that Kafka Connect answers of only before 4.0.
var SilencedNames = []string{"a/b", "a%b", "a%2Fb", `a\b`, "a//b"}
