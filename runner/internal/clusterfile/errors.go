package clusterfile

import (
	"errors"
	"os"

	"github.com/connect-ferry/connect-ferry/schemas"
)

// InputError is a mistake in a file or a request. Its text is one line: the file, the
// place, and what was expected. It holds no value of the file.
type InputError struct {
	File string
	Err  error // a [schemas.DocumentError] if the place is known
}

func (e *InputError) Error() string {
	if problem, ok := errors.AsType[*schemas.DocumentError](e.Err); ok {
		return problem.In(e.File)
	}
	return e.File + ": " + e.Err.Error()
}

func (e *InputError) Unwrap() error { return e.Err }

// withoutPath returns why a file operation failed, without the path, which the message
// names already.
func withoutPath(err error) error {
	if wrapped, ok := errors.AsType[*os.PathError](err); ok {
		return wrapped.Err
	}
	return err
}
