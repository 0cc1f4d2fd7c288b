package connecttest

import (
	"net/http"
	"strconv"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
)

// target is pause or resume, which any worker writes, without the herder's thread.
func (c *Cluster) target(state connect.State) handler {
	return func(w *worker, r *http.Request) (answer, error) {
		c.kafka.mu.Lock()
		_, seen := c.catchUp(w).configs[name(r)]
		_, exists := c.state.configs[name(r)]
		if seen && exists {
			c.setTarget(name(r), state)
		}
		c.kafka.mu.Unlock()
		if !seen || !exists {
			return answer{}, errNotFound("Unknown connector " + name(r))
		}
		if !c.pause(configWriteTime) {
			return answer{}, errClosed
		}
		return answer{status: http.StatusAccepted}, nil
	}
}

func (c *Cluster) putStop(w *worker, r *http.Request) (answer, error) {
	return c.writing(w, func() (answer, error) {
		if _, exists := c.state.configs[name(r)]; !exists {
			return answer{}, errNotFound("Unknown connector " + name(r))
		}
		c.stopConnector(name(r))
		return answer{status: http.StatusNoContent}, nil
	})
}

func (c *Cluster) destroyConnector(w *worker, r *http.Request) (answer, error) {
	return c.writing(w, func() (answer, error) {
		if _, exists := c.state.configs[name(r)]; !exists {
			return answer{}, errNotFound("Connector " + name(r) + " not found")
		}
		c.deleteConnector(name(r))
		return answer{status: http.StatusNoContent}, nil
	})
}

func (c *Cluster) postRestart(w *worker, r *http.Request) (answer, error) {
	query := r.URL.Query()
	tasks, onlyFailed := query.Get("includeTasks") == "true", query.Get("onlyFailed") == "true"
	return c.writing(w, func() (answer, error) {
		if c.rebalanceDue {
			return answer{}, errStale
		}
		if _, exists := c.state.configs[name(r)]; !exists {
			return answer{}, errNotFound("Unknown connector: " + name(r))
		}
		c.restart(name(r), tasks, onlyFailed)
		if !tasks && !onlyFailed {
			return answer{status: http.StatusNoContent}, nil
		}
		status, err := c.status(c.state, name(r))
		if err != nil {
			return answer{}, errNotFound("Status for connector " + name(r) + " not found")
		}
		return answer{http.StatusAccepted, status}, nil
	})
}

// postRestartTask answers when the old instance has ended or was given up, which
// takes the herder's thread for as long.
func (c *Cluster) postRestartTask(w *worker, r *http.Request) (answer, error) {
	number, err := strconv.Atoi(r.PathValue("task"))
	if err != nil {
		return answer{}, errNotFound("HTTP 404 Not Found")
	}
	if err := c.forward(w); err != nil {
		return answer{}, err
	}
	return c.occupyingHerder(func() (answer, error) {
		return answer{status: http.StatusNoContent}, c.restartTask(taskID{name(r), number})
	})
}
