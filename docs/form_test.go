package docs_test

import (
	"bytes"
	"encoding/xml"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

var update = flag.Bool("update", false, "rewrite the picture of the form")

// formOf is the flow whose form is shown; that of 2.x has the same inputs.
const formOf = "flows/1.x/migrate-connectors.yaml"

// flow is what the picture needs of a flow.
type flow struct {
	ID        string
	Namespace string
	Inputs    []input
}

type input struct {
	ID          string
	Type        string
	DisplayName string `yaml:"displayName"`
	Description string
	Required    *bool
	Defaults    string
}

// filled are the values that the picture shows of inputs without a default.
var filled = map[string][]string{
	"origin": {"global"}, "target": {"europe"}, "connectors": {"factory-orders", "erp-invoices", "machine-readings", "press-log"},
}

// TestForm holds the picture of the form to the flow's inputs.
func TestForm(t *testing.T) {
	var described flow
	if err := yaml.Unmarshal(read(t, formOf), &described); err != nil {
		t.Fatal(err)
	}
	drawn := draw(described)
	golden := filepath.Join("docs", "images", "form.svg")
	if *update {
		if err := os.WriteFile(filepath.Join(root, golden), drawn, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(drawn, read(t, golden)) {
		t.Errorf("%s does not show the inputs of %s: run go test ./docs -update", golden, formOf)
	}
}

const (
	formWidth = 720
	margin    = 28
	inner     = formWidth - 2*margin
)

// canvas draws from top to bottom.
type canvas struct {
	body bytes.Buffer
	y    int
}

func draw(described flow) []byte {
	c := &canvas{y: 64}
	for _, field := range described.Inputs {
		c.field(field)
	}
	c.y += 6
	fmt.Fprintf(&c.body, `<rect x="%d" y="%d" width="112" height="38" rx="6" fill="#5b34c9"/>`+"\n", formWidth-margin-112, c.y)
	c.text(formWidth-margin-56, c.y+24, `font-size="14" font-weight="600" fill="#ffffff" text-anchor="middle"`, "Execute")
	height := c.y + 38 + margin

	var out bytes.Buffer
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" `+
		`font-family="Inter, 'Segoe UI', Helvetica, Arial, sans-serif" role="img" aria-label="The form of %s">`+"\n", formWidth, height, formWidth, height, described.ID)
	fmt.Fprintf(&out, `<rect x="0.5" y="0.5" width="%d" height="%d" rx="10" fill="#ffffff" stroke="#d5d8e2"/>`+"\n", formWidth-1, height-1)
	fmt.Fprintf(&out, `<path d="M0.5 46.5V10.5a10 10 0 0 1 10-10h%da10 10 0 0 1 10 10v36z" fill="#f4f4f9" stroke="#d5d8e2"/>`+"\n", formWidth-21)
	head := canvas{}
	head.text(margin, 29, `font-size="14" fill="#6a7080"`, described.Namespace+"  /  ", `font-weight="600" fill="#1c2030"`, described.ID)
	out.Write(head.body.Bytes())
	out.Write(c.body.Bytes())
	out.WriteString("</svg>\n")
	return out.Bytes()
}

// field draws the label of an input, its control, and its description.
func (c *canvas) field(field input) {
	c.y += 14
	label := field.DisplayName
	if label == "" {
		label = field.ID
	}
	star := ""
	required := field.Required == nil || *field.Required
	if required && field.Type != "BOOL" { // a switch is always on or off
		star = " *"
	}
	c.text(margin, c.y, `font-size="14" font-weight="600" fill="#1c2030"`, label, `fill="#c9302c"`, star)
	c.y += 9
	if field.Type == "BOOL" {
		c.toggle(field.Defaults == "true")
	} else {
		fmt.Fprintf(&c.body, `<rect x="%d.5" y="%d.5" width="%d" height="36" rx="6" fill="#ffffff" stroke="#c3c7d4"/>`+"\n", margin, c.y, inner-1)
		c.value(field, required)
		c.mark(field.Type)
		c.y += 37
	}
	for _, line := range wrap(field.Description, 12, inner) {
		c.y += 16
		c.text(margin, c.y, `font-size="12" fill="#6a7080"`, line)
	}
	c.y += 18
}

// toggle draws a switch.
func (c *canvas) toggle(on bool) {
	fill, x := "#c3c7d4", margin+10
	if on {
		fill, x = "#5b34c9", margin+30
	}
	fmt.Fprintf(&c.body, `<rect x="%d" y="%d" width="40" height="20" rx="10" fill="%s"/><circle cx="%d" cy="%d" r="8" fill="#ffffff"/>`+"\n", margin, c.y, fill, x, c.y+10)
	c.y += 20
}

// value draws what the control holds.
func (c *canvas) value(field input, required bool) {
	values, middle := filled[field.ID], c.y+23
	switch {
	case field.Type == "MULTISELECT" && len(values) > 0:
		x := margin + 8
		for _, value := range values {
			width := advance(value, 13) + 34
			fmt.Fprintf(&c.body, `<rect x="%d" y="%d" width="%d" height="24" rx="4" fill="#ece8fa"/>`+"\n", x, c.y+6, width)
			c.text(x+9, middle, `font-size="13" fill="#1c2030"`, value)
			c.text(x+width-17, middle, `font-size="13" fill="#6a7080"`, "×")
			x += width + 7
		}
	case len(values) > 0:
		c.text(margin+12, middle, `font-size="13" fill="#1c2030"`, values[0])
	case field.Defaults != "":
		c.text(margin+12, middle, `font-size="13" fill="#1c2030"`, field.Defaults)
	case !required:
		c.text(margin+12, middle, `font-size="13" fill="#a4a9b8"`, "optional")
	}
}

// mark draws what tells one kind of control from another, at its right end.
func (c *canvas) mark(kind string) {
	x, y := formWidth-margin-24, c.y+18
	const stroke = `fill="none" stroke="#6a7080" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round"`
	switch kind {
	case "SELECT", "MULTISELECT":
		fmt.Fprintf(&c.body, `<path d="M%d %dl5 5l5 -5" %s/>`+"\n", x, y-2, stroke)
	case "INT":
		fmt.Fprintf(&c.body, `<path d="M%d %dl4 -4l4 4M%d %dl4 4l4 -4" %s/>`+"\n", x+1, y-3, x+1, y+4, stroke)
	}
}

// text writes a line; what stands in backticks is set as code. more are attributes and a text that follow it at once.
func (c *canvas) text(x, y int, attributes, line string, more ...string) {
	fmt.Fprintf(&c.body, `<text x="%d" y="%d" %s xml:space="preserve">`, x, y, attributes)
	for i, part := range strings.Split(line, "`") {
		if i%2 == 1 {
			c.span(`font-family="ui-monospace, Menlo, Consolas, monospace" fill="#43307f"`, part)
			continue
		}
		_ = xml.EscapeText(&c.body, []byte(part))
	}
	if len(more) == 2 && more[1] != "" {
		c.span(more[0], more[1])
	}
	c.body.WriteString("</text>\n")
}

func (c *canvas) span(attributes, text string) {
	fmt.Fprintf(&c.body, "<tspan %s>", attributes)
	_ = xml.EscapeText(&c.body, []byte(text))
	c.body.WriteString("</tspan>")
}

// advance estimates the width of a text, on the wide side: fonts differ by machine.
func advance(text string, size int) int { return utf8.RuneCountInString(text) * size * 52 / 100 }

// wrap breaks a text into lines that fit, never within what stands in backticks.
func wrap(text string, size, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch longer := strings.TrimSpace(line + " " + word); {
		case advance(longer, size) <= width:
			line = longer
		default:
			lines, line = append(lines, line), word
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}
