package clusterfile

import (
	"errors"
	"os"

	"github.com/connect-ferry/connect-ferry/schemas"
)

// InputError is a mistake in a file or a request: in which file, where, and what
// was expected. Its text is one line and holds no value of the file.
type InputError struct {
	File string
	Err  error // a [schemas.DocumentError] where the place is known
}

func (e *InputError) Error() string {
	if problem, ok := errors.AsType[*schemas.DocumentError](e.Err); ok {
		return problem.In(e.File)
	}
	return e.File + ": " + e.Err.Error()
}

func (e *InputError) Unwrap() error { return e.Err }

// withoutPath returns the reason of a failed file operation without the path,
// for messages that name it already.
func withoutPath(err error) error {
	if wrapped, ok := errors.AsType[*os.PathError](err); ok {
		return wrapped.Err
	}
	return err
}
