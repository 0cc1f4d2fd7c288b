package connecttest

import (
	"slices"
	"strconv"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/connect"
	"github.com/connect-ferry/connect-ferry/runner/internal/internaltopic"
	"github.com/connect-ferry/connect-ferry/runner/internal/rawjson"
)

// connector is a Connector object on the worker it is assigned to.
type connector struct {
	name    string
	worker  *worker       // nil until assigned
	state   connect.State // "" until started
	restart int           // grows with each restart
}

// putConnector writes a config, and a target state if one is given.
func (c *Cluster) putConnector(name string, config rawjson.Object, target connect.State) {
	known, exists := c.state.configs[name]
	known.config = config
	if target != "" {
		known.target = target
	} else if preset := c.presets[name]; !exists && preset != "" {
		known.target = preset
	} else if !exists {
		known.target = connect.Running
	}
	c.publish(func(v *view) { v.configs[name] = known })
	if !exists {
		c.requestRebalance()
		return
	}
	if connector, ok := c.connectors[name]; ok {
		c.startConnector(connector)
	}
}

// deleteConnector removes a config and the target state; offsets stay.
func (c *Cluster) deleteConnector(name string) {
	delete(c.presets, name)
	c.publish(func(v *view) {
		delete(v.configs, name)
		delete(v.topics, name)
	})
	c.requestRebalance()
}

// stopConnector writes an empty list of task configs and then the target state,
// as two records.
func (c *Cluster) stopConnector(name string) {
	c.putTasks(name, nil)
	c.setTarget(name, connect.Stopped)
}

func (c *Cluster) putTasks(name string, tasks []rawjson.Object) {
	known := c.state.configs[name]
	known.tasks = tasks
	known.epoch++
	c.publish(func(v *view) { v.configs[name] = known })
	c.requestRebalance()
}

// setTarget writes a target state, which the workers follow when they read it.
func (c *Cluster) setTarget(name string, target connect.State) {
	c.targets = append(c.targets, targetRecord{name, target})
	known := c.state.configs[name]
	known.target = target
	c.publish(func(v *view) { v.configs[name] = known })
	c.running.Go(func() {
		if !c.pause(followerLag) {
			return
		}
		c.kafka.mu.Lock()
		defer c.kafka.mu.Unlock()
		c.followTarget(name)
	})
}

// followTarget brings the connector and its tasks to the target state as it is
// now (DistributedHerder.processTargetStateChanges). It waits for no rebalance.
func (c *Cluster) followTarget(name string) {
	known, ok := c.state.configs[name]
	if !ok {
		return
	}
	for id, task := range c.tasks {
		if id.connector == name {
			task.follow(known.target)
		}
	}
	connector := c.connectors[name]
	if connector == nil || connector.worker == nil || connector.state == "" {
		return
	}
	if connector.state != known.target {
		connector.state = known.target
		c.writeStatus(name, internaltopic.OfConnector, known.target, connector.worker, "")
	}
	if known.target == connect.Running {
		c.reconfigure(name)
	}
}

// startConnector starts, or restarts, the Connector object on its worker.
func (c *Cluster) startConnector(connector *connector) {
	if connector.worker == nil {
		return
	}
	if connector.state != "" {
		c.writeStatus(connector.name, internaltopic.OfConnector, connect.Unassigned, connector.worker, "")
	}
	connector.state = ""
	connector.restart++
	attempt := connector.restart
	c.running.Go(func() {
		if !c.pause(startTime) {
			return
		}
		c.kafka.mu.Lock()
		defer c.kafka.mu.Unlock()
		for c.heldUp() {
			c.kafka.mu.Unlock()
			goes := c.pause(startTime)
			c.kafka.mu.Lock()
			if !goes {
				return
			}
		}
		known, ok := c.state.configs[connector.name]
		if !ok || c.connectors[connector.name] != connector || connector.restart != attempt || connector.worker == nil {
			return
		}
		connector.state = known.target
		c.writeStatus(connector.name, internaltopic.OfConnector, known.target, connector.worker, "")
		if known.target == connect.Running {
			c.reconfigure(connector.name)
		}
	})
}

// reconfigure asks the connector for its task configs and writes them if they
// are others than those that are there.
func (c *Cluster) reconfigure(name string) {
	known := c.state.configs[name]
	plugin, ok := c.plugin(known.config.Text("connector.class"))
	if !ok {
		return
	}
	tasks := plugin.taskConfigs(known.config)
	same := slices.EqualFunc(tasks, known.tasks, func(a, b rawjson.Object) bool { return rawjson.Equal(a.Value(), b.Value()) })
	if !same {
		c.putTasks(name, tasks)
	}
}

// requestRebalance makes the workers rebalance. Requests made before one has
// begun share it.
func (c *Cluster) requestRebalance() {
	if c.rebalanceDue {
		return
	}
	c.rebalanceDue = true
	c.running.Go(c.rebalance)
}

func (c *Cluster) rebalance() {
	if !c.pause(staleWindow) || !c.enterHerder() {
		return
	}
	defer c.leaveHerder()
	c.kafka.mu.Lock()
	c.rebalanceDue = false
	c.generation++
	revoked := c.revoke()
	c.kafka.mu.Unlock()
	c.awaitTasks(revoked)
	if !c.pause(rebalanceTime) {
		return
	}
	c.kafka.mu.Lock()
	defer c.kafka.mu.Unlock()
	if len(revoked) > 0 {
		c.generation++
	}
	c.forgetRemoved()
	c.assign()
}

