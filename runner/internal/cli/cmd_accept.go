package cli

import (
	"context"
	"fmt"

	"github.com/connect-ferry/connect-ferry/runner/internal/accept"
	"github.com/connect-ferry/connect-ferry/runner/internal/certificate"
	"github.com/connect-ferry/connect-ferry/runner/internal/clusterfile"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/kept"
	"github.com/connect-ferry/connect-ferry/schemas"
)

func acceptCommand() definition {
	return definition{
		name: "accept", writes: true, certifies: true, usage: "remove the origin's copies of moved connectors (writes to the origin)",
		description: "Only if the target runs with all its tasks, at or past the offsets that were copied, and the origin's copy is at rest. First keeps\n" +
			"its config and last offsets in --certificate, with the commands that bring it back. Deletes no offsets and no consumer group.\n" +
			"Changes nothing if the copy is gone already; if a deployment tool has created it again, says so.\n" +
			"With --report it leaves a certificate for people too: that of the move in --of, with the acceptance added, or one of its own.\n" +
			"Run `ferry handover` first: what still describes the origin's copy would create it again.\n\n" +
			"Example: ferry accept --clusters clusters.yaml --origin global --target europe --connector orders --certificate accepted",
		flags: flags(certifying, pairs, []string{"certificate", "copy", "same_log", "accepted_by", "of", "report"}),
		do: func(ctx context.Context, s *session) ([]event.ConnectorResult, error) {
			if err := required([2]string{"certificate", s.request.Certificate}); err != nil {
				return nil, err
			}
			var err error
			if s.papers.about.Of, err = s.request.acceptedMove(); err != nil {
				return nil, err
			}
			requests, err := s.pair(ctx, false)
			if err != nil {
				return nil, err
			}
			by := accept.Acceptor{Setup: s.mover.Setup, Folder: kept.Folder{Path: s.request.Certificate, Write: writeFile}, By: s.request.AcceptedBy}
			return s.each(ctx, requests, by.Accept), nil
		},
	}
}

// acceptedMove reads the certificate that --of names, nil if it names none. That of another
// move would certify what was never accepted.
func (r *request) acceptedMove() (*certificate.Document, error) {
	if r.Of == "" {
		return nil, nil
	}
	if r.Report == "" {
		return nil, usagef("--of needs --report, the folder for the certificate with the acceptance")
	}
	if len(r.Connectors) != 1 {
		return nil, usagef("--of is the certificate of one connector, and %d are named", len(r.Connectors))
	}
	content, err := clusterfile.Read(r.Of)
	if err != nil {
		return nil, err
	}
	var of *certificate.Document
	if err = schemas.Check(schemas.Certificate, content); err == nil {
		of, err = certificate.Parse(content)
	}
	if err == nil && (of.Command != "move" || of.Connector != r.Connectors[0] || of.Origin.Name != r.Origin || of.Target.Name != r.Target) {
		err = fmt.Errorf("it certifies the %s of %s, from %s to %s, and a move of %s from %s to %s is to be accepted",
			of.Command, of.Connector, of.Origin.Name, of.Target.Name, r.Connectors[0], r.Origin, r.Target)
	}
	if err != nil {
		return nil, &clusterfile.InputError{File: r.Of, Err: err}
	}
	return of, nil
}
