package connecttest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/internaltopic"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// restError is an answer that is not a success.
type restError struct {
	status  int
	message string
}

func (e *restError) Error() string { return e.message }

func errNotFound(message string) error   { return &restError{http.StatusNotFound, message} }
func errBadRequest(message string) error { return &restError{http.StatusBadRequest, message} }
func errConflict(message string) error   { return &restError{http.StatusConflict, message} }
func errInternal(message string) error   { return &restError{http.StatusInternalServerError, message} }

// errData is Connect's DataException, which becomes a 500.
func errData(message string) error { return errInternal(message) }

// answer is a success.
type answer struct {
	status int
	body   any // nil for none
}

func ok(body any) (answer, error) { return answer{http.StatusOK, body}, nil }

type handler func(w *worker, r *http.Request) (answer, error)

// rest is the REST API of one worker.
func (c *Cluster) rest(w *worker) http.Handler {
	mux := http.NewServeMux()
	paths := map[string]bool{}
	handle := func(method, path string, h handler) {
		paths[path] = true
		mux.HandleFunc(method+" "+path, func(rw http.ResponseWriter, r *http.Request) {
			body, err := h(w, r)
			reply(rw, body, err)
		})
	}
	handle("GET", "/{$}", c.getServer)
	handle("GET", "/connectors", c.listConnectors)
	handle("POST", "/connectors", c.createConnector)
	handle("GET", "/connectors/{connector}", c.getConnector)
	handle("DELETE", "/connectors/{connector}", c.destroyConnector)
	handle("GET", "/connectors/{connector}/config", c.getConfig)
	handle("PUT", "/connectors/{connector}/config", c.putConfig)
	handle("GET", "/connectors/{connector}/status", c.getStatus)
	handle("GET", "/connectors/{connector}/tasks", c.getTasks)
	handle("GET", "/connectors/{connector}/topics", c.getTopics)
	handle("PUT", "/connectors/{connector}/topics/reset", c.resetTopics)
	handle("PUT", "/connectors/{connector}/pause", c.target(connect.Paused))
	handle("PUT", "/connectors/{connector}/resume", c.target(connect.Running))
	handle("POST", "/connectors/{connector}/restart", c.postRestart)
	handle("POST", "/connectors/{connector}/tasks/{task}/restart", c.postRestartTask)
	handle("GET", "/connector-plugins", c.getPlugins)
	handle("PUT", "/connector-plugins/{class}/config/validate", c.validate)
	if c.version.since(3, 5) {
		handle("PUT", "/connectors/{connector}/stop", c.putStop)
		handle("GET", "/connectors/{connector}/offsets", c.getOffsets)
	}
	if c.version.since(3, 8) {
		handle("PATCH", "/connectors/{connector}/config", c.patchConfig)
	}
	if c.version.since(3, 6) {
		handle("PATCH", "/connectors/{connector}/offsets", c.patchOffsets)
		handle("DELETE", "/connectors/{connector}/offsets", c.deleteOffsets)
	}
	// What Jersey answers of its own accord.
	for path := range paths {
		mux.HandleFunc(path, func(rw http.ResponseWriter, _ *http.Request) {
			reply(rw, answer{}, &restError{http.StatusMethodNotAllowed, "HTTP 405 Method Not Allowed"})
		})
	}
	mux.HandleFunc("/", func(rw http.ResponseWriter, _ *http.Request) {
		reply(rw, answer{}, errNotFound("HTTP 404 Not Found"))
	})
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if refused := c.refusedPath(r.URL.EscapedPath()); refused != "" {
			rw.Header().Set("Content-Type", "text/html;charset=iso-8859-1")
			rw.WriteHeader(http.StatusBadRequest)
			_, _ = fmt.Fprintf(rw, "<html>\n<head>\n<title>Error 400 %[1]s</title>\n</head>\n<body>\n<h2>HTTP ERROR 400 %[1]s</h2>\n</body>\n</html>\n", refused)
			return
		}
		mux.ServeHTTP(rw, r)
	})
}

// refusedPath is what Jetty 12, which Kafka has since 4.0, refuses before Connect
// sees it: names with these characters can be created and not be spoken of.
func (c *Cluster) refusedPath(escaped string) string {
	if !c.version.since(4, 0) {
		return ""
	}
	for sequence, refused := range map[string]string{
		"%2F": "Ambiguous URI path separator", "%25": "Ambiguous URI path encoding", "%5C": "Suspicious Path Character",
	} {
		if strings.Contains(strings.ToUpper(escaped), sequence) {
			return refused
		}
	}
	return ""
}

