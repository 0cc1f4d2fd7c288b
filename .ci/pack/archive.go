package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// member is one file of an archive. Its mode is 0755 where somebody may execute
// the file it comes from and 0644 otherwise, whatever the umask was.
type member struct {
	name    string
	mode    fs.FileMode
	content []byte
}

// writeArchive writes the files that arguments name as NAME=FILE, as a zip or a
// tar.gz by the ending of out.
func writeArchive(out string, arguments []string, at time.Time) error {
	var members []member
	for _, argument := range arguments {
		name, file, ok := strings.Cut(argument, "=")
		if !ok {
			return fmt.Errorf("%s: %q is not NAME=FILE", out, argument)
		}
		m, err := readMember(name, file)
		if err != nil {
			return fmt.Errorf("%s: %w", out, err)
		}
		members = append(members, m)
	}
	pack := packTarGzip
	if strings.HasSuffix(out, ".zip") {
		pack = packZip
	}
	content, err := pack(members, at)
	if err != nil {
		return fmt.Errorf("%s: %w", out, err)
	}
	return os.WriteFile(out, content, 0o644)
}

func readMember(name, file string) (member, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return member{}, err
	}
	info, err := os.Stat(file)
	if err != nil {
		return member{}, err
	}
	mode := fs.FileMode(0o644)
	if info.Mode()&0o111 != 0 {
		mode = 0o755
	}
	return member{name: name, mode: mode, content: content}, nil
}

func packTarGzip(members []member, at time.Time) ([]byte, error) {
	var buffer bytes.Buffer
	gz, err := gzip.NewWriterLevel(&buffer, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	archive := tar.NewWriter(gz)
	for _, m := range members {
		header := &tar.Header{Name: m.name, Mode: int64(m.mode), Size: int64(len(m.content)), ModTime: at}
		if err := archive.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := archive.Write(m.content); err != nil {
			return nil, err
		}
	}
	if err := archive.Close(); err != nil {
		return nil, err
	}
	if err := gz.Close(); err != nil {
		return nil, err
	}
	return buffer.Bytes(), nil
}

func packZip(members []member, at time.Time) ([]byte, error) {
	var buffer bytes.Buffer
	archive := zip.NewWriter(&buffer)
	for _, m := range members {
		header := &zip.FileHeader{Name: m.name, Method: zip.Deflate, Modified: at}
		header.SetMode(m.mode)
		writer, err := archive.CreateHeader(header)
		if err != nil {
			return nil, err
		}
		if _, err := writer.Write(m.content); err != nil {
			return nil, err
		}
	}
	if err := archive.Close(); err != nil {
		return nil, err
	}
	return buffer.Bytes(), nil
}

// writeChecksums writes the SHA-256 of every other file of the folder, by name.
func writeChecksums(folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	const name = "checksums.txt"
	var lines strings.Builder
	for _, entry := range entries {
		if entry.Name() == name {
			continue
		}
		content, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&lines, "%x  %s\n", sha256.Sum256(content), entry.Name())
	}
	return os.WriteFile(filepath.Join(folder, name), []byte(lines.String()), 0o644)
}
