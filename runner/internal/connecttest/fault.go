package connecttest

import "time"

// WorkerDown makes a worker, by its place in [Cluster.URLs], answer no requests
// while its connectors go on, or answer again.
func (c *Cluster) WorkerDown(worker int, down bool) {
	c.kafka.mu.Lock()
	defer c.kafka.mu.Unlock()
	c.workers[worker].down = down
}

// KillWorker ends a worker for good, without a last commit and without a status
// record of its tasks. The others take over what it ran after a rebalance.
func (c *Cluster) KillWorker(worker int) {
	c.kafka.mu.Lock()
	defer c.kafka.mu.Unlock()
	dying := c.workers[worker]
	dying.dead = true
	for id, task := range c.tasks {
		if task.worker == dying {
			task.kill()
			delete(c.tasks, id)
		}
	}
	for _, task := range c.orphans {
		if task.worker == dying {
			task.kill()
		}
	}
	for _, connector := range c.connectors {
		if connector.worker == dying {
			connector.worker, connector.state = nil, ""
		}
	}
	c.requestRebalance()
}

// FailStarts makes every task of a connector fail when it starts, with this
// trace; an empty trace ends that. Tasks that run already go on.
func (c *Cluster) FailStarts(connector, trace string) {
	c.kafka.mu.Lock()
	defer c.kafka.mu.Unlock()
	if trace == "" {
		delete(c.failStarts, connector)
		return
	}
	c.failStarts[connector] = trace
}

// FailTask makes a running task fail after its current poll, with this trace.
func (c *Cluster) FailTask(connector string, id int, trace string) {
	c.kafka.mu.Lock()
	defer c.kafka.mu.Unlock()
	if task, ok := c.tasks[taskID{connector, id}]; ok {
		task.failure = trace
		task.notify()
	}
}

// ForgetStatus empties the history of a connector in the status topic, as
// compaction or a lost topic would.
func (c *Cluster) ForgetStatus(connector string) {
	c.kafka.mu.Lock()
	defer c.kafka.mu.Unlock()
	c.forgotten[connector] = len(c.statusLog)
}

// IsolateWorker cuts a worker off from its group and from REST without its
// knowledge, as a network or a long pause of its JVM does: the others take over
// what it ran after a rebalance, and its tasks go on side by side with theirs,
// commits included, unless they are fenced.
func (c *Cluster) IsolateWorker(worker int) {
	c.kafka.mu.Lock()
	defer c.kafka.mu.Unlock()
	lost := c.workers[worker]
	lost.dead = true
	for id, task := range c.tasks {
		if task.worker == lost {
			c.orphans = append(c.orphans, task)
			delete(c.tasks, id)
		}
	}
	for _, connector := range c.connectors {
		if connector.worker == lost {
			connector.worker, connector.state = nil, ""
		}
	}
	c.requestRebalance()
}

// SetLag changes how far a worker is behind, see [WithLag].
func (c *Cluster) SetLag(worker int, lag time.Duration) {
	c.kafka.mu.Lock()
	defer c.kafka.mu.Unlock()
	c.workers[worker].lag, c.workers[worker].slow = lag, true
}
