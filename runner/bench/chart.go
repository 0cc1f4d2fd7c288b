package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

const (
	lineHeight = 20
	labelSide  = 210 // width of the labels
	plotSide   = 560
	marginTop  = 58
)

// axis is a logarithmic axis: what is compared here differs by a factor of a hundred.
type axis struct{ from, to float64 } // in powers of ten, of milliseconds

func (a axis) x(ms int64) float64 {
	share := (math.Log10(float64(max(ms, 1))) - a.from) / (a.to - a.from)
	return labelSide + plotSide*min(max(share, 0), 1)
}

// chart draws for each measurement the median and the longest downtime of a connector, and
// the wall time, grouped by the number of connectors.
func (r results) chart() string {
	rows := medians(r.Rows)
	slices.SortStableFunc(rows, func(a, b row) int {
		return (a.Connectors + a.Entries*1000) - (b.Connectors + b.Entries*1000)
	})
	scale := axis{from: 2, to: 3}
	for _, one := range rows {
		scale.to = max(scale.to, math.Ceil(math.Log10(float64(max(one.WallMS, 1)))))
	}
	var body strings.Builder
	y, group := marginTop, ""
	for _, one := range rows {
		if title := heading(one); title != group {
			y += lineHeight / 2
			fmt.Fprintf(&body, `<text x="8" y="%d" font-weight="bold">%s</text>`+"\n", y+lineHeight-6, title)
			y += lineHeight
			group = title
		}
		one.draw(&body, scale, y)
		y += lineHeight
	}
	var svg strings.Builder
	fmt.Fprintf(&svg, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", labelSide+plotSide+80, y+lineHeight)
	svg.WriteString("<title>Downtime of connectors and wall time, by way</title>\n")
	svg.WriteString(`<rect width="100%" height="100%" fill="#ffffff"/>` + "\n")
	svg.WriteString(`<text x="8" y="18">bar: downtime of a connector, median to longest; ring: the whole; shorter is better, by powers of ten</text>` + "\n")
	for power := scale.from; power <= scale.to; power++ {
		at := scale.x(int64(math.Pow(10, power)))
		fmt.Fprintf(&svg, `<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="#dddddd"/><text x="%.1f" y="%d" text-anchor="middle">%g s</text>`+"\n",
			at, marginTop-8, at, y, at, marginTop-14, math.Pow(10, power-3))
	}
	svg.WriteString(body.String())
	svg.WriteString("</svg>\n")
	return svg.String()
}

func heading(of row) string {
	switch {
	case of.Entries > 0:
		return fmt.Sprintf("1 connector with %d offset entries", of.Entries)
	case of.Connectors == 1:
		return "1 connector"
	default:
		return fmt.Sprintf("%d connectors", of.Connectors)
	}
}

// draw draws one measurement.
func (r row) draw(svg *strings.Builder, scale axis, y int) {
	middle := y + lineHeight/2
	from, to, whole := scale.x(r.P50MS), scale.x(r.MaxMS), scale.x(r.WallMS)
	fmt.Fprintf(svg, `<text x="20" y="%d">%s</text>`+"\n", middle+4, r.Way)
	fmt.Fprintf(svg, `<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="#9dc3e6"/>`+"\n", to, middle, whole, middle)
	fmt.Fprintf(svg, `<rect x="%.1f" y="%d" width="%.1f" height="10" rx="4" fill="%s"/>`+"\n", from-4, middle-5, to-from+8, r.colour())
	fmt.Fprintf(svg, `<circle cx="%.1f" cy="%d" r="4.5" fill="#ffffff" stroke="%s" stroke-width="2"/>`+"\n", whole, middle, r.colour())
	fmt.Fprintf(svg, `<text x="%.1f" y="%d" fill="#555555">%s</text>`+"\n", whole+10, middle+4, span(r.MaxMS)+", "+span(r.WallMS))
}

// colour is of those who make the way: bare requests, ferry, ferry in Kestra, the article.
func (r row) colour() string {
	switch {
	case r.Way == kestraArticle:
		return "#c55a11"
	case strings.HasPrefix(r.Way, "rest-"):
		return "#7f7f7f"
	default:
		return "#1f4e79"
	}
}
