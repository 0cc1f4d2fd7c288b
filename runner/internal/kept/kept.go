// Package kept keeps what it takes to bring back the origin's copy of a connector, in files that
// are written before the copy is removed: the certificate (schemas/accepted.schema.json) and,
// beside it, its last offsets as Connect has them. No secret is in either: the config is masked,
// and the copy on the target has the secrets.
//
// A certificate is the record of one removal and is never replaced by that of another: a copy
// that somebody creates again gets a second one.
package kept

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/offset"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// SchemaID is the value of "schema" in every certificate.
const SchemaID = "connect-ferry/accepted/1"

// Certificate says what was removed, and how to bring it back.
type Certificate struct {
	Schema          string        `json:"schema"`
	Connector       string        `json:"connector"`
	TargetConnector string        `json:"target_connector"`
	Origin          string        `json:"origin"`
	Target          string        `json:"target"`
	KeptAt          time.Time     `json:"kept_at"`
	RemovedAt       time.Time     `json:"removed_at,omitzero"`
	AcceptedBy      string        `json:"accepted_by"` // "" if nobody is known
	OriginState     connect.State `json:"origin_state"`
	TargetState     connect.State `json:"target_state"`
	// Config is that of the origin's copy, *** for each secret.
	Config       rawjson.Object            `json:"config"`
	ConfigSHA256 string                    `json:"config_sha256"`
	Differences  []event.SettingDifference `json:"config_difference,omitempty"`
	// Shared says that both sides keep their offsets in one place, so that there are no others.
	Shared        bool     `json:"offsets_shared"`
	OffsetsFile   string   `json:"offsets_file,omitempty"` // beside the certificate
	OffsetsSHA256 string   `json:"offsets_sha256,omitempty"`
	Entries       int      `json:"entries"`
	BringBack     []string `json:"bring_back"` // commands for this folder, one after the other
}

// Folder is where certificates are kept.
type Folder struct {
	Path string
	// Write writes a file, whole or not at all.
	Write func(path string, content []byte) error
}

// Entry is the place of a certificate.
type Entry struct {
	folder Folder
	base   string
	// Before is the certificate of the last copy that was removed, nil if none was.
	Before *Certificate
	// Begun is a certificate whose copy was not removed yet as far as the folder knows.
	Begun *Certificate
}

// Open finds the place for the certificate of a connector's next removal: that of a run that
// was cut off before it removed anything, or a new one.
func (f Folder) Open(origin, connector string) (Entry, error) {
	entry := Entry{folder: f}
	name := base(origin, connector)
	for n := 1; ; n++ {
		entry.base = name
		if n > 1 {
			entry.base = fmt.Sprintf("%s-%d", name, n)
		}
		content, err := os.ReadFile(entry.path(".json"))
		if errors.Is(err, fs.ErrNotExist) {
			return entry, nil
		}
		var found Certificate
		if err == nil {
			err = json.Unmarshal(content, &found)
		}
		if err == nil && (found.Schema != SchemaID || found.Origin != origin || found.Connector != connector) {
			err = errors.New("it is not a certificate of this connector")
		}
		if err != nil {
			return Entry{}, fmt.Errorf("certificate %s: %w", entry.path(".json"), err)
		}
		if found.RemovedAt.IsZero() {
			entry.Begun = &found
			return entry, nil
		}
		entry.Before = &found
	}
}

// Renames returns the names on the target, by those on the origin, of connectors that have another
// there and whose copy on the origin was removed.
func (f Folder) Renames(origin, target string) (map[string]string, error) {
	files, err := os.ReadDir(f.Path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("certificates: %w", err)
	}
	renames := map[string]string{}
	for _, file := range files {
		if filepath.Ext(file.Name()) != ".json" {
			continue
		}
		content, err := os.ReadFile(filepath.Join(f.Path, file.Name()))
		if err != nil {
			return nil, fmt.Errorf("certificate: %w", err)
		}
		var found Certificate
		if json.Unmarshal(content, &found) != nil || found.Schema != SchemaID { // such as the offsets
			continue
		}
		if found.Origin == origin && found.Target == target && found.TargetConnector != found.Connector && !found.RemovedAt.IsZero() {
			renames[found.Connector] = found.TargetConnector
		}
	}
	return renames, nil
}

func base(origin, connector string) string {
	return url.PathEscape(origin) + "." + url.PathEscape(connector)
}

// FileName is the name of the certificate of a connector's first removal.
func FileName(origin, connector string) string { return base(origin, connector) + ".json" }

func (e Entry) path(end string) string { return filepath.Join(e.folder.Path, e.base+end) }

// Offsets is where the offsets are kept.
func (e Entry) Offsets() string { return e.path(".offsets.json") }

// Keep writes the offsets, unless they are shared, and then the certificate.
func (e Entry) Keep(c Certificate, offsets offset.Document) (files []string, err error) {
	if err := os.MkdirAll(e.folder.Path, 0o755); err != nil { //nolint:gosec // holds no secret, and others are to read it
		return nil, fmt.Errorf("certificate: %w", err)
	}
	if !c.Shared {
		c.OffsetsFile, c.OffsetsSHA256, c.Entries = filepath.Base(e.Offsets()), offsets.SHA256(), offsets.Len()
		if err := e.folder.Write(e.Offsets(), append(offsets.JSON().Bytes(), '\n')); err != nil {
			return nil, err
		}
		files = append(files, e.Offsets())
	}
	return append(files, e.path(".json")), e.write(c)
}

// Removed notes in the certificate that the copy is gone.
func (e Entry) Removed(at time.Time) error {
	content, err := os.ReadFile(e.path(".json"))
	var c Certificate
	if err == nil {
		err = json.Unmarshal(content, &c)
	}
	if err != nil {
		return fmt.Errorf("certificate %s: %w", e.path(".json"), err)
	}
	c.RemovedAt = at.UTC()
	return e.write(c)
}

func (e Entry) write(c Certificate) error {
	c.Schema = SchemaID
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(c); err != nil {
		return fmt.Errorf("certificate %s: %w", e.path(".json"), err)
	}
	return e.folder.Write(e.path(".json"), out.Bytes())
}