func reply(rw http.ResponseWriter, body answer, err error) {
	if failure, failed := errors.AsType[*restError](err); failed {
		body = answer{failure.status, struct {
			Code    int    `json:"error_code"`
			Message string `json:"message"`
		}{failure.status, failure.message}}
	} else if err != nil {
		panic(http.ErrAbortHandler) // the cluster was closed
	}
	if body.body == nil {
		rw.WriteHeader(body.status)
		return
	}
	content, err := json.Marshal(body.body)
	if err != nil {
		panic("connecttest: encode answer: " + err.Error())
	}
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(body.status)
	_, _ = rw.Write(content) // a client that left is no fault of the cluster
}

var errClosed = errors.New("cluster is closed")

// onHerder runs do on the herder's thread with the mutex held, after whatever
// else the herder is busy with.
func (c *Cluster) onHerder(do func() (answer, error)) (answer, error) {
	return c.occupyingHerder(func() (answer, error) {
		c.kafka.mu.Lock()
		defer c.kafka.mu.Unlock()
		return do()
	})
}

// occupyingHerder is [Cluster.onHerder] for what waits, without the mutex.
func (c *Cluster) occupyingHerder(do func() (answer, error)) (answer, error) {
	timeout := time.NewTimer(requestTimeout)
	defer timeout.Stop()
	select {
	case c.herder <- struct{}{}:
	case <-timeout.C:
		return answer{}, errInternal("Request timed out. The worker is currently ensuring membership in the cluster")
	case <-c.ctx.Done():
		return answer{}, errClosed
	}
	defer c.leaveHerder()
	return do()
}

// writing is [Cluster.onHerder] for what is written to the config topic, which
// only the leader does.
func (c *Cluster) writing(w *worker, do func() (answer, error)) (answer, error) {
	if err := c.forward(w); err != nil {
		return answer{}, err
	}
	result, err := c.onHerder(do)
	if err == nil && !c.pause(configWriteTime) {
		return answer{}, errClosed
	}
	return result, err
}

// forward says why a worker cannot hand a request to the leader, if so.
func (c *Cluster) forward(w *worker) error {
	c.kafka.mu.Lock()
	defer c.kafka.mu.Unlock()
	switch leader := c.leader(); {
	case leader == nil || leader.down && leader != w:
		return errInternal("IO Error trying to forward REST request: java.net.ConnectException: Connection refused")
	default:
		return nil
	}
}

var (
	// errStale answers a request that may be forwarded, errExpected one that is
	// not (HerderRequestHandler.completeOrForwardRequest, ConnectExceptionMapper).
	errStale    = errConflict("Cannot complete request momentarily due to stale configuration (typically caused by a concurrent config change)")
	errExpected = errInternal("Request cannot be completed because a rebalance is expected")
)

func name(r *http.Request) string { return r.PathValue("connector") }

func (c *Cluster) getServer(*worker, *http.Request) (answer, error) {
	return ok(connect.Server{Version: c.version.text, Commit: "0000000000000000", KafkaClusterID: c.kafka.id})
}

func (c *Cluster) listConnectors(w *worker, r *http.Request) (answer, error) {
	c.kafka.mu.Lock()
	defer c.kafka.mu.Unlock()
	seen := c.catchUp(w)
	expand := r.URL.Query()["expand"]
	if len(expand) == 0 {
		return ok(sortedKeys(seen.configs))
	}
	all := map[string]map[string]any{}
	for name := range seen.configs {
		all[name] = map[string]any{}
		if slices.Contains(expand, "info") {
			all[name]["info"] = c.info(seen, name)
		}
		if status, err := c.status(seen, name); slices.Contains(expand, "status") && err == nil {
			all[name]["status"] = status
		} else if slices.Contains(expand, "status") {
			delete(all, name)
		}
	}
	return ok(all)
}

type connectorInfo struct {
	Name   string         `json:"name"`
	Config rawjson.Object `json:"config"`
	Tasks  []taskName     `json:"tasks"`
	Type   string         `json:"type"`
}

type taskName struct {
	Connector string `json:"connector"`
	Task      int    `json:"task"`
}

func (c *Cluster) info(seen *view, name string) connectorInfo {
	known := seen.configs[name]
	plugin, _ := c.plugin(known.config.Text("connector.class"))
	info := connectorInfo{Name: name, Config: known.config, Tasks: []taskName{}, Type: plugin.Type}
	for task := range known.tasks {
		info.Tasks = append(info.Tasks, taskName{name, task})
	}
	return info
}

