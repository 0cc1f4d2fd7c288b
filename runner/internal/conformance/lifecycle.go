package conformance

import (
	"net/http"
	"slices"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

func (s *Suite) server() {
	server, err := s.Client.Server(s.ctx)
	s.Must(err)
	if server.Version == "" || server.KafkaClusterID == "" {
		s.Errorf("server says of itself %+v", server)
	}
}

func (s *Suite) createStopped() {
	topic := s.Topic()
	name := s.Create(s.Source(topic, 2), connect.Stopped)
	// Long enough for tasks to start if there were any.
	s.Must(wait.For(s.ctx, 2*time.Second))
	s.AwaitAll(name, connect.Stopped, 0)
	s.WantTasks(name, 0)
	s.WantOffsets(name, `{"offsets":[]}`)
	topics, err := s.Client.ActiveTopics(s.ctx, name)
	s.Must(err)
	if len(topics) != 0 {
		s.Errorf("it has written to %v", topics)
	}
}

func (s *Suite) createRunning() {
	name := s.Create(s.Source(s.Topic(), 2), connect.Running)
	s.AwaitAll(name, connect.Running, 2)
	s.WantTasks(name, 2)
	names, err := s.Client.Connectors(s.ctx)
	s.Must(err)
	if !slices.Contains(names, name) {
		s.Errorf("connectors are %v without %q", names, name)
	}
	status, err := s.Client.Status(s.ctx, name)
	s.Must(err)
	if status.Name != name || status.Type != "source" || status.Connector.WorkerID == "" || status.Tasks[0].WorkerID == "" {
		s.Errorf("status lacks something: %+v", status)
	}
}

// createPaused: a connector has no tasks before it ran for the first time.
func (s *Suite) createPaused() {
	name := s.Create(s.Source(s.Topic(), 2), connect.Paused)
	s.Must(wait.For(s.ctx, time.Second))
	s.AwaitAll(name, connect.Paused, 0)
	s.WantTasks(name, 0)
	s.Must(s.Client.Resume(s.ctx, name))
	s.AwaitAll(name, connect.Running, 2)
}

func (s *Suite) createInUnknownState() {
	name := s.Topic() + "-connector"
	err := s.Client.Create(s.ctx, name, s.Source(s.Topic(), 1), "RESTING")
	s.WantRefused(err, http.StatusInternalServerError, "No enum constant")
	if connect.IsTemporary(err) {
		s.Errorf("%v counts as temporary", err)
	}
	if _, err := s.Client.Config(s.ctx, name); !connect.IsNotFound(err) {
		s.Errorf("the connector exists, or: %v", err)
	}
}

func (s *Suite) createTakenName() {
	name := s.Create(s.Source(s.Topic(), 1), connect.Stopped)
	err := s.CreateAgain(name, s.Source(s.Topic(), 1), connect.Running)
	s.WantRefused(err, http.StatusConflict, "Connector "+name+" already exists")
	if !connect.IsAlreadyExists(err) || connect.IsTemporary(err) {
		s.Errorf("%v is not taken for a taken name", err)
	}
	s.AwaitAll(name, connect.Stopped, 0)
}

func (s *Suite) createInvalid() {
	name := s.Topic() + "-connector"
	err := s.Client.Create(s.ctx, name, s.Source(s.Topic(), 1).Without(s.Required), connect.Stopped)
	s.WantRefused(err, http.StatusBadRequest, "Connector configuration is invalid and contains the following 1 error(s): "+
		`Missing required configuration "`+s.Required+`" which has no default value.`)
	err = s.Client.Create(s.ctx, name, s.Source(s.Topic(), 1).Without("connector.class"), connect.Stopped)
	s.WantRefused(err, http.StatusBadRequest, "contains no connector type")
	err = s.Client.Create(s.ctx, name, s.Source(s.Topic(), 1).With("connector.class", rawjson.String("no.such.Class")), connect.Stopped)
	s.WantRefused(err, 0, "Failed to find any class that implements Connector and which name matches no.such.Class")
	if connect.IsTemporary(err) {
		s.Errorf("%v counts as temporary", err)
	}
	err = s.Client.Create(s.ctx, name, s.Source(s.Topic(), 1).With("name", rawjson.String("other")), connect.Stopped)
	s.WantRefused(err, http.StatusBadRequest, "Connector name configuration (other) doesn't match connector name in the URL ("+name+")")
	if _, err := s.Client.Config(s.ctx, name); !connect.IsNotFound(err) {
		s.Errorf("the connector exists, or: %v", err)
	}
}

func (s *Suite) unknownConnector() {
	name := s.Topic() + "-connector"
	patch := s.JSON(`{"offsets":[{"partition":{"a":"b"},"offset":null}]}`)
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
	s.Must(s.Client.Delete(s.ctx, name))
	// Of active topics Connect keeps no list of connectors.
	topics, err := s.Client.ActiveTopics(s.ctx, name)
	if err != nil || len(topics) != 0 {
		s.Errorf("active topics of an unknown connector: %v, %v", topics, err)
	}
}

func (s *Suite) pauseAndResume() {
	topic := s.Topic()
	name := s.Create(s.Source(topic, 2), connect.Running)
	s.AwaitAll(name, connect.Running, 2)
	s.Must(s.Client.Pause(s.ctx, name))
	s.AwaitAll(name, connect.Paused, 2)
	s.WantTasks(name, 2)
	s.Must(s.Client.Resume(s.ctx, name))
	s.AwaitAll(name, connect.Running, 2)
}

// stopAndResume: a stop commits what was written, and a resume goes on there.
func (s *Suite) stopAndResume() {
	topic := s.Topic()
	name := s.Create(s.Source(topic, 2), connect.Running)
	s.AwaitAll(name, connect.Running, 2)
	s.HasWritten(name, topic)
	s.Stop(name)
	first := s.ReadOffsets(name)
	if first.Len() == 0 {
		s.Fatal("no offsets after the stop")
	}
	s.Must(s.Client.Resume(s.ctx, name))
	s.AwaitAll(name, connect.Running, 2)
	s.Must(wait.For(s.ctx, 2*time.Second))
	s.Stop(name)
	second := s.ReadOffsets(name)
	if regressed := offset.Regressed(first, second); len(regressed) > 0 {
		s.Errorf("offsets went from %s to %s", first.JSON(), second.JSON())
	}
	if offset.Equal(first, second) {
		s.Errorf("offsets stayed %s", first.JSON())
	}
}

func (s *Suite) stopTwice() {
	name := s.Create(s.Source(s.Topic(), 1), connect.Running)
	s.AwaitAll(name, connect.Running, 1)
	s.Must(s.Client.Pause(s.ctx, name))
	s.AwaitAll(name, connect.Paused, 1)
	s.Stop(name)
	s.Stop(name)
	s.Must(s.Client.Pause(s.ctx, name))
	s.AwaitAll(name, connect.Paused, 0)
	s.Must(s.Client.Resume(s.ctx, name))
	s.AwaitAll(name, connect.Running, 1)
}

// putConfig: a config may be put in any state and does not change it.
func (s *Suite) putConfig() {
	config := s.Source(s.Topic(), 1)
	name := s.Create(config, connect.Stopped)
	changed := config.With("name", rawjson.String(name)).With("ferry.note", rawjson.String("a \"note\" ü ${file:x:y}"))
	s.Must(s.Client.PutConfig(s.ctx, name, changed))
	s.Must(wait.For(s.ctx, time.Second))
	s.AwaitAll(name, connect.Stopped, 0)
	s.WantTasks(name, 0)
	s.wantConfig(name, changed)
	s.Must(s.Client.Resume(s.ctx, name))
	s.AwaitAll(name, connect.Running, 1)
	more := s.Source(s.Topic(), 2).With("name", rawjson.String(name))
	s.Must(s.Client.PutConfig(s.ctx, name, more))
	s.AwaitAll(name, connect.Running, 2)
	s.wantConfig(name, more)
	err := s.Client.PutConfig(s.ctx, name, more.Without(s.Required))
	s.WantRefused(err, http.StatusBadRequest, "Connector configuration is invalid")
	s.wantConfig(name, more)
}

// patchConfig: a patch changes what it names, in any state, and creates nothing.
func (s *Suite) patchConfig() {
	if !s.Has(cluster.PatchConfig) {
		return
	}
	config := s.Source(s.Topic(), 1)
	name := s.Create(config, connect.Stopped)
	config = config.With("name", rawjson.String(name))
	note := rawjson.Object{}.With("ferry.note", rawjson.String("a \"note\" ü"))
	s.Must(s.Client.PatchConfig(s.ctx, name, note))
	s.wantConfig(name, config.With("ferry.note", rawjson.String("a \"note\" ü")))
	s.Must(s.Client.PatchConfig(s.ctx, name, note.With("ferry.note", rawjson.Null)))
	s.wantConfig(name, config)
	s.AwaitAll(name, connect.Stopped, 0)
	s.WantTasks(name, 0)
	s.Must(s.Client.Delete(s.ctx, name))
	err := s.Client.PatchConfig(s.ctx, name, note)
	s.WantRefused(err, http.StatusNotFound, "Connector "+name+" not found")
	if _, err := s.Client.Config(s.ctx, name); !connect.IsNotFound(err) {
		s.Errorf("the patch created it: %v", err)
	}
}

func (s *Suite) wantConfig(name string, want rawjson.Object) {
	s.Helper()
	have, err := s.Client.Config(s.ctx, name)
	s.Must(err)
	if !rawjson.Equal(have.Value(), want.Value()) {
		s.Errorf("config is %s, want %s", have, want)
	}
}

func (s *Suite) validate() {
	config := s.Source(s.Topic(), 1).With("name", rawjson.String("any")).With("ferry.note", rawjson.String("x"))
	class := config.Text("connector.class")
	answer, err := s.Client.Validate(s.ctx, class, config)
	s.Must(err)
	if len(answer.Problems) != 0 {
		s.Errorf("problems of a good config: %v", answer.Problems)
	}
	if has := answer.Definitions; has["rate"].Default != "50" || has["tasks.max"].Default != "1" {
		s.Errorf("the definitions are %+v", has)
	}
	if _, ok := answer.Definitions["ferry.note"]; ok {
		s.Errorf("a setting that nobody defines is defined: %+v", answer.Definitions["ferry.note"])
	}
	answer, err = s.Client.Validate(s.ctx, class, config.Without(s.Required).With("tasks.max", rawjson.String("many")))
	s.Must(err)
	var wrong []string
	for _, problem := range answer.Problems {
		wrong = append(wrong, problem.Name)
	}
	slices.Sort(wrong)
	want := []string{"tasks.max", s.Required}
	slices.Sort(want)
	if !slices.Equal(wrong, want) {
		s.Errorf("problems of a bad config: %q, want them of %q", answer.Problems, want)
	}
	_, err = s.Client.Validate(s.ctx, "no.such.Class", config)
	s.WantRefused(err, http.StatusBadRequest, "Included connector type "+class+" does not match request type no.such.Class")
	_, err = s.Client.Validate(s.ctx, "no.such.Class", config.With("connector.class", rawjson.String("no.such.Class")))
	s.WantRefused(err, http.StatusInternalServerError, "Failed to find any class that implements Connector and which name matches no.such.Class")
}

func (s *Suite) plugins() {
	class := s.Source(s.Topic(), 1).Text("connector.class")
	plugins, err := s.Client.Plugins(s.ctx)
	s.Must(err)
	found := slices.IndexFunc(plugins, func(plugin connect.Plugin) bool { return plugin.Class == class })
	if found < 0 || plugins[found].Type != "source" || plugins[found].Version == "" {
		s.Errorf("plugin %s is not listed well in %+v", class, plugins)
	}
}

// delete: offsets survive their connector, active topics do not.
func (s *Suite) delete() {
	topic := s.Topic()
	config := s.Source(topic, 1)
	name := s.Create(config, connect.Running)
	s.AwaitAll(name, connect.Running, 1)
	s.HasWritten(name, topic)
	s.Stop(name)
	kept := s.ReadOffsets(name)
	s.Must(s.Client.Delete(s.ctx, name))
	s.Must(s.AwaitGone(s.ctx, name))
	names, err := s.Client.Connectors(s.ctx)
	s.Must(err)
	if slices.Contains(names, name) {
		s.Errorf("connectors are %v with the deleted %q", names, name)
	}
	s.Must(s.CreateAgain(name, config, connect.Stopped))
	s.AwaitAll(name, connect.Stopped, 0)
	s.WantTasks(name, 0)
	if found := s.ReadOffsets(name); kept.Len() == 0 || !offset.Equal(kept, found) {
		s.Errorf("offsets after the deletion are %s, before %s", found.JSON(), kept.JSON())
	}
	topics, err := s.Client.ActiveTopics(s.ctx, name)
	s.Must(err)
	if len(topics) != 0 {
		s.Errorf("active topics %v outlived the connector", topics)
	}
}

func (s *Suite) activeTopics() {
	topic := s.Topic()
	name := s.Create(s.Source(topic, 1), connect.Running)
	s.HasWritten(name, topic)
	s.Stop(name)
	topics, err := s.Client.ActiveTopics(s.ctx, name)
	s.Must(err)
	if !slices.Equal(topics, []string{topic}) {
		s.Errorf("active topics of the stopped connector: %v", topics)
	}
	s.Must(s.Client.ResetActiveTopics(s.ctx, name))
	s.Must(wait.For(s.ctx, time.Second))
	topics, err = s.Client.ActiveTopics(s.ctx, name)
	s.Must(err)
	if len(topics) != 0 {
		s.Errorf("active topics after the reset: %v", topics)
	}
	s.Must(s.Client.Resume(s.ctx, name))
	s.HasWritten(name, topic)
}

// names: Connect takes names with any character but control characters. With
// those of [unaskableNames] a name has no URL since Kafka 4.0.
func (s *Suite) names() {
	names := oddNames
	if !s.Has(cluster.Version{Major: 4}) {
		names = append(slices.Clone(names), unaskableNames...)
	} else {
		s.silencedNames()
	}
	for _, odd := range names {
		name := odd + s.Topic()
		s.CreateNamed(name, s.Source(s.Topic(), 1), connect.Stopped)
		s.Patch(name, `{"offsets":[{"partition":{"p":"x"},"offset":{"n":1}}]}`)
		s.WantOffsets(name, `{"offsets":[{"partition":{"p":"x"},"offset":{"n":1}}]}`)
		s.WantTasks(name, 0)
		config, err := s.Client.Config(s.ctx, name)
		s.Must(err)
		if config.Text("name") != name {
			s.Errorf("config of %q names %q", name, config.Text("name"))
		}
		if _, err := s.Client.ActiveTopics(s.ctx, name); err != nil {
			s.Error(err)
		}
		s.Must(s.Client.PutConfig(s.ctx, name, config.With("ferry.note", rawjson.String("x"))))
	}
	braces := "a{b}" + s.Topic()
	err := s.CreateAgain(braces, s.Source(s.Topic(), 1), connect.Stopped)
	s.WantRefused(err, http.StatusInternalServerError, "The template variable 'b' has no value")
	s.AwaitAll(braces, connect.Stopped, 0) // it was created all the same
	s.Remove(s.ctx, braces)
	err = s.Client.Create(s.ctx, "a\tb", s.Source(s.Topic(), 1), connect.Stopped)
	s.WantRefused(err, http.StatusBadRequest, "String may not contain control sequences but had the following ASCII chars: 9")
}

// silencedNames asks for connectors of such names only, as one that exists could
// not even be deleted.
func (s *Suite) silencedNames() {
	for _, odd := range unaskableNames {
		_, err := s.Client.Config(s.ctx, odd)
		s.WantRefused(err, http.StatusBadRequest, "")
		if connect.IsNotFound(err) || connect.IsTemporary(err) {
			s.Errorf("%q: %v", odd, err)
		}
	}
}

// oddNames are beginnings of names that a careless path breaks.
var oddNames = []string{
	"a b", "a?b=c", "a#b", "a->b", "äöü", "a+b", "a&b", "a;b", "a:b", "a\"b", "a'b", "[a]", "日本", "..", "a,b", "a@b",
}

// unaskableNames are those that Kafka Connect answers of only before 4.0.
var unaskableNames = []string{"a/b", "a%b", "a%2Fb", `a\b`, "a//b"}
