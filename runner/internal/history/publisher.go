package history

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/natsstore"
)

// PublisherOptions are what every event tells of the run, and how to tell of trouble.
type PublisherOptions struct {
	By      event.Holder
	Run     string // id of the run; "" for a new one
	Version string
	// Mask replaces secrets; nil replaces none.
	Mask func(string) string
	// Events takes notes about what NATS does not take. It must not be the publisher.
	Events event.Recorder
	// Timeout is how long an event is waited for outside of a downtime, and all
	// that are left at the end; 0 for 5 s.
	Timeout time.Duration
}

// Publisher publishes the events of moves and rollbacks. It is an event.Recorder. Close
// it after the last event.
type Publisher struct {
	store   *natsstore.Store
	options PublisherOptions
	queue   *queue

	mu    sync.Mutex
	moves map[string]*tale // by connector
}

// tale is a move that this run works on.
type tale struct {
	command         string
	id              string
	begunAt         time.Time
	found           *unfinished // what earlier runs told of it, nil for nothing
	connector       string
	targetConnector string
	origin, target  string
	told            map[string]bool // ids of the events of this and earlier runs
	// still says that the connector may stand still.
	still bool
}

const defaultPatience = 5 * time.Second

// NewPublisher returns a publisher to the stream of the store.
func NewPublisher(store *natsstore.Store, options PublisherOptions) *Publisher {
	options.Timeout = cmp.Or(options.Timeout, defaultPatience)
	options.Run = cmp.Or(options.Run, rand.Text())
	if options.Mask == nil {
		options.Mask = func(text string) string { return text }
	}
	if options.Events == nil {
		options.Events = event.Discard{}
	}
	return &Publisher{store: store, options: options, queue: newQueue(store, options.Events), moves: map[string]*tale{}}
}

// The steps between which a connector stands still.
const (
	stepQuiesce = "quiesce"
	stepWatch   = "watch"
	stepPutBack = "put_back"
)

// Emit publishes an event of a move or a rollback. It returns when the event is
// acknowledged, at the latest after the publisher's timeout; while the connector
// may stand still it returns at once.
func (p *Publisher) Emit(happened event.Event) {
	switch e := happened.(type) {
	case event.MoveStarted:
		p.begin(e)
	case event.StepStarted:
		if told := p.of(e.Connector); told != nil && e.Step == stepQuiesce {
			told.still = true
		}
	case event.StepEnded:
		if told := p.of(e.Connector); told != nil {
			p.step(told, e)
		}
	case event.MoveEnded:
		if told := p.of(e.Result.Connector); told != nil {
			p.end(told, e)
		}
	case event.Note:
	}
}

// Close delivers what is left, for as long as the timeout says, and returns the
// events that were not. The publisher takes none afterwards.
func (p *Publisher) Close() []json.RawMessage {
	p.queue.wait(p.options.Timeout, true)
	return p.queue.close()
}

func (p *Publisher) of(connector string) *tale {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.moves[connector]
}

// begin tells that a run begins with a move, or goes on with one. It has the lease,
// so nobody else tells of it at the same time.
func (p *Publisher) begin(started event.MoveStarted) {
	ctx, cancel := context.WithTimeout(context.Background(), p.options.Timeout)
	defer cancel()
	found, err := unfinishedMove(ctx, p.store, started.Origin, started.Target, started.Connector)
	if err != nil {
		p.options.Events.Emit(event.Note{
			Connector: started.Connector, Level: event.Warn, At: time.Now(),
			Message: fmt.Sprintf("what an earlier run told of this move cannot be read, so it is told of as a new one: %s", err),
		})
	}
	told := &tale{
		command: started.Command, id: rand.Text(), begunAt: started.At.UTC(), connector: started.Connector, targetConnector: started.TargetConnector,
		origin: started.Origin, target: started.Target, told: map[string]bool{},
	}
	if found != nil {
		told.id, told.begunAt, told.told, told.found = found.id, found.begunAt, found.told, found
	}
	p.mu.Lock()
	p.moves[started.Connector] = told
	p.mu.Unlock()
	kind, last := TypeStarted, "started"
	if found != nil {
		kind, last = TypeContinued, "continued"
	}
	data := p.data(told, last)
	p.publish(told, told.id+"/"+p.options.Run+"/"+last, kind, started.At, data)
}

