package connect

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode"

	"github.com/connect-ferry/connect-ferry/runner/internal/trust"
)

// ResponseError is an answer that is not a success.
type ResponseError struct {
	Method  string
	URL     string
	Status  int
	Message string // Connect's own message, or the start of the body if it sent none, masked
	Raw     []byte // the body, not masked

	unmasked string // the message before it was masked, by which errors are told apart
	foreign  bool   // the body is not one of Connect's errors
	leads    string // where a redirect leads, as a connect_url; "" for any other answer
}

func (e *ResponseError) Error() string {
	text := fmt.Sprintf("%s %s: %d %s: %s", e.Method, e.URL, e.Status, http.StatusText(e.Status), e.Message)
	switch {
	case e.leads != "":
		return fmt.Sprintf("%s %s: %d %s: connect_url redirects to %s, name that instead", e.Method, e.URL, e.Status, http.StatusText(e.Status), e.leads)
	case e.Status == http.StatusUnauthorized:
		return text + "; correct how this cluster is logged in to (username and password, bearer_token, oauth or headers)"
	case e.Status == http.StatusForbidden:
		return text + "; log in to this cluster as a user who may do this"
	case e.Status == http.StatusNotFound && e.foreign:
		return text + "; is this Kafka Connect's REST API? correct connect_url, or wait if the worker is just starting"
	}
	return text
}

// redirected sets leads if the answer is a redirect.
func (e *ResponseError) redirected(request *url.URL, location string, path []string) {
	if location == "" || e.Status < http.StatusMultipleChoices || e.Status >= http.StatusBadRequest {
		return
	}
	target, err := request.Parse(location)
	if err != nil {
		return
	}
	target.User, target.RawQuery, target.Fragment = nil, "", "" // they may hold credentials
	e.leads = strings.TrimSuffix(strings.TrimSuffix(target.String(), joinEscaped(path)), "/")
}

// UnreachableError says that a request got no answer. The worker may have carried it out.
type UnreachableError struct {
	Method string
	URL    string
	Err    error
}

func (e *UnreachableError) Error() string {
	text := fmt.Sprintf("%s %s: no answer: %v", e.Method, e.URL, e.Err)
	if advice := trust.Advice(e.Err); advice != "" {
		text += "; " + advice
	}
	return text
}

func (e *UnreachableError) Unwrap() error { return e.Err }

// CredentialsError says that a request was not sent because its credentials could not be
// obtained.
type CredentialsError struct {
	Method string
	URL    string
	Err    error
	// Temporary says that a later try may succeed.
	Temporary bool
}

func (e *CredentialsError) Error() string {
	return fmt.Sprintf("%s %s: not sent: %v", e.Method, e.URL, e.Err)
}

func (e *CredentialsError) Unwrap() error { return e.Err }

// maxPlainMessage is how many bytes to show of a body that is not one of Connect's
// errors.
const maxPlainMessage = 300

