package history

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/natsstore"
	"github.com/connect-ferry/connect-ferry/runner/internal/words"
)

// StoriesSchemaID is the value of "schema" in a history document.
const StoriesSchemaID = "connect-ferry/history/1"

// Stories is the document of `ferry history`; its schema is
// schemas/history.schema.json.
type Stories struct {
	Schema string  `json:"schema"`
	Moves  []Story `json:"moves"` // the oldest first
}

// Story is the history of one move or rollback.
type Story struct {
	Move            string    `json:"move"`
	Connector       string    `json:"connector"`
	TargetConnector string    `json:"target_connector"`
	From            string    `json:"from"` // the cluster where the connector was at the beginning
	To              string    `json:"to"`
	Command         string    `json:"command"` // the first run's
	BegunAt         time.Time `json:"begun_at"`
	EndedAt         time.Time `json:"ended_at,omitzero"`
	// Runs are the runs that worked on it, in order.
	Runs  []Run       `json:"runs"`
	Steps []StoryStep `json:"steps"`
	// Open says that it is not finished.
	Open       bool            `json:"open"`
	Outcome    string          `json:"outcome,omitempty"` // the decision
	Message    string          `json:"message,omitempty"`
	Proof      event.ProofKind `json:"proof,omitempty"`
	DowntimeMS *int64          `json:"downtime_ms,omitempty"`
	// Result is the certificate, from the run that finished it.
	Result *event.ConnectorResult `json:"result,omitempty"`
}

// Run is one run of ferry that worked on a move.
type Run struct {
	Run     string       `json:"run"`
	Command string       `json:"command"`
	By      event.Holder `json:"by"`
	Version string       `json:"version"`
	At      time.Time    `json:"at"`
}

// StoryStep is a step of a story.
type StoryStep struct {
	Step
	At  time.Time `json:"at"`
	Run string    `json:"run"`
}

// Read reads the moves with an event since then, each with all of its steps: those of the
// named connectors, or all if none is named.
func Read(ctx context.Context, store *natsstore.Store, since time.Time, connectors ...string) (Stories, error) {
	var subjects []string
	for _, connector := range connectors {
		subjects = append(subjects, subject(store, "", "", connector, ""))
	}
	if len(subjects) == 0 {
		subjects = []string{subject(store, "", "", "", "")}
	}
	config := func(from time.Time) jetstream.OrderedConsumerConfig {
		if from.IsZero() {
			return jetstream.OrderedConsumerConfig{FilterSubjects: subjects, DeliverPolicy: jetstream.DeliverAllPolicy}
		}
		return jetstream.OrderedConsumerConfig{FilterSubjects: subjects, DeliverPolicy: jetstream.DeliverByStartTimePolicy, OptStartTime: &from}
	}
	builder := &storyBuilder{stories: []Story{}}
	if err := read(ctx, store, config(since), builder.add); err != nil {
		return Stories{}, err
	}
	// If a move began before since, read its beginning too.
	if first := builder.begun(); !since.IsZero() && !first.IsZero() && first.Before(since) {
		whole := &storyBuilder{only: builder, stories: []Story{}}
		if err := read(ctx, store, config(first.Add(-clockSkew)), whole.add); err != nil {
			return Stories{}, err
		}
		builder = whole
	}
	return Stories{Schema: StoriesSchemaID, Moves: builder.stories}, nil
}

// storyBuilder builds stories from events.
type storyBuilder struct {
	only    *storyBuilder // if set, only stories that it has are built
	stories []Story
}

func (b *storyBuilder) find(move string) *Story {
	i := slices.IndexFunc(b.stories, func(s Story) bool { return s.Move == move })
	if i < 0 {
		return nil
	}
	return &b.stories[i]
}

func (b *storyBuilder) begun() (first time.Time) {
	for _, story := range b.stories {
		if first.IsZero() || story.BegunAt.Before(first) {
			first = story.BegunAt
		}
	}
	return first
}

