package notice

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/clusterfile"
	"github.com/connect-ferry/connect-ferry/runner/internal/trust"
	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

const (
	maxAnswer = 4 << 10
	// firstPatience is how long to wait when a service wants fewer requests and does not say
	// when to come again.
	firstPatience = time.Second
)

// post sends the notice to a webhook, again if the service asks to come back later. Its
// errors never hold the URL.
func (n Notice) post(ctx context.Context, channel clusterfile.Channel) error {
	hook, err := url.Parse(channel.URL.Reveal())
	if err != nil {
		return errors.New("its url cannot be read") // not the error, which quotes it
	}
	config, err := channel.TLS.Config()
	if err != nil {
		return err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // net/http documents it
	transport.TLSClientConfig = config
	defer transport.CloseIdleConnections()
	client := &http.Client{
		Transport: transport,
		// Following a redirect would show the notice to a host that nobody named, or drop it
		// and take the page there for success.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	format := formatFor(channel.Format, hook)
	for {
		again, err := attempt(ctx, client, hook, format, n.body(format))
		if err == nil {
			return nil
		}
		if deadline, bounded := ctx.Deadline(); again == 0 || bounded && time.Until(deadline) < again {
			return fmt.Errorf("webhook at %s: %w", hook.Host, err)
		}
		if err := wait.For(ctx, again); err != nil {
			return fmt.Errorf("webhook at %s: %w", hook.Host, err)
		}
	}
}

// attempt sends one request. again is when to try once more, 0 for never.
func attempt(ctx context.Context, client *http.Client, hook *url.URL, format string, body []byte) (again time.Duration, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, hook.String(), bytes.NewReader(body))
	if err != nil {
		return 0, errors.New("its url cannot be used") // not the error, which quotes it
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := client.Do(request)
	if err != nil {
		return 0, unreached(ctx, err)
	}
	defer answer.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(answer.Body, maxAnswer)) // the status is what counts
	switch status := answer.StatusCode; {
	case status == http.StatusTooManyRequests:
		return patience(answer.Header.Get("Retry-After")), errors.New("429 Too Many Requests; let it be told of less")
	case status >= http.StatusInternalServerError:
		return 0, fmt.Errorf("%s; the service has a fault of its own", answered(status, said))
	case status >= http.StatusMultipleChoices:
		return 0, fmt.Errorf("%s; correct the channel's url and format, or make a new webhook", answered(status, said))
	case format == formatTeams && bytes.Contains(said, []byte("delivery failed")):
		// An Office connector answers 200 all the same.
		return 0, errors.New("not delivered, says Teams; try again, or make a new webhook")
	}
	return 0, nil
}

// plainWords is an answer that can hold no secret, such as Slack's no_service.
var plainWords = regexp.MustCompile(`^[a-z_ ]{1,60}$`)

func answered(status int, said []byte) string {
	text := fmt.Sprintf("%d %s", status, http.StatusText(status))
	if word := strings.TrimSpace(string(said)); plainWords.MatchString(word) {
		text += " (" + word + ")"
	}
	return text
}

// unreached says why there was no answer.
func unreached(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if advice := trust.Advice(err); advice != "" {
		return errors.New(advice)
	}
	if of, ok := errors.AsType[*url.Error](err); ok {
		err = of.Err // what wraps it quotes the URL
	}
	return fmt.Errorf("no answer: %w", err)
}

// patience reads a Retry-After of seconds.
func patience(header string) time.Duration {
	seconds, err := strconv.ParseUint(header, 10, 16)
	if err != nil || seconds == 0 {
		return firstPatience
	}
	return time.Duration(seconds) * time.Second
}
