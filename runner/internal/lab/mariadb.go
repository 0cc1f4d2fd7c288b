package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// ErrNoMariaDB says that there is no MariaDB server on this machine.
var ErrNoMariaDB = errors.New("lab: mariadbd, mariadb-install-db and mariadb are not all on the PATH or in /usr/sbin: install MariaDB 10.5 or later (apt-get install mariadb-server)")

// MariaDB is a server that writes a binary log, on loopback.
type MariaDB struct {
	*Process
	client string // the program
	port   int

	mu   sync.Mutex
	rows *exec.Cmd // what adds rows to a table
}

const mariaDatabase = "lab"

// StartMariaDB starts a server with an empty database. The error is [ErrNoMariaDB] if there is
// none on this machine.
func (l *Lab) StartMariaDB(ctx context.Context, name string) (*MariaDB, error) {
	var programs [3]string
	for i, program := range []string{"mariadbd", "mariadb-install-db", "mariadb"} {
		path, err := exec.LookPath(program)
		if err != nil {
			path, err = exec.LookPath(filepath.Join("/usr/sbin", program))
		}
		if err != nil {
			return nil, ErrNoMariaDB
		}
		programs[i] = path
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	folder := filepath.Join(l.dir, "mariadb-"+name)
	if err := os.Mkdir(folder, 0o700); err != nil {
		return nil, fmt.Errorf("lab: mariadb %s: %w", name, err)
	}
	data := filepath.Join(folder, "data")
	arguments := []string{"--no-defaults", "--datadir=" + data}
	if os.Getuid() == 0 {
		arguments = append(arguments, "--user=root") // or it refuses to run as root
	}
	install := exec.CommandContext(ctx, programs[1], append(arguments, "--auth-root-authentication-method=normal", "--skip-test-db")...)
	if output, err := install.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("lab: mariadb %s: install: %w:\n%s", name, err, lastLines(output, 5))
	}
	server := &MariaDB{client: programs[2], port: port}
	server.Process = &Process{
		name:    "mariadb " + name,
		logPath: l.logPath("mariadb-" + name),
		command: func() (*exec.Cmd, error) {
			return exec.CommandContext(context.Background(), programs[0], append(arguments, "--port="+strconv.Itoa(port), "--bind-address=127.0.0.1",
				"--socket="+filepath.Join(folder, "socket"), "--pid-file="+filepath.Join(folder, "pid"), "--innodb-flush-log-at-trx-commit=0",
				"--server-id=1", "--log-bin=log", "--binlog-format=ROW", "--binlog-row-image=FULL")...), nil
		},
		answers: func(ctx context.Context) error { return server.run(ctx, "", "SELECT 1").Run() },
	}
	l.adopt(server.Process)
	if err := server.Start(ctx); err != nil {
		return nil, err
	}
	_, err = server.query(ctx, "", fmt.Sprintf("CREATE DATABASE %s; CREATE USER '%s'@'%%' IDENTIFIED BY '%s'; GRANT ALL ON *.* TO '%[2]s'@'%%'",
		mariaDatabase, TableUser, TablePassword))
	return server, err
}

func (m *MariaDB) run(ctx context.Context, database, sql string) *exec.Cmd {
	return exec.CommandContext(ctx, m.client, "--no-defaults", "--host=127.0.0.1", "--port="+strconv.Itoa(m.port), "--user=root",
		"--batch", "--skip-column-names", "--execute="+sql, database)
}

func (m *MariaDB) query(ctx context.Context, database, sql string) (string, error) {
	output, err := m.run(ctx, database, sql).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("lab: mariadb: %w: %s", err, strings.TrimSpace(string(output)))
	}
	return strings.TrimSpace(string(output)), nil
}

// Grow makes a table of one numbered stream and adds rows to it, perSecond of them, each in a
// transaction of its own, until [MariaDB.Hold].
func (m *MariaDB) Grow(ctx context.Context, table string, perSecond int) error {
	_, err := m.query(ctx, mariaDatabase, fmt.Sprintf(`CREATE TABLE %[1]s (stream varchar(40) NOT NULL, sequence bigint NOT NULL, PRIMARY KEY (stream, sequence));
CREATE TABLE %[1]s_hold (held int NOT NULL)`, table))
	if err != nil {
		return err
	}
	rows := m.run(ctx, mariaDatabase, fmt.Sprintf(`DELIMITER //
BEGIN NOT ATOMIC
  DECLARE n BIGINT DEFAULT 0;
  WHILE NOT EXISTS (SELECT 1 FROM %[1]s_hold) DO
    INSERT INTO %[1]s VALUES ('%[1]s', n);
    SET n = n + 1;
    DO SLEEP(%[2]f);
  END WHILE;
END//`, table, 1/float64(perSecond)))
	rows.Stdout, rows.Stderr = io.Discard, io.Discard
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rows = rows
	return rows.Start()
}

// Hold ends the growth of a table and returns the sequence of its last row.
func (m *MariaDB) Hold(ctx context.Context, table string) (last int64, err error) {
	if _, err := m.query(ctx, mariaDatabase, "INSERT INTO "+table+"_hold VALUES (1)"); err != nil {
		return 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.rows.Wait(); err != nil {
		return 0, fmt.Errorf("lab: rows of %s: %w", table, err)
	}
	answer, err := m.query(ctx, mariaDatabase, "SELECT max(sequence) FROM "+table)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(answer, 10, 64)
}

// MariaDBSource captures a table that grows, as its numbered stream, see [DebeziumSource]. Its
// history of the tables is in a topic of kafka.
func MariaDBSource(server *MariaDB, kafka *Kafka, name, table string) map[string]string {
	return map[string]string{
		"connector.class":       "io.debezium.connector.mariadb.MariaDbConnector",
		"tasks.max":             "1",
		"database.hostname":     "127.0.0.1",
		"database.port":         strconv.Itoa(server.port),
		"database.user":         TableUser,
		"database.password":     TablePassword,
		"database.server.id":    "5400",
		"database.ssl.mode":     "disable",
		"topic.prefix":          name,
		"database.include.list": mariaDatabase,
		"table.include.list":    mariaDatabase + "." + table,
		"schema.history.internal.kafka.bootstrap.servers": kafka.Bootstrap(),
		"schema.history.internal.kafka.topic":             name + "-history",
		"poll.interval.ms":                                "100",
		"key.converter":                                   "org.apache.kafka.connect.storage.StringConverter",
		"value.converter":                                 "org.apache.kafka.connect.storage.StringConverter",
		"transforms":                                      "unwrap,key,value",
		"transforms.unwrap.type":                          "io.debezium.transforms.ExtractNewRecordState",
		"transforms.key.type":                             "org.apache.kafka.connect.transforms.ExtractField$Key",
		"transforms.key.field":                            "stream",
		"transforms.key.predicate":                        "rows",
		"transforms.value.type":                           "org.apache.kafka.connect.transforms.ExtractField$Value",
		"transforms.value.field":                          "sequence",
		"transforms.value.predicate":                      "rows",
		"transforms.unwrap.predicate":                     "rows",
		"predicates":                                      "rows", // and not the changes of the schema, in a topic of their own
		"predicates.rows.type":                            "org.apache.kafka.connect.transforms.predicates.TopicNameMatches",
		"predicates.rows.pattern":                         ".*\\." + mariaDatabase + "\\..*",
		"include.schema.changes":                          "false",
	}
}

// MariaDBTopic is the topic that a [MariaDBSource] writes.
func MariaDBTopic(name, table string) string { return name + "." + mariaDatabase + "." + table }