func (b *storyBuilder) add(e Event) {
	data := e.Data
	if b.only != nil && b.only.find(data.Move) == nil {
		return
	}
	story := b.find(data.Move)
	if story == nil {
		b.stories = append(b.stories, begunBy(data))
		story = &b.stories[len(b.stories)-1]
	}
	if !slices.ContainsFunc(story.Runs, func(r Run) bool { return r.Run == data.Run }) {
		story.Runs = append(story.Runs, Run{Run: data.Run, Command: data.Command, By: data.By, Version: data.Version, At: e.Time})
	}
	story.Open = data.Open
	if data.Step != nil {
		story.Steps = append(story.Steps, StoryStep{Step: *data.Step, At: e.Time, Run: data.Run})
	}
	if e.Type == TypeEnded {
		story.end(e)
	}
}

func begunBy(data Data) Story {
	story := Story{
		Move: data.Move, Connector: data.Connector, TargetConnector: data.TargetConnector, From: data.Origin, To: data.Target,
		Command: data.Command, BegunAt: data.BegunAt, Runs: []Run{}, Steps: []StoryStep{},
	}
	if data.Command == "rollback" {
		story.From, story.To = story.To, story.From
	}
	return story
}

func (s *Story) end(e Event) {
	s.EndedAt, s.Outcome, s.Result = e.Time, e.Data.Outcome, e.Data.Result
	if s.Result == nil {
		return
	}
	s.Message, s.DowntimeMS = s.Result.Message, s.Result.DowntimeMS
	if s.Result.Proof != nil {
		s.Proof = s.Result.Proof.Kind
	}
}

// Kestra writes a line for each story to the log of a Kestra task, and the number of
// stories as its outputs.
func (s Stories) Kestra(out io.Writer) {
	markers := event.NewKestra(out)
	for _, story := range s.Moves {
		markers.Emit(event.Note{Level: event.Info, Message: story.headline()})
	}
	markers.Outputs(map[string]any{"exit_code": 0, "outcome": event.Read, "message": words.Count(len(s.Moves), "move"), "connectors": []string{}})
}

// Text writes stories for people.
func (s Stories) Text(out io.Writer) {
	if len(s.Moves) == 0 {
		_, _ = fmt.Fprintln(out, "history: nothing was moved in that time")
		return
	}
	for i, story := range s.Moves {
		if i > 0 {
			_, _ = fmt.Fprintln(out)
		}
		story.text(out)
	}
}

// headline is the story in one line.
func (s Story) headline() string {
	head := fmt.Sprintf("%s  %s: %s %s > %s: %s", s.BegunAt.UTC().Format("2006-01-02 15:04:05Z"), s.Connector, s.Command, s.From, s.To, s.decision())
	if s.Proof != "" {
		head += fmt.Sprintf(", %s proof", s.Proof)
	}
	if s.DowntimeMS != nil {
		head += fmt.Sprintf(", down for %d ms", *s.DowntimeMS)
	}
	return head
}

func (s Story) text(out io.Writer) {
	_, _ = fmt.Fprintln(out, s.headline())
	for i, run := range s.Runs {
		verb := "begun"
		if i > 0 {
			verb = "continued"
		}
		_, _ = fmt.Fprintf(out, "    %s  %s by %s, `ferry %s` %s\n", run.At.UTC().Format("15:04:05.000"), verb, run.By, run.Command, run.Version)
		for _, step := range s.Steps {
			if step.Run == run.Run {
				_, _ = fmt.Fprintf(out, "    %s    %s\n", step.At.UTC().Format("15:04:05.000"), step.line())
			}
		}
	}
	if s.Message != "" {
		_, _ = fmt.Fprintf(out, "    %s  %s\n", s.EndedAt.UTC().Format("15:04:05.000"), event.OneLine(s.Message))
	}
}

func (s Story) decision() string {
	if s.Outcome == "" {
		return "not at its end"
	}
	text := strings.ReplaceAll(s.Outcome, "_", " ")
	if s.Open {
		text += ", not at its end"
	}
	return text
}

func (s StoryStep) line() string {
	text := s.Step.Step
	if !s.Inferred {
		text += fmt.Sprintf(" %d ms", s.TookMS)
	}
	if s.Error != "" {
		return event.OneLine(text + ", failed: " + s.Error)
	}
	if s.Detail != "" {
		text += ": " + s.Detail
	}
	return event.OneLine(text)
}
