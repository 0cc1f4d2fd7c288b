package main

import (
	"fmt"
	"strings"
)

const (
	barHeight = 18
	labelSide = 230 // width of the labels
	barSide   = 420 // width of the longest bar
)

// chart draws the longest downtime and the wall time of each measurement.
func (r results) chart() string {
	var most int64 = 1
	for _, one := range r.Rows {
		most = max(most, one.WallMS)
	}
	height := len(r.Rows)*2*barHeight + 60
	var svg strings.Builder
	fmt.Fprintf(&svg, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", labelSide+barSide+120, height)
	svg.WriteString("<title>Longest downtime and wall time</title>\n")
	fmt.Fprintf(&svg, `<text x="8" y="20" font-weight="bold">dark: longest downtime of a connector, light: the whole; %d worker(s) a cluster</text>`+"\n", r.Workers)
	for i, one := range r.Rows {
		y := 40 + i*2*barHeight
		label := fmt.Sprintf("%s, %d", one.Way, one.Connectors)
		if one.Entries > 0 {
			label += fmt.Sprintf(", %d entries", one.Entries)
		}
		fmt.Fprintf(&svg, `<text x="8" y="%d">%s</text>`+"\n", y+barHeight, label)
		for j, bar := range []struct {
			ms     int64
			colour string
		}{{one.MaxMS, "#1f4e79"}, {one.WallMS, "#9dc3e6"}} {
			width := float64(bar.ms) / float64(most) * barSide
			top := y + j*(barHeight-4)
			fmt.Fprintf(&svg, `<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/><text x="%.1f" y="%d">%d ms</text>`+"\n",
				labelSide, top, width, barHeight-5, bar.colour, labelSide+width+6, top+barHeight-7, bar.ms)
		}
	}
	svg.WriteString("</svg>\n")
	return svg.String()
}
