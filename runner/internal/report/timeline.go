package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/certificate"
)

// timeline is a picture of the steps below each other, from left to right as time passes, with
// the time behind them in which the connector stood still.
type timeline struct {
	Width, Height int
	Text          string // what it shows, in words
	Bars          []bar
	Bands         []stillBand
	AxisY, LabelY string
	From, To      string // the times at both ends
}

// bar is a step.
type bar struct {
	Name, Took, Title   string
	Y, TextY, X, Length string
	TookX, Anchor       string
	Failed              bool
}

// stillBand is a time in which the connector stood still.
type stillBand struct{ X, Length, Text, TextX, Anchor string }

const (
	timelineWidth = 400
	timelineLeft  = 84  // room for the names of steps
	timelineRight = 392 // the end of the axis
	timelineTop   = 22  // room for what the bands say
	barRow        = 19
	barHeight     = 11
	leastBar      = 2
)

func drawTimeline(d certificate.Document) timeline {
	steps := d.Timeline[:min(len(d.Timeline), mostSteps)]
	p := timeline{Width: timelineWidth}
	if len(steps) == 0 {
		return p
	}
	begin, end := d.StartedAt, d.EndedAt
	for _, s := range steps { // whatever the clock did meanwhile
		begin, end = earlier(begin, s.StartedAt), later(end, s.StartedAt.Add(took(s)))
	}
	whole := max(end.Sub(begin), time.Millisecond)
	at := func(when time.Time) float64 {
		part := float64(when.Sub(begin)) / float64(whole)
		return timelineLeft + (timelineRight-timelineLeft)*min(max(part, 0), 1)
	}
	var said []string
	for i, s := range steps {
		y := float64(timelineTop + barRow*i)
		from, to := at(s.StartedAt), at(s.StartedAt.Add(took(s)))
		length := max(to-from, leastBar)
		b := bar{
			Name: shortened(plain(s.Step), 10), Took: span(s.TookMS), Failed: s.Error != "", Y: dot(y + 4), TextY: dot(y + 14),
			X: dot(from), Length: dot(length), TookX: dot(from + length + 5),
		}
		if from+length > timelineRight-64 { // no room to the right of it
			b.TookX, b.Anchor = dot(from-5), "end"
		}
		b.Title = fmt.Sprintf("%s, %s, at %s", plain(s.Step), b.Took, clock(s.StartedAt))
		said = append(said, fmt.Sprintf("%s %s", plain(s.Step), b.Took))
		p.Bars = append(p.Bars, b)
	}
	bottom := timelineTop + barRow*len(steps) + 6
	p.AxisY, p.LabelY, p.Height = dot(float64(bottom)), dot(float64(bottom+15)), bottom+22
	p.From, p.To = clock(begin), clock(end)
	p.Text = "The steps and how long they took: " + strings.Join(said, ", ") + "."
	times := stills(d)
	for _, still := range times {
		p.addBand(still, end, at)
	}
	for i := range p.Bands {
		p.Text += " The connector " + p.Bands[i].Text + "."
		if len(times) > 1 { // less, so that they have room beside each other
			p.Bands[i].Text = times[i].text()
		}
	}
	return p
}

// addBand adds a time of standing still, which may last to the end.
func (p *timeline) addBand(still standstill, end time.Time, at func(time.Time) float64) {
	text := "stood still " + still.text()
	left, right := at(still.from), at(end)
	if !still.to.IsZero() {
		right = at(still.to)
	}
	band := stillBand{X: dot(left), Length: dot(max(right-left, leastBar)), Text: text, TextX: dot(left)}
	if left > (timelineLeft+timelineRight)/2 {
		band.TextX, band.Anchor = dot(min(max(right, left+leastBar), timelineRight)), "end"
	}
	p.Bands = append(p.Bands, band)
}

func took(s certificate.Step) time.Duration { return time.Duration(s.TookMS) * time.Millisecond }

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
