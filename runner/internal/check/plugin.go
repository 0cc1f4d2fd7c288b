package check

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/config"
	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// Creatable returns nil if a connector with this config can be created on a cluster, and
// the reason if not.
func Creatable(ctx context.Context, target *cluster.Cluster, settings rawjson.Object) error {
	answer, err := target.Server(ctx)
	if err != nil {
		return err
	}
	if err := canHoldCopy(target, answer); err != nil {
		return err
	}
	if _, err := installed(ctx, target, config.Class(settings)); err != nil {
		return err
	}
	return accepted(ctx, target, settings)
}

// plugin refuses a target that lacks the connector's class.
func plugin(ctx context.Context, f *facts) (string, error) {
	class := config.Class(f.config())
	theirs, err := installed(ctx, f.request.Target, class)
	if err != nil {
		return "", err
	}
	ours, err := f.request.Origin.Client.Plugins(ctx)
	if err != nil {
		return "", fmt.Errorf("plugins of %s: %w", f.request.Origin.Name, err)
	}
	found := fmt.Sprintf("%s %s on %s", theirs.Class, theirs.Version, f.request.Target.Name)
	if here, has := find(ours, class); has && here.Version != theirs.Version {
		f.warn("%s, another version than %s on %s", found, here.Version, f.request.Origin.Name)
		return "", nil
	}
	return found, nil
}

// installed returns a cluster's plugin for a connector.class.
func installed(ctx context.Context, on *cluster.Cluster, class string) (connect.Plugin, error) {
	plugins, err := on.Client.Plugins(ctx)
	if err != nil {
		return connect.Plugin{}, fmt.Errorf("plugins of %s: %w", on.Name, err)
	}
	if plugin, has := find(plugins, class); has {
		return plugin, nil
	}
	return connect.Plugin{}, cluster.Refused(fmt.Sprintf("%s lacks the plugin %s, install it on its workers; they have %s", on.Name, class, classes(plugins)))
}

// find returns the plugin that a connector.class names.
func find(plugins []connect.Plugin, class string) (connect.Plugin, bool) {
	at := slices.IndexFunc(plugins, func(plugin connect.Plugin) bool { return names(plugin.Class, class) })
	if at < 0 {
		return connect.Plugin{}, false
	}
	return plugins[at], true
}

// names reports whether a connector.class names this class. Connect takes the full name,
// the simple name, and the simple name without Connector (PluginUtils.simpleName and
// prunedName).
func names(class, asked string) bool {
	simple := class[strings.LastIndexByte(class, '.')+1:]
	return asked == class || asked == simple || asked+"Connector" == simple
}

func classes(plugins []connect.Plugin) string {
	var names []string
	for _, plugin := range plugins {
		names = append(names, plugin.Class)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// validation has the target validate the config of the copy.
func validation(ctx context.Context, f *facts) (string, error) {
	return f.request.Target.Name + " accepts the config", accepted(ctx, f.request.Target, f.config())
}

func accepted(ctx context.Context, target *cluster.Cluster, settings rawjson.Object) error {
	problems, err := target.Client.Validate(ctx, config.Class(settings), settings)
	if err != nil {
		return fmt.Errorf("validate the config on %s: %w", target.Name, err)
	}
	if len(problems) == 0 {
		return nil
	}
	var said []string
	for _, problem := range problems {
		said = append(said, problem.Name+": "+event.OneLine(strings.Join(problem.Errors, "; ")))
	}
	return cluster.Refused(fmt.Sprintf("%s refuses the config: %s", target.Name, strings.Join(said, " | ")))
}
