package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"sync"

	"github.com/connect-ferry/connect-ferry/runner/internal/kestratest"
)

// accepted is the connector whose owner accepts the move at the end.
const accepted = "eu-factory-orders"

// owners answers for two of the teams that own what was moved, each of which validate-connector
// asks: one finds all well, commits what the handover wrote and lets the origin's copy go; one
// takes its connector back. The others have not answered when the demo ends, so nothing of theirs
// is accepted.
func (d *demo) owners(ctx context.Context, migration *kestratest.Run) error {
	d.say("flow validate-connector has asked the owner of each: accept it, or roll it back")
	if err := d.accept(ctx, migration); err != nil {
		return err
	}
	for _, c := range d.connectors {
		if !c.returns {
			continue
		}
		if err := d.takeBack(ctx, migration, c.name); err != nil {
			return err
		}
	}
	return d.keepCertificates()
}

// accept lets the owner of [accepted] accept it: the files to commit first, then the removal.
func (d *demo) accept(ctx context.Context, migration *kestratest.Run) error {
	asked, err := migration.Asked(ctx, "validate-connector", accepted, patience)
	if err != nil {
		return err
	}
	if err := d.answer(ctx, asked, "ACCEPT", "Cleo", "we have counted our orders on both sides"); err != nil {
		return err
	}
	asked, err = migration.Asked(ctx, "accept-connector", accepted, patience)
	if err != nil {
		return err
	}
	if err := d.answer(ctx, asked, "REMOVE", "Cleo", ""); err != nil {
		return err
	}
	var outputs struct {
		Certificate string
		Handover    map[string]string
	}
	if err := d.outputsOf(ctx, asked, &outputs); err != nil {
		return err
	}
	for name, uri := range outputs.Handover {
		if err := d.keepStored("handover/"+name, uri); err != nil {
			return err
		}
	}
	d.say("what Cleo commits to her deployment repository: %s/handover/%s", kept, accepted)
	return d.keepStored("certificates/"+path.Base(outputs.Certificate), outputs.Certificate)
}

// takeBack lets the owner of a connector roll its move back.
func (d *demo) takeBack(ctx context.Context, migration *kestratest.Run, connector string) error {
	asked, err := migration.Asked(ctx, "validate-connector", connector, patience)
	if err != nil {
		return err
	}
	if err := d.answer(ctx, asked, "ROLL_BACK", "Dan", "our dashboards still read from "+central); err != nil {
		return err
	}
	var outputs struct{ Outcome, Message string }
	if err := d.outputsOf(ctx, asked, &outputs); err != nil {
		return err
	}
	if outputs.Outcome != "rolled_back" {
		return fmt.Errorf("%s was not rolled back: %s", connector, outputs.Message)
	}
	rolledBack, err := migration.Ended(ctx, "rollback-connector", connector, patience)
	if err != nil {
		return err
	}
	var left struct{ Certificate string }
	if err := d.outputsOf(ctx, rolledBack, &left); err != nil {
		return err
	}
	return d.keepStored("certificates/"+path.Base(left.Certificate), left.Certificate)
}

// outputsOf waits until an execution has succeeded, and reads its outputs.
func (d *demo) outputsOf(ctx context.Context, execution string, into any) error {
	run, err := d.engine.FollowID(execution)
	if err != nil {
		return err
	}
	ended, err := run.Wait(ctx)
	if err != nil {
		return err
	}
	if ended.State != "SUCCESS" {
		return fmt.Errorf("%s ended in %s:\n%s", ended.Flow, ended.State, ended.Text())
	}
	if err := json.Unmarshal(ended.Outputs, into); err != nil {
		return fmt.Errorf("outputs of %s: %w", ended.Flow, err)
	}
	return nil
}

// certified matches what validate-connector tells an owner.
var certified = regexp.MustCompile(`(?m)^certificate (kestra:\S+)$`)

// certificates are those that owners were told of.
type certificates struct {
	mu   sync.Mutex
	uris []string
}

func (c *certificates) take(event kestratest.Event) {
	if event.Event != "log" || event.Flow != "validate-connector" {
		return
	}
	if found := certified.FindStringSubmatch(event.Message); found != nil {
		c.mu.Lock()
		c.uris = append(c.uris, found[1])
		c.mu.Unlock()
	}
}

// keepCertificates keeps those of the moves beside that of the acceptance.
func (d *demo) keepCertificates() error {
	d.certificates.mu.Lock()
	uris := d.certificates.uris
	d.certificates.mu.Unlock()
	for _, uri := range uris {
		if err := d.keepStored("certificates/"+path.Base(uri), uri); err != nil {
			return err
		}
	}
	d.say("certificates of %d moves, of Cleo's acceptance and of Dan's rollback: %s/certificates", len(uris), kept)
	return nil
}

// keepStored keeps a file of Kestra's internal storage.
func (d *demo) keepStored(name, uri string) error {
	content, err := d.engine.ReadFile(uri)
	if err != nil {
		return err
	}
	_, err = keep(name, content)
	return err
}
