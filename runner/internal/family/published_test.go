package family

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/lab"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// spoken is what the published code says of a class, see testdata/Published.java.
type spoken struct {
	Label      string             `json:"label"` // the plugin
	What       string             `json:"what"`
	Settings   map[string]*string `json:"settings"`   // their defaults, nil for none
	Partitions [][]string         `json:"partitions"` // sorted fields
	Text       string             `json:"text"`
	Error      string             `json:"error"`
}

// TestPublished holds families.yaml against the published connectors: every setting that
// it names is one of theirs, has the default that is written there, and the partitions
// that their code makes have the fields that are written there.
func TestPublished(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Maven and a JVM, and -short is for tests that need nothing")
	}
	said := ask(t)
	for _, kind := range All() {
		t.Run(kind.Name, func(t *testing.T) {
			var versions []spoken
			for _, class := range kind.Classes {
				if why, missing := unpublished[class]; missing {
					t.Logf("%s is not held against its code: %s", class, why)
					continue
				}
				of := slices.DeleteFunc(slices.Clone(said), func(s spoken) bool { return s.What != class })
				if len(of) == 0 {
					t.Errorf("%s is neither published nor unpublished in this test", class)
				}
				versions = append(versions, of...)
				kind.holdPartitions(t, class, said)
			}
			if len(versions) == 0 {
				t.Skip("Maven finds no version of it")
			}
			kind.holdSettings(t, versions, said)
		})
	}
	holdMirror(t, said)
	holdGroups(t, said)
	for class := range unpublished {
		if !slices.ContainsFunc(All(), func(f Family) bool { return slices.Contains(f.Classes, class) }) {
			t.Errorf("%s is in no family any more", class)
		}
	}
}

// ask runs the published code, in one JVM.
func ask(t *testing.T) []spoken {
	t.Helper()
	var arguments []string
	for _, p := range published {
		folder, label := "", "Apache Kafka "+lab.KafkaVersion
		if p.plugin.Name != "" {
			var err error
			if folder, err = p.plugin.Jars(t.Context(), os.Stderr); err != nil {
				t.Fatal(err)
			}
			label = p.plugin.Name + " " + p.plugin.Version
		}
		for _, what := range slices.Concat(p.connectors, p.makers(), p.further) {
			arguments = append(arguments, label+"|"+folder+"|"+what)
		}
	}
	started := time.Now()
	answer, err := lab.RunJava(t.Context(), os.Stderr, "testdata/Published.java", arguments...)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d classes in %.1f s", len(arguments), time.Since(started).Seconds())
	var said []spoken
	if err := json.Unmarshal(answer, &said); err != nil {
		t.Fatalf("%v: %s", err, answer)
	}
	for _, s := range said {
		if s.Error != "" {
			t.Errorf("%s: %s: %s", s.Label, s.What, s.Error)
		}
	}
	return said
}

// holdSettings compares with each version of the family's classes.
func (f Family) holdSettings(t *testing.T, versions, said []spoken) {
	t.Helper()
	named := slices.Clone(f.When)
	if f.Also != nil {
		for _, group := range f.Also.Groups {
			named = append(named, group.Setting)
		}
		named = append(named, f.Also.Elsewhere...)
	}
	for _, keep := range f.Keep {
		named = append(named, keep.Setting)
		for _, version := range versions {
			if found, ok := version.Settings[keep.Setting]; ok && text(found) != keep.Default && drawn[keep.Setting] == "" {
				t.Errorf("%s: the default of %s is %q, not %q", version.Label, keep.Setting, text(found), keep.Default)
			}
		}
	}
	for _, danger := range f.Danger {
		named = append(named, danger.Setting)
		for _, version := range versions {
			found, ok := version.Settings[danger.Setting]
			missing := slices.Contains(danger.Values, "")
			if isDanger := slices.Contains(danger.Values, text(found)); ok && isDanger != missing {
				t.Errorf("%s: the default of %s is %q, but the danger is %q", version.Label, danger.Setting, text(found), danger.Values)
			}
		}
	}
	for _, setting := range named {
		if undefined[setting] == "" && !slices.ContainsFunc(slices.Concat(versions, further(said, versions)), func(s spoken) bool { _, ok := s.Settings[setting]; return ok }) {
			t.Errorf("%s is a setting of no version: %s", setting, labels(versions))
		}
	}
}

// holdPartitions compares with the partitions that the code of a class makes.
func (f Family) holdPartitions(t *testing.T, class string, said []spoken) {
	t.Helper()
	if f.Kind != "source" || f.Position != Framework {
		return
	}
	for _, p := range published {
		maker, has := p.partitions[class]
		if !has && slices.Contains(p.connectors, class) {
			t.Errorf("nothing makes the partitions of %s", class)
		}
		for _, s := range said {
			if s.What != maker || len(f.Partition) == 0 {
				continue
			}
			want := slices.Sorted(slices.Values(f.Partition))
			if old, other := formerly[s.Label]; other {
				want = old
			}
			if len(s.Partitions) == 0 || slices.ContainsFunc(s.Partitions, func(fields []string) bool { return !slices.Equal(fields, want) }) {
				t.Errorf("%s: %s makes partitions of %q, not of %q", s.Label, maker, s.Partitions, want)
			}
		}
	}
}

// further returns what else the plugins of these versions define.
func further(said, versions []spoken) []spoken {
	return slices.DeleteFunc(slices.Clone(said), func(s spoken) bool {
		return !slices.ContainsFunc(versions, func(v spoken) bool { return v.Label == s.Label }) ||
			!slices.ContainsFunc(published, func(p publication) bool { return slices.Contains(p.further, s.What) })
	})
}

// holdMirror compares the defaults that mirror.go goes by.
func holdMirror(t *testing.T, said []spoken) {
	t.Helper()
	const source = "org.apache.kafka.connect.mirror.MirrorSourceConnector"
	for _, s := range said {
		for setting, missing := range map[string]string{
			"offset-syncs.topic.location": "source", "emit.offset-syncs.enabled": "true", "target.cluster.alias": "target",
			"replication.policy.separator": ".", "replication.policy.class": defaultPolicy, "replication.policy.internal.topic.separator.enabled": "true",
		} {
			if found, ok := s.Settings[setting]; s.What == source && (!ok || text(found) != missing) {
				t.Errorf("%s: the default of %s is %q, not %q", s.Label, setting, text(found), missing)
			}
		}
	}
}

// holdGroups compares the names of the groups in which a sink keeps a second position.
func holdGroups(t *testing.T, said []spoken) {
	t.Helper()
	config := rawjson.Object{}.With("connector.class", rawjson.String(iceberg))
	for _, s := range said {
		for _, group := range For(config).Also.of(config) {
			if base := group.base("any", config); s.What == icebergGroup && s.Text != base {
				t.Errorf("%s: its group is named after %q, not %q", s.Label, s.Text, base)
			}
		}
	}
}

func text(of *string) string {
	if of == nil {
		return ""
	}
	return *of
}

func labels(versions []spoken) string {
	var all []string
	for _, version := range versions {
		all = append(all, version.Label)
	}
	return strings.Join(all, ", ")
}
