package handover

import (
	"fmt"
	"strings"
)

const fileTerraform = "terraform.tf"

// terraform returns the import of the connector into a resource of the provider
// Mongey/kafka-connect.
func (c Connector) terraform() []File {
	var out strings.Builder
	line := func(format string, arguments ...any) { fmt.Fprintf(&out, format+"\n", arguments...) }
	line("# Provider Mongey/kafka-connect, Terraform 1.5 or later. The plan must import one connector and create none.")
	line("# The provider's url is that of %s. See README.md.", oneLine(c.Target))
	line("")
	line("import {")
	line("  to = %s", c.address())
	line("  id = %s", hclString(c.Name))
	line("}")
	line("")
	line("resource \"kafka-connect_connector\" %q {", c.label())
	line("  name = %s", hclString(c.Name))
	line("")
	line("  config = {")
	for _, setting := range c.Settings {
		if setting.Variable == "" {
			line("    %s = %s", hclString(setting.Key), hclString(setting.Value))
		}
	}
	line("  }")
	if len(c.Secrets()) > 0 {
		line("")
		line("  config_sensitive = {")
		for _, setting := range c.Secrets() {
			line("    %s = var.%s", hclString(setting.Key), setting.terraformVariable())
		}
		line("  }")
	}
	line("}")
	for _, setting := range c.Secrets() {
		line("")
		line("variable %q {", setting.terraformVariable())
		line("  description = %s", hclString(setting.fillIn()))
		line("  type        = string")
		line("  sensitive   = true")
		line("}")
	}
	return []File{{fileTerraform, out.String()}}
}

// label is the name of the connector's resource.
func (c Connector) label() string { return strings.ToLower(variable(c.Name, map[string]bool{})) }

func (c Connector) address() string { return "kafka-connect_connector." + c.label() }

func (s Setting) terraformVariable() string { return strings.ToLower(s.Variable) }

// hclString quotes a text for Terraform, in which ${ and %{ begin a template.
func hclString(text string) string {
	var out strings.Builder
	out.WriteByte('"')
	for i, r := range text {
		switch {
		case r == '\n':
			out.WriteString(`\n`)
		case r == '\r':
			out.WriteString(`\r`)
		case r == '\t':
			out.WriteString(`\t`)
		case r == '"' || r == '\\':
			out.WriteByte('\\')
			out.WriteRune(r)
		case (r == '$' || r == '%') && strings.HasPrefix(text[i+1:], "{"):
			out.WriteRune(r)
			out.WriteRune(r)
		case r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029:
			fmt.Fprintf(&out, `\u%04x`, r)
		default:
			out.WriteRune(r)
		}
	}
	out.WriteByte('"')
	return out.String()
}
