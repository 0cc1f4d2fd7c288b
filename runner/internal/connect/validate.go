package connect

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// Validation is a worker's answer about a config.
type Validation struct {
	// Problems are the settings that the worker would refuse; empty if there are none.
	Problems []ConfigProblem
	// Definitions are the settings that the worker knows for this config, by name: those
	// of the class, of Connect, and of the transforms that the config names.
	Definitions map[string]Definition
}

// ConfigProblem is one setting that a worker refuses, with the worker's own messages.
type ConfigProblem struct {
	Name   string
	Errors []string
}

// Definition is a setting as a worker's ConfigDef has it.
type Definition struct {
	Type string // such as STRING, LIST or PASSWORD
	// Default is its value if the config does not have it; "" also if it has none.
	Default string
}

// Validate asks a worker to validate a config for a connector class. Connectors may contact
// their external system for that.
func (c *Client) Validate(ctx context.Context, class string, config rawjson.Object) (Validation, error) {
	var answer struct {
		Configs []struct {
			Definition *struct {
				Name    string  `json:"name"`
				Type    string  `json:"type"`
				Default *string `json:"default_value"`
			} `json:"definition"`
			Value struct {
				Name   string   `json:"name"`
				Errors []string `json:"errors"`
			} `json:"value"`
		} `json:"configs"`
		ErrorCount json.Number `json:"error_count"`
	}
	if err := c.put(ctx, config, &answer, "connector-plugins", class, "config", "validate"); err != nil {
		return Validation{}, err
	}
	found := Validation{Definitions: map[string]Definition{}}
	for _, setting := range answer.Configs {
		if len(setting.Value.Errors) > 0 {
			found.Problems = append(found.Problems, ConfigProblem{Name: setting.Value.Name, Errors: setting.Value.Errors})
		}
		if setting.Definition == nil { // of a setting that only has errors
			continue
		}
		definition := Definition{Type: setting.Definition.Type}
		if setting.Definition.Default != nil {
			definition.Default = *setting.Definition.Default
		}
		found.Definitions[setting.Definition.Name] = definition
	}
	if len(found.Problems) == 0 && answer.ErrorCount.String() != "0" {
		return Validation{}, fmt.Errorf("validate config of class %q: the worker counts %q errors and names none", class, answer.ErrorCount)
	}
	return found, nil
}
