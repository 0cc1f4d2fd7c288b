package pairtest

import (
	"testing"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connecttest"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// TwoKafkas is a world whose clusters are on two Kafkas, with a MirrorMaker from
// the origin's to the target's, and a sink on the origin.
type TwoKafkas struct {
	*World
	There  *connecttest.Kafka // the target's
	Mirror *connecttest.Mirror
}

// What the sink reads through, and where it delivers.
const (
	SinkGroup = "connect-" + Orders
	Delivered = "delivered"
)

// NewTwoKafkas starts both clusters, and MirrorMaker between them.
func NewTwoKafkas(t *testing.T, spec connecttest.MirrorSpec) *TwoKafkas {
	t.Helper()
	from, to := connecttest.NewKafka(), connecttest.NewKafka()
	w := &TwoKafkas{World: between(t, true, from, to, nil, nil), There: to}
	w.AtLeastOnce = true
	if !spec.KeepNames {
		w.Set = map[string]string{"topics": "factory." + Topic}
	}
	spec.From, spec.To, spec.Topics, spec.Groups = from, to, []string{Topic}, append(spec.Groups, SinkGroup)
	spec.Alias, spec.TargetAlias = "factory", "central"
	w.Mirror = connecttest.StartMirror(spec)
	t.Cleanup(w.Mirror.Stop)
	return w
}

// Begin produces, mirrors and delivers records until there are checkpoints.
func (w *TwoKafkas) Begin() {
	w.T.Helper()
	if err := w.Global.Client().PutConfig(w.T.Context(), "traffic", SlowSource()); err != nil {
		w.T.Fatal(err)
	}
	w.Pass(5 * time.Second)
	w.Run(connecttest.SinkConfig(Topic, Delivered).With("poll.block.ms", rawjson.String("500")).With("batch.size", rawjson.String("50")))
	w.Pass(20 * time.Second)
}