// newResponseError masks the body before it cuts it: a mask would not know half a secret.
func newResponseError(method, url string, status int, body []byte, mask func(string) string) *ResponseError {
	var answer struct {
		Code    *int   `json:"error_code"`
		Message string `json:"message"`
	}
	var message string
	isJSON := json.Unmarshal(body, &answer) == nil && answer.Message != ""
	if isJSON {
		message = mask(answer.Message)
	} else {
		answer.Message = strings.TrimSpace(string(body))
		message = cut(strings.TrimSpace(mask(string(body))))
	}
	if message = oneLine(message); message == "" {
		message = "(no message)"
	}
	// The web server of a worker that is just starting sends a "message" too (Jetty 12,
	// Kafka 4), but no error_code.
	plain := !isJSON || answer.Code == nil
	return &ResponseError{Method: method, URL: url, Status: status, Message: message, Raw: body, unmasked: oneLine(answer.Message), foreign: plain}
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// cut shortens the answer of a proxy. It cuts between two words, so that a secret is
// shown whole or not at all: a mask that learns it only later can still replace it.
func cut(text string) string {
	if len(text) <= maxPlainMessage {
		return text
	}
	end := strings.LastIndexFunc(text[:maxPlainMessage+1], unicode.IsSpace)
	if end < 0 {
		return fmt.Sprintf("(%d bytes without a blank)", len(text))
	}
	return strings.TrimSpace(text[:end]) + " ..."
}

// IsUnreachable reports whether an error is an [UnreachableError].
func IsUnreachable(err error) bool {
	_, ok := errors.AsType[*UnreachableError](err)
	return ok
}

// IsNotFound reports whether Connect says that the connector does not exist. It is false
// if the worker does not know the endpoint, see [IsUnsupported], and if Connect is not up
// yet: a worker that is just starting answers 404 to everything.
func IsNotFound(err error) bool {
	answer, ok := errors.AsType[*ResponseError](err)
	return ok && answer.Status == http.StatusNotFound && !answer.foreign && !IsUnsupported(err)
}

// IsUnsupported reports whether the worker is too old to know the endpoint or its method.
// Jersey's own 404 and 405 say "HTTP 404 Not Found" and "HTTP 405 Method Not Allowed";
// Connect's name the connector.
func IsUnsupported(err error) bool {
	answer, ok := errors.AsType[*ResponseError](err)
	return ok && (answer.Status == http.StatusMethodNotAllowed ||
		answer.Status == http.StatusNotFound && strings.HasPrefix(answer.unmasked, "HTTP 404"))
}

// IsAlreadyExists reports whether a create was refused because the name is taken. Connect
// answers 409 both for that and for rebalances; only the message tells them apart
// (ConnectExceptionMapper, AbstractHerder).
func IsAlreadyExists(err error) bool {
	answer, ok := errors.AsType[*ResponseError](err)
	return ok && answer.Status == http.StatusConflict && strings.Contains(answer.unmasked, "already exists")
}

// IsBadRequest reports whether Connect refused the content of the request.
func IsBadRequest(err error) bool {
	answer, ok := errors.AsType[*ResponseError](err)
	return ok && answer.Status == http.StatusBadRequest
}

// failedOffsets begins a worker's message if it failed to read a connector's offsets
// (Worker.connectorOffsets). It iterates over its set of partitions while records of the
// offsets topic arrive, which now and then ends in a ConcurrentModificationException
// (seen with 5,000 partitions on 4.3.1).
const failedOffsets = "Failed to retrieve offsets for"

// IsFailedOffsets reports whether a worker itself failed to read a connector's offsets.
func IsFailedOffsets(err error) bool {
	answer, ok := errors.AsType[*ResponseError](err)
	return ok && answer.Status == http.StatusInternalServerError && strings.Contains(answer.unmasked, failedOffsets)
}

// IsTemporary reports whether the same request may succeed later: the cluster is
// rebalancing or has no leader, or the worker could not be reached or is just starting.
// The texts are those of HerderRequestHandler and DistributedHerder.
func IsTemporary(err error) bool {
	if IsUnreachable(err) {
		return !trust.Permanent(err)
	}
	if credentials, ok := errors.AsType[*CredentialsError](err); ok {
		return credentials.Temporary
	}
	answer, ok := errors.AsType[*ResponseError](err)
	if !ok {
		return false
	}
	switch answer.Status {
	case http.StatusConflict:
		return !IsAlreadyExists(err)
	case http.StatusNotFound:
		return answer.foreign
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	case http.StatusInternalServerError:
		for _, text := range []string{"rebalance is expected", "IO Error trying to forward", "can be safely retried", "Request timed out", failedOffsets} {
			if strings.Contains(answer.unmasked, text) {
				return true
			}
		}
	}
	return false
}

// Message returns Connect's own message without the request, or the text of any other
// error.
func Message(err error) string {
	if answer, ok := errors.AsType[*ResponseError](err); ok {
		return answer.Message
	}
	return err.Error()
}
