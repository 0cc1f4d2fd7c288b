package handover

import (
	"bytes"
	"encoding/json"

	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

const fileJSON = "connector.json"

// json returns the config as Kafka Connect's REST takes and shows it.
func (c Connector) json() []File {
	var config rawjson.Object
	for _, setting := range c.Settings {
		value := rawjson.String(setting.text())
		if setting.Null {
			value = rawjson.Null
		}
		config = config.With(setting.Key, value)
	}
	var out bytes.Buffer
	_ = json.Indent(&out, config.Value().Bytes(), "", "  ") // an object is valid JSON
	out.WriteByte('\n')
	return []File{{fileJSON, out.String()}}
}
