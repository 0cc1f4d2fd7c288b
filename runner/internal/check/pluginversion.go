package check

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
)

// pinKey pins the version of a connector's plugin (KIP-891, Kafka 4.1).
const pinKey = "connector.plugin.version"

// plugin refuses a target that lacks the connector's class, or the version that the config
// pins, and warns if another version will run there.
func plugin(ctx context.Context, f *facts) (string, error) {
	class, target, origin := config.Class(f.config()), f.request.Target, f.request.Origin
	theirs, err := installed(ctx, target, class)
	if err != nil {
		return "", err
	}
	takes, err := taken(target, theirs, f.config().Text(pinKey))
	if err != nil {
		return "", err
	}
	plugins, err := origin.Client.Plugins(ctx)
	if err != nil {
		return "", fmt.Errorf("plugins of %s: %w", origin.Name, err)
	}
	runs := f.seen.Origin.Status.Connector.Version
	if ours := of(plugins, class); runs == "" && len(ours) > 0 {
		runs = versionsOf(ours)
	}
	f.sameVersion = runs == takes && takes != ""
	found := fmt.Sprintf("%s %s on %s", theirs[0].Class, takes, target.Name)
	if runs != takes && runs != "" {
		f.warn("%s, another version than %s on %s", found, runs, origin.Name)
		return "", nil
	}
	return found, nil
}

// PluginVersions returns the versions that a cluster has of the plugin that a connector.class
// names: "4.3.1", or "1.0 or 1.1". It is a [cluster.RefusedError] if there is none.
func PluginVersions(ctx context.Context, on *cluster.Cluster, class string) (string, error) {
	found, err := installed(ctx, on, class)
	return versionsOf(found), err
}

// taken returns the version that a cluster would take of a plugin: the one that the config
// pins, or the latest it has.
func taken(on *cluster.Cluster, plugins []connect.Plugin, pin string) (string, error) {
	latest := slices.MaxFunc(plugins, func(a, b connect.Plugin) int { return compareVersions(a.Version, b.Version) }).Version
	if pin == "" || pin == "latest" || strings.ContainsAny(pin, ",(") { // a range is for the worker's validation
		return latest, nil
	}
	pin = strings.Trim(pin, "[]")
	if !slices.ContainsFunc(plugins, func(plugin connect.Plugin) bool { return plugin.Version == pin }) {
		return "", cluster.Refused(fmt.Sprintf("%s lacks version %s of %s, which %s pins; it has %s: install it on its workers, or pin another with --set %s=VERSION",
			on.Name, pin, plugins[0].Class, pinKey, versionsOf(plugins), pinKey))
	}
	if !on.Has(cluster.PluginPins) && latest != pin {
		return "", cluster.Refused(fmt.Sprintf("the workers of %s do not know %s (Apache Kafka %s does) and may load another version of %s than %s: they have %s",
			on.Name, pinKey, cluster.PluginPins, plugins[0].Class, pin, versionsOf(plugins)))
	}
	return pin, nil
}

func versionsOf(plugins []connect.Plugin) string {
	var versions []string
	for _, plugin := range plugins {
		versions = append(versions, plugin.Version)
	}
	slices.SortFunc(versions, compareVersions)
	return strings.Join(slices.Compact(versions), " or ")
}

// compareVersions orders versions by their numbers, as far as they have any.
func compareVersions(a, b string) int {
	split := func(version string) []string {
		return strings.FieldsFunc(version, func(r rune) bool { return r == '.' || r == '-' || r == '_' || r == '+' })
	}
	ours, theirs := split(a), split(b)
	for i := range min(len(ours), len(theirs)) {
		x, errX := strconv.Atoi(ours[i])
		y, errY := strconv.Atoi(theirs[i])
		order := cmp.Compare(ours[i], theirs[i])
		if errX == nil && errY == nil {
			order = cmp.Compare(x, y)
		}
		if order != 0 {
			return order
		}
	}
	return cmp.Compare(len(ours), len(theirs))
}
