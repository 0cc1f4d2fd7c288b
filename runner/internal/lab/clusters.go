package lab

import (
	"fmt"
	"os"
	"strings"
)

// WriteClusters writes a clusters file, as `ferry --clusters` takes it, of all
// Connect clusters. Without Kafka it names their REST APIs only.
func (l *Lab) WriteClusters(path string, withKafka bool) error {
	var text strings.Builder
	text.WriteString("clusters:\n")
	for _, connect := range l.Connects() {
		fmt.Fprintf(&text, "  %s:\n    connect_url: [%s]\n", connect.Name(), strings.Join(connect.URLs(), ", "))
		if withKafka {
			fmt.Fprintf(&text, "    kafka:\n      bootstrap_servers: [%q]\n", connect.Kafka().Bootstrap())
			fmt.Fprintf(&text, "      offset_storage_topic: %s\n", connect.OffsetsTopic())
			fmt.Fprintf(&text, "      status_storage_topic: %s\n", connect.StatusTopic())
			fmt.Fprintf(&text, "      config_storage_topic: %s\n", connect.ConfigTopic())
		}
	}
	if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
		return fmt.Errorf("lab: clusters file: %w", err)
	}
	return nil
}
