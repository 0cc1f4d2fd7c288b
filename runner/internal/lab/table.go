package lab

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// TableUser and TablePassword are the credentials of every table's database.
const (
	TableUser     = "lab"
	TablePassword = "lab-password"
)

// Table is a database server with one table, to which rows numbered from 0 are
// added until Hold. It is a process of its own: its rows are gone when it ends.
type Table struct {
	*Process
	name string
	port int

	mu      sync.Mutex
	orders  io.Writer
	replies *bufio.Reader
}

// StartTable starts a table that grows by rate rows a second. The name must be
// fit for SQL and for a file.
func (l *Lab) StartTable(ctx context.Context, name string, rate int) (*Table, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	classPath, err := classPath(filepath.Join(l.connectors, connectorPlugin))
	if err != nil {
		return nil, err
	}
	jvm := jvm{java: l.java, heap: "128m", classPath: classPath, folder: l.dir}
	table := &Table{name: strings.ToUpper(name), port: port}
	table.Process = &Process{
		name:    "table " + name,
		logPath: l.logPath("table-" + name),
		command: func() (*exec.Cmd, error) { return table.command(jvm, rate) },
		answers: table.listens,
	}
	l.adopt(table.Process)
	return table, table.Start(ctx)
}

func (t *Table) command(jvm jvm, rate int) (*exec.Cmd, error) {
	command, err := jvm.command("io.connectferry.lab.TableServer", strconv.Itoa(t.port), t.name, strconv.Itoa(rate))
	if err != nil {
		return nil, err
	}
	orders, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	replies, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.orders, t.replies = orders, bufio.NewReader(replies)
	return command, nil
}

// Name returns the table's full name, as connectors report it.
func (t *Table) Name() string { return "LAB.PUBLIC." + t.name }

// URL returns the JDBC URL of the database.
func (t *Table) URL() string { return "jdbc:h2:tcp://" + loopback(t.port) + "/mem:lab" }

// Hold ends the growth and returns the sequence of the last row, -1 if there is
// none.
func (t *Table) Hold() (last int64, err error) { return t.order("hold") }

// Go lets the table grow again, and returns the sequence of the last row.
func (t *Table) Go() (last int64, err error) { return t.order("go") }

func (t *Table) order(order string) (int64, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, err := fmt.Fprintln(t.orders, order); err != nil {
		return 0, fmt.Errorf("lab: table %s: %w", t.name, err)
	}
	answer, err := t.replies.ReadString('\n')
	if err != nil {
		return 0, fmt.Errorf("lab: table %s: %w: see %s", t.name, err, t.Log())
	}
	last, err := strconv.ParseInt(strings.TrimSpace(answer), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("lab: table %s: %w", t.name, err)
	}
	return last, nil
}

func (t *Table) listens(ctx context.Context) error {
	var dialer net.Dialer
	connection, err := dialer.DialContext(ctx, "tcp", loopback(t.port))
	if err != nil {
		return err
	}
	return connection.Close()
}
