package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// ErrNoPostgres says that there is no PostgreSQL server on this machine.
var ErrNoPostgres = errors.New("lab: initdb is neither on the PATH nor under /usr/lib/postgresql: install PostgreSQL 14 or later (apt-get install postgresql)")

// DebeziumVersion is the version of Debezium's connector for a database, "postgres" or
// "mariadb".
func DebeziumVersion(database string) string { return debeziumPlugins[database].Version }

// postgresFolders are where Debian, and others, keep the server's programs.
var postgresFolders = []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin"}

func postgresFolder() (string, error) {
	for _, pattern := range postgresFolders {
		found, err := filepath.Glob(filepath.Join(pattern, "initdb"))
		if err == nil && len(found) > 0 {
			slices.Sort(found)
			return filepath.Dir(found[len(found)-1]), nil
		}
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			return filepath.Dir(path), nil
		}
	}
	return "", ErrNoPostgres
}

// Postgres is a PostgreSQL server whose log can be decoded, on loopback.
type Postgres struct {
	*Process
	programs string
	port     int
	socket   string
	as       *syscall.Credential // nil: as this process

	mu   sync.Mutex
	rows *exec.Cmd // what adds rows to a table
}

// StartPostgres starts a server with an empty database. The error is
// [ErrNoPostgres] if there is none on this machine.
func (l *Lab) StartPostgres(ctx context.Context, name string) (*Postgres, error) {
	programs, err := postgresFolder()
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	folder := filepath.Join(l.dir, "postgres-"+name)
	if err := os.Mkdir(folder, 0o700); err != nil {
		return nil, fmt.Errorf("lab: postgres %s: %w", name, err)
	}
	server := &Postgres{programs: programs, port: port, socket: folder}
	if err := server.giveUpRoot(l.dir, folder); err != nil {
		return nil, fmt.Errorf("lab: postgres %s: %w", name, err)
	}
	data := filepath.Join(folder, "data")
	if err := server.initialise(ctx, data); err != nil {
		return nil, fmt.Errorf("lab: postgres %s: %w", name, err)
	}
	server.Process = &Process{
		name:    "postgres " + name,
		logPath: l.logPath("postgres-" + name),
		command: func() (*exec.Cmd, error) {
			return server.program(context.Background(), "postgres", "-D", data, "-p", strconv.Itoa(port), "-k", folder,
				"-c", "listen_addresses=127.0.0.1", "-c", "wal_level=logical", "-c", "fsync=off", "-c", "max_connections=30"), nil
		},
		answers: func(ctx context.Context) error { _, err := server.Query(ctx, "SELECT 1"); return err },
	}
	l.adopt(server.Process)
	return server, server.Start(ctx)
}

// giveUpRoot makes the server run as another user where this process is root, as
// PostgreSQL refuses to. That user must be able to get to its folder.
func (p *Postgres) giveUpRoot(dir, folder string) error {
	if os.Getuid() != 0 {
		return nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		found, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(found.Uid, 10, 32)
		if err != nil {
			return err
		}
		gid, err := strconv.ParseUint(found.Gid, 10, 32)
		if err != nil {
			return err
		}
		p.as = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		if err := os.Chmod(dir, 0o711); err != nil { // #nosec G302 -- to be passed through, not to be read
			return err
		}
		return os.Chown(folder, int(uid), int(gid))
	}
	return errors.New("this process is root, which PostgreSQL refuses to be, and there is neither a user postgres nor a user nobody")
}

func (p *Postgres) program(ctx context.Context, name string, arguments ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, filepath.Join(p.programs, name), arguments...)
	command.Dir = p.socket
	command.Env = append(os.Environ(), "PGPASSWORD="+TablePassword, "LC_ALL=C")
	if p.as != nil {
		command.SysProcAttr = &syscall.SysProcAttr{Credential: p.as}
	}
	return command
}

func (p *Postgres) initialise(ctx context.Context, data string) error {
	password := filepath.Join(p.socket, "password")
	if err := os.WriteFile(password, []byte(TablePassword+"\n"), 0o600); err != nil {
		return err
	}
	if p.as != nil {
		if err := os.Chown(password, int(p.as.Uid), int(p.as.Gid)); err != nil {
			return err
		}
	}
	command := p.program(ctx, "initdb", "-D", data, "-U", TableUser, "-A", "scram-sha-256", "--pwfile="+password, "-E", "UTF8", "--no-sync")
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w:\n%s", err, lastLines(output, 5))
	}
	return nil
}

