package check

import (
	"context"
	"errors"
	"fmt"
	"net/http"
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
	plugins, err := installed(ctx, target, config.Class(settings))
	if err != nil {
		return err
	}
	if _, err := taken(target, plugins, settings.Text(pinKey)); err != nil {
		return err
	}
	return accepted(ctx, target, settings)
}

// installed returns a cluster's plugins for a connector.class, one for each version.
func installed(ctx context.Context, on *cluster.Cluster, class string) ([]connect.Plugin, error) {
	plugins, err := on.Client.Plugins(ctx)
	if err != nil {
		return nil, fmt.Errorf("plugins of %s: %w", on.Name, err)
	}
	if found := of(plugins, class); len(found) > 0 {
		return found, nil
	}
	return nil, cluster.Refused(fmt.Sprintf("%s lacks the plugin %s, install it on its workers; they have %s", on.Name, class, classes(plugins)))
}

// of returns the plugins that a connector.class names.
func of(plugins []connect.Plugin, class string) []connect.Plugin {
	return slices.DeleteFunc(slices.Clone(plugins), func(plugin connect.Plugin) bool { return !connect.NamesClass(class, plugin.Class) })
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
	answer, err := f.validate(ctx)
	if err != nil {
		return "", err
	}
	return f.request.Target.Name + " accepts the config", refusal(f.request.Target, answer)
}

func accepted(ctx context.Context, target *cluster.Cluster, settings rawjson.Object) error {
	answer, err := validate(ctx, target, settings)
	if err != nil {
		return err
	}
	return refusal(target, answer)
}

func validate(ctx context.Context, on *cluster.Cluster, settings rawjson.Object) (connect.Validation, error) {
	answer, err := on.Client.Validate(ctx, config.Class(settings), settings)
	if said, ok := errors.AsType[*connect.ResponseError](err); ok && said.Status == http.StatusInternalServerError && !connect.IsTemporary(err) {
		// As of a secret's file that only the other cluster's workers have: the worker fails
		// before it looks at any setting.
		return connect.Validation{}, cluster.Refused(fmt.Sprintf("%s cannot validate the config: %s; what it refers to must be there too, such as the files of config providers",
			on.Name, connect.Message(err)))
	}
	if err != nil {
		return connect.Validation{}, fmt.Errorf("validate the config on %s: %w", on.Name, err)
	}
	return answer, nil
}

func refusal(target *cluster.Cluster, answer connect.Validation) error {
	if len(answer.Problems) == 0 {
		return nil
	}
	var said []string
	for _, problem := range answer.Problems {
		said = append(said, problem.Name+": "+event.OneLine(strings.Join(problem.Errors, "; ")))
	}
	return cluster.Refused(fmt.Sprintf("%s refuses the config: %s", target.Name, strings.Join(said, " | ")))
}