func (p *Publisher) step(told *tale, ended event.StepEnded) {
	step := Step{Step: ended.Step, Destination: ended.Destination, TookMS: ended.Took.Milliseconds(), Detail: ended.Detail}
	if ended.Err != nil {
		step.Error = cmp.Or(event.OneLine(ended.Err.Error()), "failed")
	}
	if ended.Step == stepWatch || ended.Step == stepPutBack {
		told.still = false
	}
	p.tellStep(told, step, ended.At)
}

func (p *Publisher) tellStep(told *tale, step Step, at time.Time) {
	data := p.data(told, step.token())
	data.Step = &step
	p.publish(told, step.id(told.id, p.options.Run), TypeStep, at, data)
}

// unfinishedStates are those from which a move goes on by being run again.
var unfinishedStates = []string{"half_copied", "copied", "unclear", "running_twice"}

// end tells what came of it. A run that lost its lease has nothing to tell: the one
// that has it goes on with the move.
func (p *Publisher) end(told *tale, ended event.MoveEnded) {
	p.mu.Lock()
	delete(p.moves, told.connector)
	p.mu.Unlock()
	if ended.Result.Outcome == event.Held {
		return
	}
	told.still = false
	result := ended.Result
	outcome := result.Outcome
	if found := told.found; found != nil && found.command == told.command && outcome == event.Unchanged {
		outcome = p.infer(told, ended.At)
	}
	data := p.data(told, string(outcome))
	data.Outcome, data.Result = string(outcome), &result
	data.Open = slices.Contains(unfinishedStates, result.State)
	p.publish(told, told.id+"/"+p.options.Run+"/"+string(outcome), TypeEnded, ended.At, data)
}

// infer tells of the steps that a run took which was killed before it could tell,
// now that the clusters show that they were taken.
func (p *Publisher) infer(told *tale, at time.Time) event.Outcome {
	toward, outcome := told.target, event.Moved
	if told.command == "rollback" {
		toward, outcome = told.origin, event.RolledBack
	}
	for _, name := range []string{"prepare", stepQuiesce, "prove", "copy", "interlock", "start", stepWatch} {
		p.tellStep(told, Step{
			Step: name, Destination: toward, Inferred: true,
			Detail: "taken by a run that was cut off before it told of it; the clusters show it",
		}, at)
	}
	return outcome
}

func (p *Publisher) data(told *tale, last string) Data {
	return Data{
		Schema: SchemaID, Move: told.id, BegunAt: told.begunAt, Open: true, Command: told.command,
		Connector: told.connector, TargetConnector: told.targetConnector, Origin: told.origin, Target: told.target,
		Event: last, Run: p.options.Run, By: p.options.By, Version: p.options.Version,
	}
}

func (p *Publisher) publish(told *tale, id, kind string, at time.Time, data Data) {
	if told.told[id] {
		return
	}
	told.told[id] = true
	document, err := json.Marshal(Event{
		SpecVersion: "1.0", ID: id, Source: "/connect-ferry/" + natsstore.Token(data.Origin), Type: kind, Subject: data.Connector,
		Time: at.UTC(), DataContentType: "application/json", Data: data,
	})
	if err != nil {
		panic("history: an event holds only what JSON can hold: " + err.Error())
	}
	p.queue.add(&message{
		subject: subject(p.store, data.Origin, data.Target, data.Connector, data.Event), id: id, body: []byte(p.options.Mask(string(document))),
	})
	if !told.still {
		p.queue.wait(p.options.Timeout, false)
	}
}
