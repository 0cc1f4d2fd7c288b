package connecttest

import (
	"fmt"
	"strings"
)

// version is a Kafka version, as far as Connect's REST API depends on it.
type version struct {
	text         string
	major, minor int
}

func parseVersion(text string) version {
	v := version{text: text}
	if _, err := fmt.Sscanf(text, "%d.%d", &v.major, &v.minor); err != nil {
		panic("connecttest: version " + text + ": " + err.Error())
	}
	if strings.HasSuffix(text, "-ccs") || strings.HasSuffix(text, "-ce") {
		v.major -= 4 // Confluent Platform 7.N is Apache Kafka 3.N
	}
	return v
}

func (v version) since(major, minor int) bool {
	return v.major > major || v.major == major && v.minor >= minor
}
