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

// PublisherOptions describe the run in every event, and say how to publish.
type PublisherOptions struct {
	By      event.Holder
	Run     string // id of the run; "" for a new one
	Version string
	// Mask replaces secrets; nil replaces none.
	Mask func(string) string
	// Events takes notes about failures to publish. It must not be the publisher itself.
	Events event.Recorder
	// Timeout is how long to wait for the acknowledgement of an event while the connector
	// runs, and for those of all remaining events at the end; 0 means 5 s.
	Timeout time.Duration
}

// Publisher publishes the events of moves and rollbacks. It is an event.Recorder. Close
// it after the last event.
type Publisher struct {
	store   *natsstore.Store
	options PublisherOptions
	queue   *queue

	mu    sync.Mutex
	moves map[string]*publishedMove // by connector
}

// publishedMove is the published history of a move that this run works on.
type publishedMove struct {
	command         string
	id              string
	begunAt         time.Time
	found           *unfinished // what earlier runs published; nil if nothing
	connector       string
	targetConnector string
	origin, target  string
	published       map[string]bool // ids of the published events, those of earlier runs too
	// standsStill says that the connector may stand standsStill.
	standsStill bool
}

const defaultTimeout = 5 * time.Second

// NewPublisher returns a publisher for the stream of the store.
func NewPublisher(store *natsstore.Store, options PublisherOptions) *Publisher {
	options.Timeout = cmp.Or(options.Timeout, defaultTimeout)
	options.Run = cmp.Or(options.Run, rand.Text())
	if options.Mask == nil {
		options.Mask = func(text string) string { return text }
	}
	if options.Events == nil {
		options.Events = event.Discard{}
	}
	return &Publisher{store: store, options: options, queue: newQueue(store, options.Events), moves: map[string]*publishedMove{}}
}

// The steps between which a connector stands still.
const (
	stepQuiesce = "quiesce"
	stepWatch   = "watch"
	stepPutBack = "put_back"
)

// Emit publishes an event of a move or a rollback. It returns once the event is
// acknowledged, at the latest after the timeout. While the connector may stand still, it
// returns at once.
func (p *Publisher) Emit(happened event.Event) {
	switch e := happened.(type) {
	case event.MoveStarted:
		p.begin(e)
	case event.StepStarted:
		if move := p.find(e.Connector); move != nil && e.Step == stepQuiesce {
			move.standsStill = true
		}
	case event.StepEnded:
		if move := p.find(e.Connector); move != nil {
			p.step(move, e)
		}
	case event.MoveEnded:
		if move := p.find(e.Result.Connector); move != nil {
			p.end(move, e)
		}
	case event.Note:
	}
}

// Close delivers the remaining events, for at most the timeout, and returns those that
// were not delivered. The publisher drops later events.
func (p *Publisher) Close() []json.RawMessage {
	p.queue.wait(p.options.Timeout, true)
	return p.queue.close()
}

// Move returns the id of the move of a connector that this run works on, "" if it works on none.
func (p *Publisher) Move(connector string) string {
	if move := p.find(connector); move != nil {
		return move.id
	}
	return ""
}

func (p *Publisher) find(connector string) *publishedMove {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.moves[connector]
}

// begin publishes that a run begins or continues a move. The run has the lease, so no
// other one publishes the same move at the same time.
func (p *Publisher) begin(started event.MoveStarted) {
	ctx, cancel := context.WithTimeout(context.Background(), p.options.Timeout)
	defer cancel()
	found, err := unfinishedMove(ctx, p.store, started.Origin, started.Target, started.Connector)
	if err != nil {
		p.options.Events.Emit(event.Note{
			Connector: started.Connector, Level: event.Warn, At: time.Now(),
			Message: fmt.Sprintf("cannot read what an earlier run published about this move, so it is published as a new one: %s", err),
		})
	}
	move := &publishedMove{
		command: started.Command, id: rand.Text(), begunAt: started.At.UTC(), connector: started.Connector, targetConnector: started.TargetConnector,
		origin: started.Origin, target: started.Target, published: map[string]bool{},
	}
	if found != nil {
		move.id, move.begunAt, move.published, move.found = found.id, found.begunAt, found.published, found
	}
	p.mu.Lock()
	p.moves[started.Connector] = move
	p.mu.Unlock()
	kind, last := TypeStarted, "started"
	if found != nil {
		kind, last = TypeContinued, "continued"
	}
	data := p.data(move, last)
	p.publish(move, move.id+"/"+p.options.Run+"/"+last, kind, started.At, data)
}

func (p *Publisher) step(move *publishedMove, ended event.StepEnded) {
	step := Step{Step: ended.Step, Destination: ended.Destination, TookMS: ended.Took.Milliseconds(), Detail: ended.Detail}
	if ended.Err != nil {
		step.Error = cmp.Or(event.OneLine(ended.Err.Error()), "failed")
	}
	if ended.Step == stepWatch || ended.Step == stepPutBack {
		move.standsStill = false
	}
	p.publishStep(move, step, ended.At)
}

func (p *Publisher) publishStep(move *publishedMove, step Step, at time.Time) {
	data := p.data(move, step.token())
	data.Step = &step
	p.publish(move, step.id(move.id, p.options.Run), TypeStep, at, data)
}

// unfinishedStates are the states from which a later run continues the move.
var unfinishedStates = []string{"half_copied", "copied", "unclear", "running_twice"}

// end publishes the outcome. A run that lost its lease publishes none: the new holder
// continues the move.
func (p *Publisher) end(move *publishedMove, ended event.MoveEnded) {
	p.mu.Lock()
	delete(p.moves, move.connector)
	p.mu.Unlock()
	if ended.Result.Outcome == event.Held {
		return
	}
	move.standsStill = false
	result := ended.Result
	outcome := result.Outcome
	if found := move.found; found != nil && found.command == move.command && outcome == event.Unchanged {
		outcome = p.infer(move, ended.At)
	}
	data := p.data(move, string(outcome))
	data.Outcome, data.Result = string(outcome), &result
	data.Open = slices.Contains(unfinishedStates, result.State)
	p.publish(move, move.id+"/"+p.options.Run+"/"+string(outcome), TypeEnded, ended.At, data)
}

// infer publishes the steps of a run that was killed before it published them, once the
// clusters show that they were taken.
func (p *Publisher) infer(move *publishedMove, at time.Time) event.Outcome {
	destination, outcome := move.target, event.Moved
	steps := []string{"prepare", stepQuiesce, "prove", "copy", "interlock", "start", stepWatch}
	switch move.command {
	case "rollback":
		destination, outcome = move.origin, event.RolledBack
	case "accept":
		outcome, steps = event.Accepted, []string{"keep", "remove"}
	}
	for _, name := range steps {
		p.publishStep(move, Step{
			Step: name, Destination: destination, Inferred: true,
			Detail: "taken by a run that was killed before it published it; the clusters show it",
		}, at)
	}
	return outcome
}

func (p *Publisher) data(move *publishedMove, last string) Data {
	return Data{
		Schema: SchemaID, Move: move.id, BegunAt: move.begunAt, Open: true, Command: move.command,
		Connector: move.connector, TargetConnector: move.targetConnector, Origin: move.origin, Target: move.target,
		Event: last, Run: p.options.Run, By: p.options.By, Version: p.options.Version,
	}
}

func (p *Publisher) publish(move *publishedMove, id, kind string, at time.Time, data Data) {
	if move.published[id] {
		return
	}
	move.published[id] = true
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
	if !move.standsStill {
		p.queue.wait(p.options.Timeout, false)
	}
}