// revoke takes away what is configured no more, or otherwise, and returns the
// tasks among it.
func (c *Cluster) revoke() []*task {
	var revoked []*task
	for id, task := range c.tasks {
		known, ok := c.state.configs[id.connector]
		if !ok || id.task >= len(known.tasks) || known.epoch != task.epoch {
			task.requestStop()
			revoked = append(revoked, task)
			delete(c.tasks, id)
		}
	}
	for name := range c.connectors {
		if _, ok := c.state.configs[name]; !ok {
			delete(c.connectors, name)
		}
	}
	return revoked
}

// awaitTasks waits for tasks to end, for at most the graceful timeout, and then
// cancels them: their threads go on, unheard (Worker.stopAndAwaitTask).
func (c *Cluster) awaitTasks(tasks []*task) {
	grace := time.NewTimer(c.gracefulTimeout)
	defer grace.Stop()
	for i, task := range tasks {
		select {
		case <-task.done:
		case <-c.ctx.Done():
			return
		case <-grace.C:
			c.kafka.mu.Lock()
			defer c.kafka.mu.Unlock()
			for _, late := range tasks[i:] {
				late.cancel()
				c.orphans = append(c.orphans, late)
			}
			return
		}
	}
}

// forgetRemoved removes the statuses of what is configured no more, as the
// leader does once a rebalance is over.
func (c *Cluster) forgetRemoved() {
	for name, statuses := range c.state.statuses {
		known, exists := c.state.configs[name]
		for id, shown := range statuses {
			if exists && (id == internaltopic.OfConnector || id < len(known.tasks)) {
				continue
			}
			c.writeStatus(name, id, "", nil, "")
			if i := slices.IndexFunc(c.workers, func(w *worker) bool { return w.id == shown.worker }); i >= 0 &&
				c.lateStatus && exists && shown.state == connect.Unassigned && c.workers[i] != c.leader() {
				c.writeStatus(name, id, connect.Unassigned, c.workers[i], "")
			}
		}
		if !exists {
			delete(c.state.statuses, name)
		}
	}
}

// assign starts what is configured and does not run.
func (c *Cluster) assign() {
	for _, name := range sortedKeys(c.state.configs) {
		if c.connectors[name] == nil {
			c.connectors[name] = &connector{name: name}
		}
		if connector := c.connectors[name]; connector.worker == nil {
			if connector.worker = c.idlest(); connector.worker != nil {
				c.startConnector(connector)
			}
		}
		known := c.state.configs[name]
		for number, config := range known.tasks {
			id := taskID{name, number}
			if c.tasks[id] != nil {
				continue
			}
			if worker := c.idlest(); worker != nil {
				c.tasks[id] = c.startTask(id, known, config, worker)
			}
		}
	}
}

// idlest returns the living worker with the fewest connectors and tasks.
func (c *Cluster) idlest() *worker {
	load := map[*worker]int{}
	for _, connector := range c.connectors {
		load[connector.worker]++
	}
	for _, task := range c.tasks {
		load[task.worker]++
	}
	var found *worker
	for _, candidate := range c.workers {
		if !candidate.dead && (found == nil || load[candidate] < load[found]) {
			found = candidate
		}
	}
	return found
}

// restart starts a connector's failed tasks anew, or all of it.
func (c *Cluster) restart(name string, tasks, onlyFailed bool) {
	known := c.state.configs[name]
	if connector := c.connectors[name]; connector != nil && !onlyFailed {
		c.startConnector(connector)
	}
	if !tasks {
		return
	}
	for number, config := range known.tasks {
		id := taskID{name, number}
		old := c.tasks[id]
		if old == nil || onlyFailed && c.state.statuses[name][number].state != connect.Failed {
			continue
		}
		old.requestStop()
		c.running.Go(func() {
			c.awaitTasks([]*task{old})
			if !c.pause(startTime) {
				return
			}
			c.kafka.mu.Lock()
			defer c.kafka.mu.Unlock()
			if c.tasks[id] == old {
				c.tasks[id] = c.startTask(id, known, config, old.worker)
			}
		})
	}
}

// restartTask ends one task and starts it anew on its worker, where it takes the
// connector's target state from its beginning (DistributedHerder.restartTask).
// The caller is on the herder's thread, without the mutex.
func (c *Cluster) restartTask(id taskID) error {
	c.kafka.mu.Lock()
	defer c.kafka.mu.Unlock()
	if c.rebalanceDue {
		return errStale
	}
	known, exists := c.state.configs[id.connector]
	if !exists {
		return errNotFound("Unknown connector: " + id.connector)
	}
	if id.task < 0 || id.task >= len(known.tasks) {
		return errNotFound("Unknown task: " + id.connector + "-" + strconv.Itoa(id.task))
	}
	old := c.tasks[id]
	if old == nil {
		return errStale // assigned to no worker
	}
	old.requestStop()
	c.kafka.mu.Unlock()
	c.awaitTasks([]*task{old})
	c.kafka.mu.Lock()
	known, exists = c.state.configs[id.connector]
	if exists && id.task < len(known.tasks) && c.tasks[id] == old && !old.worker.dead {
		c.tasks[id] = c.startTask(id, known, known.tasks[id.task], old.worker)
	}
	return nil
}

func (c *Cluster) enterHerder() bool {
	select {
	case c.herder <- struct{}{}:
		return true
	case <-c.ctx.Done():
		return false
	}
}

func (c *Cluster) leaveHerder() { <-c.herder }

// settings read from a connector's config. They were validated.
func setting(config rawjson.Object, key string, otherwise int64) int64 {
	value, err := strconv.ParseInt(config.Text(key), 10, 64)
	if err != nil {
		return otherwise
	}
	return value
}