func (p *Postgres) psql(ctx context.Context, sql string) *exec.Cmd {
	return p.program(ctx, "psql", "-h", "127.0.0.1", "-p", strconv.Itoa(p.port), "-U", TableUser, "-d", "postgres",
		"-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql)
}

// Query runs SQL and returns what it answers, columns divided by |.
func (p *Postgres) Query(ctx context.Context, sql string) (string, error) {
	output, err := p.psql(ctx, sql).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("lab: postgres: %w: %s", err, strings.TrimSpace(string(output)))
	}
	return strings.TrimSpace(string(output)), nil
}

// Grow makes a table of one numbered stream and adds rows to it, perSecond of
// them, each in a transaction of its own, until [Postgres.Hold].
func (p *Postgres) Grow(ctx context.Context, table string, perSecond int) error {
	_, err := p.Query(ctx, fmt.Sprintf(`CREATE TABLE %[1]s (stream text NOT NULL, sequence bigint NOT NULL, PRIMARY KEY (stream, sequence));
CREATE TABLE %[1]s_hold (held boolean NOT NULL);`, table))
	if err != nil {
		return err
	}
	rows := p.psql(ctx, fmt.Sprintf(`DO $$
DECLARE n bigint := 0;
BEGIN
  LOOP
    EXIT WHEN EXISTS (SELECT FROM %[1]s_hold);
    INSERT INTO %[1]s VALUES ('%[1]s', n);
    COMMIT;
    n := n + 1;
    PERFORM pg_sleep(%[2]f);
  END LOOP;
END $$`, table, 1/float64(perSecond)))
	rows.Stdout, rows.Stderr = io.Discard, io.Discard
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rows = rows
	return rows.Start()
}

// Hold ends the growth of a table and returns the sequence of its last row.
func (p *Postgres) Hold(ctx context.Context, table string) (last int64, err error) {
	if _, err := p.Query(ctx, "INSERT INTO "+table+"_hold VALUES (true)"); err != nil {
		return 0, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.rows.Wait(); err != nil {
		return 0, fmt.Errorf("lab: rows of %s: %w", table, err)
	}
	answer, err := p.Query(ctx, "SELECT max(sequence) FROM "+table)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(answer, 10, 64)
}

// Slot tells of a replication slot: whether somebody reads it, and up to where it
// was confirmed. It does not exist if confirmed is "".
func (p *Postgres) Slot(ctx context.Context, slot string) (active bool, confirmed string, err error) {
	answer, err := p.Query(ctx, "SELECT active, confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = '"+slot+"'")
	if err != nil || answer == "" {
		return false, "", err
	}
	state, confirmed, _ := strings.Cut(answer, "|")
	return state == "t", confirmed, nil
}

// JDBC returns the URL of the database.
func (p *Postgres) JDBC() string { return "jdbc:postgresql://" + loopback(p.port) + "/postgres" }

// DebeziumSource captures a table that grows, as its numbered stream: a record's
// key is the row's stream and its value the row's sequence, which together are the
// row's primary key.
func DebeziumSource(server *Postgres, name, table string) map[string]string {
	slot := strings.ReplaceAll(name, "-", "_")
	return map[string]string{
		"connector.class":             "io.debezium.connector.postgresql.PostgresConnector",
		"tasks.max":                   "1",
		"database.hostname":           "127.0.0.1",
		"database.port":               strconv.Itoa(server.port),
		"database.user":               TableUser,
		"database.password":           TablePassword,
		"database.dbname":             "postgres",
		"topic.prefix":                name,
		"plugin.name":                 "pgoutput",
		"slot.name":                   slot,
		"publication.name":            slot,
		"publication.autocreate.mode": "filtered",
		"table.include.list":          "public." + table,
		"poll.interval.ms":            "100",
		"key.converter":               "org.apache.kafka.connect.storage.StringConverter",
		"value.converter":             "org.apache.kafka.connect.storage.StringConverter",
		"transforms":                  "unwrap,key,value",
		"transforms.unwrap.type":      "io.debezium.transforms.ExtractNewRecordState",
		"transforms.key.type":         "org.apache.kafka.connect.transforms.ExtractField$Key",
		"transforms.key.field":        "stream",
		"transforms.value.type":       "org.apache.kafka.connect.transforms.ExtractField$Value",
		"transforms.value.field":      "sequence",
		"slot.max.retries":            "2",
		"slot.retry.delay.ms":         "1000",
	}
}

// DebeziumTopic is the topic that a [DebeziumSource] writes.
func DebeziumTopic(name, table string) string { return name + ".public." + table }

// debeziumPlugins are the plugins of ConnectSpec.Debezium, by database.
var debeziumPlugins = map[string]Plugin{
	"postgres": {Group: "io.debezium", Name: "debezium-connector-postgres", Version: "3.7.0.Final"},
	"mariadb":  {Group: "io.debezium", Name: "debezium-connector-mariadb", Version: "3.2.0.Final"},
}
