package lab

import "net/http"

// Transport returns what reaches the cluster's REST API as the lab itself does,
// whatever guards it: for a proxy in front of a worker.
func (c *Connect) Transport() http.RoundTripper {
	return guarded{guard: c.guard, next: c.guard.httpClient().Transport}
}

type guarded struct {
	guard *guard
	next  http.RoundTripper // nil: the default one
}

func (g guarded) RoundTrip(request *http.Request) (*http.Response, error) {
	next := g.next
	if next == nil {
		next = http.DefaultTransport
	}
	request = request.Clone(request.Context())
	if err := g.guard.authorize(request); err != nil {
		return nil, err
	}
	return next.RoundTrip(request)
}
