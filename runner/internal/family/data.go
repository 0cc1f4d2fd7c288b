package family

import (
	"bytes"
	_ "embed"
	"fmt"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

//go:embed families.yaml
var described []byte

// Position is where a connector keeps its position, which decides what a move has to
// copy.
type Position string

// The positions.
const (
	Framework   Position = "framework"   // source: in Connect's offsets
	Group       Position = "group"       // sink: in the offsets of its consumer group
	Destination Position = "destination" // sink: in what it has written
	External    Position = "external"    // source: in the system it reads from, where it acknowledges
	Unknown     Position = ""
)

// Verdict is how serious a finding is.
type Verdict string

// The verdicts. Loss and Twice refuse a move; an operator can accept Twice.
const (
	Loss  Verdict = "loss"
	Twice Verdict = "twice"
	Warn  Verdict = "warn"
)

// Family is a kind of connector, as described in families.yaml.
type Family struct {
	Name string `yaml:"name"`
	// Classes are full class names; one that ends in a dot is a prefix.
	Classes []string `yaml:"classes"`
	// When are the settings that must not be empty for a connector to be of this family.
	When     []string `yaml:"when"`
	Kind     string   `yaml:"kind"` // source or sink
	Position Position `yaml:"position"`
	// Partition are the fields of its source partitions; empty if not known.
	Partition []string `yaml:"partition"`
	// Order are the growing fields of an offset, the most significant first.
	Order []string `yaml:"order"`
	// RandomKeys says that the order of the fields in its keys changes with each process,
	// so that a task may not find an existing offset.
	RandomKeys bool         `yaml:"random_keys"`
	Keep       []Keep       `yaml:"keep"`
	Danger     []Danger     `yaml:"danger"`
	Unfinished []Unfinished `yaml:"unfinished"`
	Rename     *Rename      `yaml:"rename"`
	Selects    []Selects    `yaml:"selects"`
	Also       *Also        `yaml:"also"`
	// Lists are settings of a source that list what it reads, see [ListOf].
	Lists []List `yaml:"lists"`
	// Say is what the operator is always told.
	Say string `yaml:"say"`
}

// Keep is a setting that the copy must share with its origin.
type Keep struct {
	Setting string  `yaml:"setting"`
	Default string  `yaml:"default"`  // its value if it is not set, which TestPublished compares
	AnyCase bool    `yaml:"any_case"` // the connector reads it in capitals or not
	Verdict Verdict `yaml:"verdict"`
	Why     string  `yaml:"why"`
}

// Selects is a setting that selects or protects data: a plugin that does not know it any more
// copies what it left out.
type Selects struct {
	Setting string `yaml:"setting"`
	Instead string `yaml:"instead"` // the setting that replaced it; "" if there is none
	Why     string `yaml:"why"`
}

// Kept returns the names of the settings that the copy must share with its origin.
func (f Family) Kept() []string {
	var names []string
	for _, keep := range f.Keep {
		names = append(names, keep.Setting)
	}
	return names
}

// Danger is a setting with values that it must not have on either side. The value "" also
// stands for a missing setting.
type Danger struct {
	Setting string   `yaml:"setting"`
	Values  []string `yaml:"values"`
	Verdict Verdict  `yaml:"verdict"`
	Why     string   `yaml:"why"`
}

// Unfinished is a field of an offset from which a copy cannot continue well, unless one of
// the fields in Unless is set too. A field is set if it is none of false, 0, null and "".
type Unfinished struct {
	Field   string   `yaml:"field"`
	Unless  []string `yaml:"unless"`
	Verdict Verdict  `yaml:"verdict"`
	Why     string   `yaml:"why"`
}

// Rename is the effect of renaming a connector.
type Rename struct {
	Verdict Verdict `yaml:"verdict"`
	Why     string  `yaml:"why"`
}

// cautious is the family of connectors that are not described.
var cautious = Family{Name: "unknown"}

var load = sync.OnceValues(func() ([]Family, error) { return parse(described) })

// All returns the described families.
func All() []Family {
	families, err := load()
	if err != nil {
		panic("family: the embedded families.yaml is tested to be valid: " + err.Error())
	}
	return families
}

func parse(text []byte) ([]Family, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	var file struct {
		Families []Family `yaml:"families"`
	}
	if err := decoder.Decode(&file); err != nil {
		return nil, fmt.Errorf("families: %w", err)
	}
	for _, family := range file.Families {
		if err := family.complete(); err != nil {
			return nil, fmt.Errorf("family %q: %w", family.Name, err)
		}
	}
	return file.Families, nil
}

// For returns the family of a config.
func For(config rawjson.Object) Family {
	class := config.Text("connector.class")
	for _, family := range All() {
		if family.has(class) && family.applies(config) {
			return family
		}
	}
	return cautious
}

// Known reports whether the family is a described one.
func (f Family) Known() bool { return f.Name != cautious.Name }

func (f Family) applies(config rawjson.Object) bool {
	for _, setting := range f.When {
		if config.Text(setting) == "" {
			return false
		}
	}
	return true
}

// has reports whether a connector.class names a class of the family.
func (f Family) has(asked string) bool {
	for _, class := range f.Classes {
		if strings.HasSuffix(class, ".") {
			if strings.HasPrefix(asked, class) {
				return true
			}
			continue
		}
		if asked == class || connect.NamesClass(asked, class) && f.unambiguous(class[strings.LastIndexByte(class, '.')+1:]) {
			return true
		}
	}
	return false
}

// unambiguous reports whether no class of another family has this simple name.
func (f Family) unambiguous(simple string) bool {
	for _, other := range All() {
		if other.Name == f.Name {
			continue
		}
		for _, class := range other.Classes {
			if class[strings.LastIndexByte(class, '.')+1:] == simple && !f.sharesClasses(other) {
				return false
			}
		}
	}
	return true
}

// sharesClasses reports whether two families differ only by settings.
func (f Family) sharesClasses(other Family) bool {
	for _, class := range f.Classes {
		for _, theirs := range other.Classes {
			if class == theirs {
				return true
			}
		}
	}
	return false
}
