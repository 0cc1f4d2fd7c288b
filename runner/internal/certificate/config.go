package certificate

import (
	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
	"github.com/connect-ferry/connect-ferry/runner/internal/secret"
)

// Config compares the configs of both sides, without ferry's marks and the name.
type Config struct {
	// Settings is how many settings either side has.
	Settings    int                       `json:"settings"`
	Differences []event.SettingDifference `json:"differences,omitempty"`
	Secrets     []Secret                  `json:"secrets,omitempty"`
	// SHA256 is of each config in canonical form, with "***" for the value of each of Secrets.
	SHA256 event.Hashes `json:"sha256"`
}

// Secret is a setting whose value is not shown.
type Secret struct {
	Setting string `json:"setting"`
	// Equal says that both sides have the same value; nil if only one side's config is known.
	Equal *bool `json:"equal,omitempty"`
}

// hidden stands for a secret.
var hidden = rawjson.String("***")

// compare returns nil if neither side's config is known.
func compare(origin, target *rawjson.Object) *Config {
	if origin == nil && target == nil {
		return nil
	}
	from, to := bare(origin), bare(target)
	both := origin != nil && target != nil
	found := &Config{}
	if both {
		found.Differences = config.Differences(from, to)
	}
	for _, key := range keys(from, to) {
		found.Settings++
		if !secret.InConfig(key, from.Text(key)) && !secret.InConfig(key, to.Text(key)) {
			continue
		}
		kept := Secret{Setting: key}
		if both {
			equal := from.Text(key) == to.Text(key)
			kept.Equal = &equal
		}
		found.Secrets = append(found.Secrets, kept)
		from, to = hide(from, key), hide(to, key)
	}
	if origin != nil {
		found.SHA256.Origin = from.Value().SHA256()
	}
	if target != nil {
		found.SHA256.Target = to.Value().SHA256()
	}
	return found
}

// bare is a config without what differs anyway.
func bare(of *rawjson.Object) rawjson.Object {
	if of == nil {
		return rawjson.Object{}
	}
	return config.WithoutMarks(*of).Without("name")
}

func keys(a, b rawjson.Object) []string {
	all := a.Keys()
	for _, key := range b.Keys() {
		if _, has := a.Get(key); !has {
			all = append(all, key)
		}
	}
	return all
}

func hide(of rawjson.Object, key string) rawjson.Object {
	if _, has := of.Get(key); !has {
		return of
	}
	return of.With(key, hidden)
}
