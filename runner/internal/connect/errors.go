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
	Raw     []byte // the body as it came

	said  string // the message before it was masked, which tells errors apart
	plain bool   // the body is not Connect's
	leads string // where a redirect leads, as a connect_url; "" for any other answer
}

func (e *ResponseError) Error() string {
	text := fmt.Sprintf("%s %s: %d %s: %s", e.Method, e.URL, e.Status, http.StatusText(e.Status), e.Message)
	switch {
	case e.leads != "":
		return fmt.Sprintf("%s %s: %d %s: connect_url redirects to %s, name that instead", e.Method, e.URL, e.Status, http.StatusText(e.Status), e.leads)
	case e.Status == http.StatusUnauthorized:
		return text + "; correct how this cluster is logged in to (username and password, bearer_token, oauth or headers)"
	case e.Status == http.StatusForbidden:
		return text + "; log in to this cluster as one who may do this"
	case e.Status == http.StatusNotFound && e.plain:
		return text + "; is this Kafka Connect's REST API? correct connect_url, or wait if the worker is just starting"
	}
	return text
}

// redirected notes where an answer leads that asks for another address.
func (e *ResponseError) redirected(request *url.URL, location string, path []string) {
	if location == "" || e.Status < http.StatusMultipleChoices || e.Status >= http.StatusBadRequest {
		return
	}
	target, err := request.Parse(location)
	if err != nil {
		return
	}
	target.User, target.RawQuery, target.Fragment = nil, "", "" // which may hold credentials
	e.leads = strings.TrimSuffix(strings.TrimSuffix(target.String(), joinEscaped(path)), "/")
}

// UnreachableError is a request that got no answer. Whether the worker carried
// it out is not known.
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

// CredentialsError is a request that was not sent, since the credentials for it
// could not be had.
type CredentialsError struct {
	Method string
	URL    string
	Err    error
	// Temporary says that they may be had a moment later.
	Temporary bool
}

func (e *CredentialsError) Error() string {
	return fmt.Sprintf("%s %s: not sent: %v", e.Method, e.URL, e.Err)
}

func (e *CredentialsError) Unwrap() error { return e.Err }

// maxPlainMessage is how much is shown of a body that is not Connect's, in bytes.
const maxPlainMessage = 300

// newResponseError takes the body as mask leaves it: cutting a body first could
// leave half a secret, which no mask knows.
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
	// The web server of a worker that is just starting has a "message" too (Jetty 12,
	// Kafka 4), and no code of Connect's.
	plain := !isJSON || answer.Code == nil
	return &ResponseError{Method: method, URL: url, Status: status, Message: message, Raw: body, said: oneLine(answer.Message), plain: plain}
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// cut shortens what a proxy says instead of Connect. It ends between two words:
// a secret that nobody has told the mask of is shown whole or not at all, so that
// a mask that learns it later still knows it.
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

// IsUnreachable reports whether no worker answered at all.
func IsUnreachable(err error) bool {
	_, ok := errors.AsType[*UnreachableError](err)
	return ok
}

// IsNotFound reports whether Connect does not know the connector that was asked
// for. It is false where the worker does not know the endpoint, see
// [IsUnsupported], and where somebody else answers: a worker that is just starting
// answers 404 to everything, before it knows of any connector.
func IsNotFound(err error) bool {
	answer, ok := errors.AsType[*ResponseError](err)
	return ok && answer.Status == http.StatusNotFound && !answer.plain && !IsUnsupported(err)
}

// IsUnsupported reports whether the worker does not know the endpoint or its
// method, which is how a version before the endpoint answers. Jersey's own 404
// and 405 carry "HTTP 404 Not Found" and "HTTP 405 Method Not Allowed", where
// Connect's name the connector.
func IsUnsupported(err error) bool {
	answer, ok := errors.AsType[*ResponseError](err)
	return ok && (answer.Status == http.StatusMethodNotAllowed ||
		answer.Status == http.StatusNotFound && strings.HasPrefix(answer.said, "HTTP 404"))
}

// IsAlreadyExists reports whether a create was refused because the name is
// taken. Connect answers 409 for that and for rebalances alike, and only the
// message tells them apart (ConnectExceptionMapper, AbstractHerder).
func IsAlreadyExists(err error) bool {
	answer, ok := errors.AsType[*ResponseError](err)
	return ok && answer.Status == http.StatusConflict && strings.Contains(answer.said, "already exists")
}

// IsBadRequest reports whether Connect refused the content of the request.
func IsBadRequest(err error) bool {
	answer, ok := errors.AsType[*ResponseError](err)
	return ok && answer.Status == http.StatusBadRequest
}

// failedOffsets begins what a worker says when it could not read a connector's offsets by
// itself (Worker.connectorOffsets). It walks its set of partitions while records of the
// offsets topic come in, which ends now and then in a ConcurrentModificationException
// (seen with 5,000 partitions on 4.3.1).
const failedOffsets = "Failed to retrieve offsets for"

// IsFailedOffsets reports whether a worker could not read a connector's offsets by itself.
func IsFailedOffsets(err error) bool {
	answer, ok := errors.AsType[*ResponseError](err)
	return ok && answer.Status == http.StatusInternalServerError && strings.Contains(answer.said, failedOffsets)
}

// IsTemporary reports whether the same request may succeed a moment later: the
// cluster is rebalancing or has no leader, or a worker could not be reached or is
// just starting.
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
		return answer.plain
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	case http.StatusInternalServerError:
		for _, text := range []string{"rebalance is expected", "IO Error trying to forward", "can be safely retried", "Request timed out", failedOffsets} {
			if strings.Contains(answer.said, text) {
				return true
			}
		}
	}
	return false
}

// Message returns what Connect said, without the request that it answered; of any
// other error its text.
func Message(err error) string {
	if answer, ok := errors.AsType[*ResponseError](err); ok {
		return answer.Message
	}
	return err.Error()
}
