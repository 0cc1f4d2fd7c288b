package cluster

import (
	"errors"
	"fmt"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
)

// RefusedError says why a request is refused. Nothing was changed on any cluster.
type RefusedError struct{ Reason string }

func (e *RefusedError) Error() string { return e.Reason }

// Refused returns a [RefusedError].
func Refused(reason string) error { return &RefusedError{Reason: reason} }

func refusedf(format string, arguments ...any) error {
	return Refused(fmt.Sprintf(format, arguments...))
}

// asRefused turns an error into a [RefusedError], and nil into nil.
func asRefused(err error) error {
	if err == nil {
		return nil
	}
	return Refused(err.Error())
}

// IsRefused reports whether an error is a [RefusedError].
func IsRefused(err error) bool {
	_, refused := errors.AsType[*RefusedError](err)
	return refused
}

var errNotNamed = errors.New("its Kafka is not named in the clusters file")

// Missing turns a 404 for a connector into [Cluster.Absent]. It returns other errors as
// they are.
func (c *Cluster) Missing(connector string, err error) error {
	if connect.IsNotFound(err) {
		return c.Absent(connector)
	}
	return err
}

// Absent returns a [RefusedError] for a connector that does not exist on the cluster.
func (c *Cluster) Absent(connector string) error {
	return refusedf("connector %q does not exist on %s; see GET %s/connectors for the names", connector, c.Name, c.Client.Workers()[0])
}
