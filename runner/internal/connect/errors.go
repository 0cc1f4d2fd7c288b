package connect

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// ResponseError is an answer that is not a success.
type ResponseError struct {
	Method  string
	URL     string
	Status  int
	Message string // Connect's own message, or the start of the body if it sent none
	Raw     []byte // the body as it came
}

func (e *ResponseError) Error() string {
	return fmt.Sprintf("%s %s: %d %s: %s", e.Method, e.URL, e.Status, http.StatusText(e.Status), e.Message)
}

// UnreachableError is a request that got no answer. Whether the worker carried
// it out is not known.
type UnreachableError struct {
	Method string
	URL    string
	Err    error
}

func (e *UnreachableError) Error() string {
	return fmt.Sprintf("%s %s: no answer: %v", e.Method, e.URL, e.Err)
}

func (e *UnreachableError) Unwrap() error { return e.Err }

const maxPlainMessage = 300

func newResponseError(method, url string, status int, body []byte) *ResponseError {
	var answer struct {
		Message string `json:"message"`
	}
	message := strings.TrimSpace(string(body))
	if json.Unmarshal(body, &answer) == nil && answer.Message != "" {
		message = answer.Message
	} else if len(message) > maxPlainMessage {
		message = message[:maxPlainMessage] + "..."
	}
	if message == "" {
		message = "(no message)"
	}
	return &ResponseError{Method: method, URL: url, Status: status, Message: strings.Join(strings.Fields(message), " "), Raw: body}
}

// IsUnreachable reports whether no worker answered at all.
func IsUnreachable(err error) bool {
	_, ok := errors.AsType[*UnreachableError](err)
	return ok
}

// IsUnauthorized reports whether the worker refused the credentials.
func IsUnauthorized(err error) bool {
	answer, ok := errors.AsType[*ResponseError](err)
	return ok && (answer.Status == http.StatusUnauthorized || answer.Status == http.StatusForbidden)
}

// IsNotFound reports whether Connect does not know the connector that was asked
// for. It is false where the worker does not know the endpoint, see [IsUnsupported].
func IsNotFound(err error) bool {
	answer, ok := errors.AsType[*ResponseError](err)
	return ok && answer.Status == http.StatusNotFound && !IsUnsupported(err)
}

// IsUnsupported reports whether the worker does not know the endpoint or its
// method, which is how a version before the endpoint answers. Jersey's own 404
// and 405 carry "HTTP 404 Not Found" and "HTTP 405 Method Not Allowed", where
// Connect's name the connector.
func IsUnsupported(err error) bool {
	answer, ok := errors.AsType[*ResponseError](err)
	return ok && (answer.Status == http.StatusMethodNotAllowed ||
		answer.Status == http.StatusNotFound && strings.HasPrefix(answer.Message, "HTTP 404"))
}

// IsAlreadyExists reports whether a create was refused because the name is
// taken. Connect answers 409 for that and for rebalances alike, and only the
// message tells them apart (ConnectExceptionMapper, AbstractHerder).
func IsAlreadyExists(err error) bool {
	answer, ok := errors.AsType[*ResponseError](err)
	return ok && answer.Status == http.StatusConflict && strings.Contains(answer.Message, "already exists")
}

// IsBadRequest reports whether Connect refused the content of the request.
func IsBadRequest(err error) bool {
	answer, ok := errors.AsType[*ResponseError](err)
	return ok && answer.Status == http.StatusBadRequest
}

// IsTemporary reports whether the same request may succeed a moment later: the
// cluster is rebalancing or has no leader, or a worker could not be reached.
// The texts are those of HerderRequestHandler and DistributedHerder.
func IsTemporary(err error) bool {
	if IsUnreachable(err) {
		return true
	}
	answer, ok := errors.AsType[*ResponseError](err)
	if !ok {
		return false
	}
	switch answer.Status {
	case http.StatusConflict:
		return !IsAlreadyExists(err)
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	case http.StatusInternalServerError:
		for _, text := range []string{"rebalance is expected", "IO Error trying to forward", "can be safely retried", "Request timed out"} {
			if strings.Contains(answer.Message, text) {
				return true
			}
		}
	}
	return false
}
