package cli

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/certificate"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/report"
	"github.com/connect-ferry/connect-ferry/runner/internal/secret"
)

// certificates writes the certificates of a command into the folder of --report. A file that
// is there is never written again: each run leaves files of its own.
type certificates struct {
	folder string // "" if none are asked for
	about  certificate.About
	mask   *secret.Mask
	events event.Recorder
	// move returns the id of a connector's move in the history; nil where none is kept.
	move func(connector string) string

	mu     sync.Mutex
	failed error // of the first that could not be written
}

// prepare makes the folder, before anything is done that it is to tell of.
func (c *certificates) prepare() error {
	if c.folder == "" {
		return nil
	}
	info, err := os.Stat(c.folder)
	switch extension := filepath.Ext(c.folder); {
	case err == nil && info.IsDir():
		return nil
	case err == nil, extension == ".html", extension == ".json":
		return usagef("--report %s is a file, and the certificates need a folder, one for all connectors", c.folder)
	case !errors.Is(err, fs.ErrNotExist):
		return usagef("--report %s cannot be written: %s", c.folder, reason(err))
	}
	if err := canWrite("report", c.folder); err != nil {
		return err
	}
	if err := os.Mkdir(c.folder, 0o755); err != nil { //nolint:gosec // they hold no secret, and others are to read them
		return usagef("--report %s cannot be made: %s", c.folder, reason(err))
	}
	return nil
}

// write writes the certificate of one connector. The connector's move is over: that it cannot
// be written is told, and undoes nothing.
func (c *certificates) write(kept *certificate.Evidence) *event.CertificateFiles {
	files, err := c.tryWrite(kept)
	if err == nil {
		return files
	}
	c.events.Emit(event.Note{Connector: kept.Connector, Level: event.Error, Message: err.Error(), At: time.Now()})
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed == nil {
		c.failed = err
	}
	return nil
}

func (c *certificates) tryWrite(kept *certificate.Evidence) (*event.CertificateFiles, error) {
	move := ""
	if c.move != nil {
		move = c.move(kept.Connector)
	}
	document, content, err := certificate.New(kept, rand.Text(), move, c.about).Masked(c.mask)
	if err != nil {
		return nil, err
	}
	page, err := report.Certificate(document)
	if err != nil {
		return nil, fmt.Errorf("certificate of %s: %w", kept.Connector, err)
	}
	name := filepath.Join(c.folder, fmt.Sprintf("%s-%s-%s", fileName(kept.Connector), kept.StartedAt.UTC().Format("20060102T150405.000Z"), kept.Command))
	files := &event.CertificateFiles{HTML: name + ".html", JSON: name + ".json"}
	if err := writeFile(files.JSON, content); err != nil {
		return nil, err
	}
	return files, writeFile(files.HTML, page)
}

// conclude makes a command fail that did all but write its certificates.
func (c *certificates) conclude(result *event.Result) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed != nil && result.ExitCode == exitDone {
		result.ExitCode, result.Outcome, result.Message = exitFailed, event.Failed, result.Message+", but "+c.failed.Error()
	}
}

// longestName bounds a connector's part of a file's name.
const longestName = 100

// fileName is a connector's name as part of a file's name that every file system and every URI
// takes. Names that would become the same get a hash.
func fileName(connector string) string {
	safe := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.' {
			return r
		}
		return '_'
	}, connector)
	if safe == connector && len(safe) <= longestName && safe != "" && safe[0] != '.' {
		return safe
	}
	return fmt.Sprintf("%s-%.8x", strings.TrimLeft(safe[:min(len(safe), longestName)], "."), sha256.Sum256([]byte(connector)))
}
