// Command pack writes the files of a release so that the same input gives the
// same bytes on every machine, which tar, gzip, zip and docker build do not. It
// is a module of its own: what it needs stays out of the runner's go.mod. Only
// .ci/dist runs it.
//
// Every time in what it writes is SOURCE_DATE_EPOCH, in seconds since 1970, as
// reproducible-builds.org defines it.
package main

import (
	"fmt"
	"os"
	"strconv"
	"time"
)

const usage = `usage:
  pack archive OUT NAME=FILE...             a .tar.gz or .zip of the files, in this order
  pack image OUT BASE ARCH TAG FERRY        an image for docker load: the runner FERRY on BASE
  pack sbom OUT BOM [CONTAINED...]          a CycloneDX BOM, with what it contains added
  pack checksums FOLDER                     FOLDER/checksums.txt, for sha256sum -c
`

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	at, err := sourceDate()
	if err != nil {
		return err
	}
	verb, rest := "", []string(nil)
	if len(arguments) > 0 {
		verb, rest = arguments[0], arguments[1:]
	}
	switch {
	case verb == "archive" && len(rest) > 1:
		return writeArchive(rest[0], rest[1:], at)
	case verb == "image" && len(rest) == 5:
		return writeImage(rest[0], imageSpec{base: rest[1], arch: rest[2], tag: rest[3], ferry: rest[4], at: at})
	case verb == "sbom" && len(rest) > 1:
		return writeSBOM(rest[0], rest[1], rest[2:], at)
	case verb == "checksums" && len(rest) == 1:
		return writeChecksums(rest[0])
	}
	return fmt.Errorf("cannot read the arguments %q\n%s", arguments, usage)
}

func sourceDate() (time.Time, error) {
	text := os.Getenv("SOURCE_DATE_EPOCH")
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH is %q, not a number of seconds since 1970", text)
	}
	return time.Unix(seconds, 0).UTC(), nil
}
