package command

import (
	"context"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/certificate"
	"github.com/connect-ferry/connect-ferry/runner/internal/cluster"
	"github.com/connect-ferry/connect-ferry/runner/internal/event"
	"github.com/connect-ferry/connect-ferry/runner/internal/pair"
)

// evidence begins what is kept for a certificate. It is nil if none is asked for.
func (s *Setup) evidence(command string, request pair.Request) *certificate.Evidence {
	if s.Certify == nil {
		return nil
	}
	return &certificate.Evidence{Command: command, Connector: request.Connector, TargetConnector: request.TargetName(), StartedAt: time.Now()}
}

// certify has the certificate made, if one is due, and returns the result with its place.
func (s *Setup) certify(ctx context.Context, request pair.Request, result event.ConnectorResult, kept *certificate.Evidence) event.ConnectorResult {
	if kept == nil {
		return result
	}
	kept.Result, kept.EndedAt = result, time.Now()
	if !kept.Due() {
		return result
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), certifyLimit)
	defer cancel()
	kept.Origin, kept.Target = certified(ctx, request.Origin), certified(ctx, request.Target)
	result.Certificate = s.Certify(kept)
	return result
}

// certifyLimit bounds what is only read for a certificate, since the clusters may be out of
// reach.
const certifyLimit = 10 * time.Second

// certified says which cluster it is; only its name if it does not answer.
func certified(ctx context.Context, of *cluster.Cluster) certificate.Cluster {
	server, _ := of.Server(ctx)
	return certificate.Cluster{Name: of.Name, Version: server.Version, KafkaClusterID: server.KafkaClusterID}
}
