package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"slices"
	"time"

	cyclonedx "github.com/CycloneDX/cyclonedx-go"
)

// writeSBOM writes the BOM of the file main, with the components of the files
// contained added as parts of its subject: the plugin's jar holds the runners.
func writeSBOM(out, main string, contained []string, at time.Time) error {
	bom, err := readBOM(main)
	if err != nil {
		return err
	}
	for _, file := range contained {
		part, err := readBOM(file)
		if err != nil {
			return err
		}
		include(bom, part)
	}
	bom.Metadata.Timestamp = at.Format(time.RFC3339)
	bom.SerialNumber = ""
	content, err := encodeBOM(bom)
	if err != nil {
		return fmt.Errorf("%s: %w", out, err)
	}
	bom.SerialNumber = serialOf(content)
	if content, err = encodeBOM(bom); err != nil {
		return fmt.Errorf("%s: %w", out, err)
	}
	return os.WriteFile(out, content, 0o644)
}

func readBOM(file string) (*cyclonedx.BOM, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	bom := &cyclonedx.BOM{}
	if err := cyclonedx.NewBOMDecoder(bytes.NewReader(content), cyclonedx.BOMFileFormatJSON).Decode(bom); err != nil {
		return nil, fmt.Errorf("%s is no CycloneDX JSON: %w", file, err)
	}
	if bom.Metadata == nil || bom.Metadata.Component == nil {
		return nil, fmt.Errorf("%s does not say what it is the BOM of", file)
	}
	if bom.Components == nil {
		bom.Components = &[]cyclonedx.Component{}
	}
	if bom.Dependencies == nil {
		bom.Dependencies = &[]cyclonedx.Dependency{}
	}
	return bom, nil
}

// include adds the subject of part and its components, each reference once.
func include(bom, part *cyclonedx.BOM) {
	known := map[string]bool{}
	for _, component := range *bom.Components {
		known[component.BOMRef] = true
	}
	for _, component := range append([]cyclonedx.Component{*part.Metadata.Component}, *part.Components...) {
		if !known[component.BOMRef] {
			known[component.BOMRef] = true
			*bom.Components = append(*bom.Components, component)
		}
	}
	described := map[string]bool{}
	for i, dependency := range *bom.Dependencies {
		described[dependency.Ref] = true
		if dependency.Ref == bom.Metadata.Component.BOMRef {
			parts := []string{part.Metadata.Component.BOMRef}
			if dependency.Dependencies != nil {
				parts = append(*dependency.Dependencies, parts...)
			}
			slices.Sort(parts)
			parts = slices.Compact(parts)
			(*bom.Dependencies)[i].Dependencies = &parts
		}
	}
	for _, dependency := range *part.Dependencies {
		if !described[dependency.Ref] {
			*bom.Dependencies = append(*bom.Dependencies, dependency)
		}
	}
}

func encodeBOM(bom *cyclonedx.BOM) ([]byte, error) {
	var buffer bytes.Buffer
	err := cyclonedx.NewBOMEncoder(&buffer, cyclonedx.BOMFileFormatJSON).SetPretty(true).Encode(bom)
	return buffer.Bytes(), err
}

// serialOf is a UUID of version 8 (RFC 9562), made of what the BOM says, where
// tools draw a random one.
func serialOf(content []byte) string {
	sum := sha256.Sum256(content)
	id := sum[:16]
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}