// body reads the request, which must be one JSON object.
func body(r *http.Request) (rawjson.Object, error) {
	content, err := io.ReadAll(r.Body)
	if err != nil {
		return rawjson.Object{}, errInternal(err.Error())
	}
	object, err := rawjson.ParseObject(content)
	if err != nil {
		return rawjson.Object{}, errInternal("Cannot deserialize value from the content: " + err.Error())
	}
	return object, nil
}

const entities = "org.apache.kafka.connect.runtime.rest.entities."

var templateVariable = regexp.MustCompile(`\{([^{}]*)\}`)

// reading is a read that goes through the herder's thread and is refused while a
// rebalance is due.
func (c *Cluster) reading(w *worker, r *http.Request, read func(*view, string) any) (answer, error) {
	return c.onHerder(func() (answer, error) {
		if c.rebalanceDue {
			return answer{}, errExpected
		}
		seen := c.catchUp(w)
		if _, exists := seen.configs[name(r)]; !exists {
			return answer{}, errNotFound("Connector " + name(r) + " not found")
		}
		return ok(read(seen, name(r)))
	})
}

func (c *Cluster) getConnector(w *worker, r *http.Request) (answer, error) {
	return c.reading(w, r, func(seen *view, name string) any { return c.info(seen, name) })
}

func (c *Cluster) getConfig(w *worker, r *http.Request) (answer, error) {
	return c.reading(w, r, func(seen *view, name string) any { return seen.configs[name].config })
}

func (c *Cluster) getTasks(w *worker, r *http.Request) (answer, error) {
	return c.reading(w, r, func(seen *view, name string) any {
		type task struct {
			ID     taskName       `json:"id"`
			Config rawjson.Object `json:"config"`
		}
		tasks := []task{}
		for number, config := range seen.configs[name].tasks {
			tasks = append(tasks, task{taskName{name, number}, config})
		}
		return tasks
	})
}

func (c *Cluster) getStatus(w *worker, r *http.Request) (answer, error) {
	c.kafka.mu.Lock()
	defer c.kafka.mu.Unlock()
	status, err := c.status(c.catchUp(w), name(r))
	if err != nil {
		return answer{}, err
	}
	return ok(status)
}

func (c *Cluster) status(seen *view, name string) (connect.Status, error) {
	shown, found := seen.statuses[name][internaltopic.OfConnector]
	if !found {
		return connect.Status{}, errNotFound("No status found for connector " + name)
	}
	known, exists := seen.configs[name]
	if !exists {
		return connect.Status{}, errNotFound("Unknown connector " + name)
	}
	plugin, _ := c.plugin(known.config.Text("connector.class"))
	status := connect.Status{
		Name: name, Type: plugin.Type, Tasks: []connect.TaskStatus{},
		Connector: connect.StateInfo{State: shown.state, WorkerID: shown.worker, Trace: shown.trace},
	}
	for id, task := range seen.statuses[name] {
		if id != internaltopic.OfConnector {
			info := connect.StateInfo{State: task.state, WorkerID: task.worker, Trace: task.trace}
			status.Tasks = append(status.Tasks, connect.TaskStatus{ID: id, StateInfo: info})
		}
	}
	slices.SortFunc(status.Tasks, func(a, b connect.TaskStatus) int { return a.ID - b.ID })
	return status, nil
}

var errTrackingOff = &restError{http.StatusForbidden, "Topic tracking is disabled."}

// getTopics answers for connectors that do not exist too, with no topics.
func (c *Cluster) getTopics(w *worker, r *http.Request) (answer, error) {
	if !c.topicTracking {
		return answer{}, errTrackingOff
	}
	c.kafka.mu.Lock()
	defer c.kafka.mu.Unlock()
	topics := append([]string{}, c.catchUp(w).topics[name(r)]...)
	return ok(map[string]map[string][]string{name(r): {"topics": topics}})
}

func (c *Cluster) resetTopics(_ *worker, r *http.Request) (answer, error) {
	if !c.topicTracking {
		return answer{}, errTrackingOff
	}
	c.kafka.mu.Lock()
	defer c.kafka.mu.Unlock()
	connector := name(r)
	c.publish(func(v *view) { delete(v.topics, connector) })
	return answer{status: http.StatusAccepted}, nil
}
