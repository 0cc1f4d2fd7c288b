package rawjson

import (
	"bytes"
	"encoding/json"
)

// Encode returns a value of our own as JSON on one line, with <, > and & as they are. It panics if
// the value holds what JSON cannot hold, which no value of a fixed type without floats does.
func Encode(value any) []byte {
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic("rawjson: a value that JSON cannot hold: " + err.Error())
	}
	return bytes.TrimSuffix(line.Bytes(), []byte("\n"))
}
