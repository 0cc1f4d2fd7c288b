package report

import (
	"fmt"
	"strings"
)

// picture is who goes where: a bar for the origin on the left, and a band to each target and to
// what stays. Its measures are those of an SVG that is as readable on a phone.
type picture struct {
	Width, Height int
	Title, Text   string // what it shows, in words
	Origin        []string
	BarTop        int
	BarHeight     string
	Flows         []flow
}

// flow is what goes to one place on the right.
type flow struct {
	Class       string // its colour
	Title       string
	Bands       []band
	Lines       []line
	Top, Height string // of the bar on the right
}

// band is drawn from the origin's bar. A refused one has a dashed outline.
type band struct {
	Path    string
	Refused bool
}

// line is a line of a label.
type line struct {
	Y    string
	Text string
	Name bool
}

const (
	pictureWidth = 400
	pictureTop   = 52  // room for the origin's label
	flowHeight   = 280 // of all connectors together
	barWidth     = 12
	bandEnd      = 214 // where the bars on the right begin
	lineHeight   = 18
	flowGap      = 16
	mostFlows    = 12 // places on the right; more are drawn as one
	nameCells    = 19 // of a label, where a letter of the Latin alphabet takes one
	originCells  = 44
	colours      = 6
)

// draw makes the picture.
func draw(origin place, targets []place, staying int) picture {
	shown := bundled(targets)
	all := max(origin.Connectors, 1)
	scale := float64(flowHeight) / float64(all)
	p := picture{
		Width: pictureWidth, Title: "Who goes where", BarTop: pictureTop,
		Origin: []string{shortened(origin.Name, originCells), origin.ConnectorsText},
	}
	left, right := float64(pictureTop), float64(pictureTop)
	said := []string{fmt.Sprintf("%s has %s.", origin.Name, origin.ConnectorsText)}
	add := func(class, name string, going, refused int, lines ...string) {
		f := flow{Class: class, Title: name + ": " + strings.Join(lines, ", ")}
		height := float64(going+refused) * scale
		slot := max(height, float64(lineHeight*(1+len(lines))))
		top := right + (slot-height)/2
		at := top
		for _, part := range []band{{Refused: false}, {Refused: true}} {
			size := float64(going) * scale
			if part.Refused {
				size = float64(refused) * scale
			}
			if size > 0 {
				part.Path = ribbon(left, at, size)
				f.Bands = append(f.Bands, part)
			}
			left, at = left+size, at+size
		}
		f.Top, f.Height = dot(top), dot(max(height, 1))
		y := right + (slot-float64(lineHeight*(1+len(lines))))/2 + 14
		f.Lines = append(f.Lines, line{Y: dot(y), Text: shortened(name, nameCells), Name: true})
		for i, text := range lines {
			f.Lines = append(f.Lines, line{Y: dot(y + float64(lineHeight*(i+1))), Text: text})
		}
		right += slot + flowGap
		p.Flows = append(p.Flows, f)
		said = append(said, f.Title+".")
	}
	for i, target := range shown {
		lines := []string{target.ConnectorsText}
		if target.Refused > 0 {
			lines = append(lines, target.RefusedText)
		}
		add(fmt.Sprintf("c%d", i%colours), target.Name, target.Connectors-target.Refused, target.Refused, lines...)
	}
	if staying > 0 {
		add("stays", "stays", staying, 0, count(staying, "connector"))
	}
	p.BarHeight = dot(max(left-pictureTop, 1))
	p.Height = int(max(right, left)) + 4
	p.Text = strings.Join(said, " ")
	return p
}

// bundled returns the targets, the last of them as one if they are too many to draw.
func bundled(targets []place) []place {
	if len(targets) <= mostFlows {
		return targets
	}
	rest := place{Name: number(len(targets)-mostFlows+1) + " more targets"}
	for _, target := range targets[mostFlows-1:] {
		rest.Connectors += target.Connectors
		rest.Refused += target.Refused
	}
	rest.say()
	return append(append([]place{}, targets[:mostFlows-1]...), rest)
}

// ribbon is the outline of a band, from the origin's bar to the right.
func ribbon(left, right, size float64) string {
	const middle = (barWidth + bandEnd) / 2
	return fmt.Sprintf("M%d %sC%d %s %d %s %d %sL%d %sC%d %s %d %s %d %sZ",
		barWidth, dot(left), middle, dot(left), middle, dot(right), bandEnd, dot(right),
		bandEnd, dot(right+size), middle, dot(right+size), middle, dot(left+size), barWidth, dot(left+size))
}

// dot writes a measure with one decimal.
func dot(measure float64) string { return fmt.Sprintf("%.1f", measure) }

// shortened cuts a name that is too long for a label; the whole one stands in the title.
func shortened(name string, cells int) string {
	taken := 0
	for i, r := range name {
		width := 1
		if r >= 0x1100 { // Hangul, Chinese, Japanese and most of what is as wide
			width = 2
		}
		if taken += width; taken > cells {
			return name[:i] + "…"
		}
	}
	return name
}
