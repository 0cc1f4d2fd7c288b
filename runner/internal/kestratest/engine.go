package kestratest

import (
	"bufio"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Namespace is where the product's flows and its clusters live.
const Namespace = "connect.ferry"

// Options say which engine to start, and with what.
type Options struct {
	Version string   // of Kestra, one of [Versions]
	Plugins string   // folder of plugin jars, such as [BuildPlugin] returns
	Flows   []string // folders of flow files, without their subfolders
	// Secrets are what Kestra's secret() finds, by name.
	Secrets map[string]string
	// URL is what Kestra takes for its own URL (kestra.url); not configured if it is "".
	URL string
	// HeapMB is the JVM's largest heap in MiB; 0 stands for 768.
	HeapMB int
	// Longest is how long an execution may take; 0 stands for five minutes.
	Longest time.Duration
	// OnEvent is told of everything that happens, as it happens, if it is not nil.
	OnEvent func(Event)
	// SeparateWorkers starts the engine without a worker; [Engine.StartWorker]
	// starts one, as a process of its own. Only since Kestra 2.0.
	SeparateWorkers bool
	// Lasting keeps executions in a database on disk, so that [Engine.Restart] finds
	// them again, and takes a worker that died for dead as soon as SeparateWorkers does.
	Lasting bool
}

// Engine is a running Kestra engine. Its methods are safe for concurrent use.
type Engine struct {
	options Options
	port    int // of 2.0's controller
	onEvent func(Event)
	folder  string
	remove  func()
	command *exec.Cmd
	log     *os.File

	mu       sync.Mutex
	commands io.WriteCloser
	runs     map[string]*Run // by ref
	settled  []chan error    // of KV commands, which are answered in order
	refs     int
	tree     tree

	ended chan struct{}
	err   error // why it ended; only once ended is closed
}

// Start starts an engine and returns when its flows are loaded. It ends with
// [Engine.Close], and with this process.
func Start(ctx context.Context, options Options) (*Engine, error) {
	folder, remove, err := scratch()
	if err != nil {
		return nil, err
	}
	engine := &Engine{
		onEvent: options.OnEvent, folder: folder, remove: remove,
		runs: map[string]*Run{}, tree: newTree(), ended: make(chan struct{}),
	}
	if engine.onEvent == nil {
		engine.onEvent = func(Event) {}
	}
	if err := engine.start(ctx, options); err != nil {
		remove()
		return nil, fmt.Errorf("kestratest: Kestra %s: %w", options.Version, err)
	}
	return engine, nil
}

func (e *Engine) start(ctx context.Context, options Options) error {
	var err error
	if e.port, err = freePort(); err != nil {
		return err
	}
	if options.Plugins != "" {
		plugins := filepath.Join(e.folder, "plugins")
		// A copy: a jar that is built anew under a running JVM breaks it.
		if err := os.CopyFS(plugins, os.DirFS(options.Plugins)); err != nil {
			return err
		}
		options.Plugins = plugins
	}
	e.options = options
	return e.launch(ctx)
}

// launch starts the process and returns when it is ready.
func (e *Engine) launch(ctx context.Context) error {
	options := e.options
	var err error
	// Not ctx: it bounds the start alone.
	e.command, err = javaCommand(context.WithoutCancel(ctx), options, e.folder, e.port, "engine.Engine")
	if err != nil {
		return err
	}
	e.command.Env = append(e.command.Env, options.secrets()...)
	if e.log, err = os.OpenFile(e.Log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
		return err
	}
	e.command.Stderr = e.log
	if e.commands, err = e.command.StdinPipe(); err != nil {
		return err
	}
	events, err := e.command.StdoutPipe()
	if err != nil {
		return err
	}
	if err := launch(e.command); err != nil {
		return err
	}
	ready := make(chan error, 1)
	go e.follow(events, ready)
	select {
	case err := <-ready:
		if err != nil {
			return errors.Join(err, e.kill())
		}
		return nil
	case <-ctx.Done():
		return errors.Join(context.Cause(ctx), e.kill())
	}
}

// Log returns the path of the engine's own log, which is gone after Close.
func (e *Engine) Log() string { return filepath.Join(e.folder, "engine.log") }

// ReadFile reads a file of internal storage, by its kestra:// URI.
func (e *Engine) ReadFile(uri string) ([]byte, error) {
	path, stored := strings.CutPrefix(uri, "kestra:///")
	if !stored {
		return nil, fmt.Errorf("kestratest: %q is no file in internal storage", uri)
	}
	content, err := os.ReadFile(filepath.Join(e.folder, "storage", "main", filepath.FromSlash(path)))
	if err != nil {
		return nil, fmt.Errorf("kestratest: %s: %w", uri, err)
	}
	return content, nil
}

// Close ends the engine. Executions that still run are cut off.
func (e *Engine) Close() error {
	_ = e.send(map[string]bool{"exit": true}) // it may have ended already
	return e.kill()
}

// Restart ends the engine as a crash does (SIGKILL), what its tasks started lives
// on, and starts it again on what it had stored. between is called while there
// is none. What has been begun before has to be followed anew, see [Engine.Follow].
func (e *Engine) Restart(ctx context.Context, between func()) error {
	err := e.command.Process.Kill()
	<-e.ended
	between()
	if err := errors.Join(err, e.log.Close()); err != nil {
		return fmt.Errorf("kestratest: %w", err)
	}
	e.ended, e.err = make(chan struct{}), nil
	return e.launch(ctx)
}

// kill ends the process at once: the engine holds nothing worth saving. What its
// tasks started, it has to end itself.
func (e *Engine) kill() error {
	err := e.command.Process.Kill()
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	<-e.ended
	err = errors.Join(err, e.log.Close())
	e.remove()
	return err
}

func (e *Engine) send(command any) error {
	line, err := json.Marshal(command)
	if err != nil {
		return fmt.Errorf("kestratest: %w", err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, err := e.commands.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("kestratest: engine takes no command: %w", err)
	}
	return nil
}

// follow reads the engine's lines until it ends.
func (e *Engine) follow(events io.Reader, ready chan<- error) {
	lines := bufio.NewScanner(events)
	lines.Buffer(nil, 16<<20)
	started := false
	for lines.Scan() {
		var event Event
		if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
			event = Event{Event: "error", Message: fmt.Sprintf("line that is no event: %s", lines.Text())}
		}
		if !started && (event.Event == "ready" || event.Event == "error") {
			started = true
			if event.Event == "error" {
				ready <- errors.New(event.Message)
			} else {
				ready <- nil
			}
			continue
		}
		e.take(event)
	}
	err := errors.Join(lines.Err(), e.command.Wait())
	tail, _ := os.ReadFile(e.Log())
	e.err = fmt.Errorf("kestratest: engine ended (%w), the last lines of its log are:\n%s", errors.Join(errors.New("stdout closed"), err), lastLines(tail, 15))
	close(e.ended)
	if !started {
		ready <- e.err
	}
}

func scratch() (folder string, remove func(), err error) {
	folder, err = os.MkdirTemp("", "ferry-kestra-")
	if err != nil {
		return "", nil, fmt.Errorf("kestratest: %w", err)
	}
	return folder, func() { _ = os.RemoveAll(folder) }, nil
}

// secrets returns the environment in which Kestra finds them.
func (o Options) secrets() []string {
	var variables []string
	for name, value := range o.Secrets {
		variables = append(variables, "SECRET_"+strings.ToUpper(name)+"="+base64.StdEncoding.EncodeToString([]byte(value)))
	}
	return variables
}

// javaCommand is a class of the harness that reads flows, as a child that ends
// with this process. port is of 2.0's controller; 0 leaves the default, for what
// does not start one.
func javaCommand(ctx context.Context, options Options, folder string, port int, class string) (*exec.Cmd, error) {
	var arguments []string
	if options.Plugins != "" {
		arguments = append(arguments, "--plugins", options.Plugins)
	}
	if options.SeparateWorkers {
		arguments = append(arguments, "--no-worker")
	}
	for _, flowFolder := range options.Flows {
		absolute, err := filepath.Abs(flowFolder) // the engine works in another folder
		if err != nil {
			return nil, err
		}
		arguments = append(arguments, "--flows", absolute)
	}
	properties := map[string]string{"engine.folder": folder}
	if port != 0 {
		properties["engine.port"] = strconv.Itoa(port)
	}
	if options.URL != "" {
		properties["kestra.url"] = options.URL
	}
	if options.SeparateWorkers || options.Lasting {
		maps.Copy(properties, liveness)
	}
	if options.Lasting {
		maps.Copy(properties, onDisk(folder))
	}
	return jvm(ctx, options, folder, properties, class, arguments)
}

// onDisk configures Kestra's own H2 database, kept in a folder.
func onDisk(folder string) map[string]string {
	return map[string]string{
		"kestra.repository.type": "h2",
		"kestra.queue.type":      "h2",
		// Without WRITE_DELAY=0 a killed engine loses what it wrote last.
		"datasources.h2.url":                              "jdbc:h2:file:" + filepath.Join(folder, "database") + ";TIME ZONE=UTC;DB_CLOSE_ON_EXIT=FALSE;WRITE_DELAY=0",
		"datasources.h2.username":                         "sa",
		"datasources.h2.password":                         "",
		"datasources.h2.driver-class-name":                "org.h2.Driver",
		"flyway.datasources.h2.enabled":                   "true",
		"flyway.datasources.h2.locations":                 "classpath:migrations/h2",
		"flyway.datasources.h2.ignore-migration-patterns": "*:missing,*:future",
		"flyway.datasources.h2.out-of-order":              "true",
	}
}

// jvm is a class of the harness as a child.
func jvm(ctx context.Context, options Options, folder string, properties map[string]string, class string, arguments []string) (*exec.Cmd, error) {
	if err := Build(ctx, options.Version); err != nil {
		return nil, err
	}
	java, err := Java()
	if err != nil {
		return nil, err
	}
	root, err := Root()
	if err != nil {
		return nil, err
	}
	built := filepath.Join(root, "plugin", "engine", "target", options.Version)
	all := []string{
		"-Xmx" + strconv.Itoa(cmp.Or(options.HeapMB, 768)) + "m", "-XX:+UseSerialGC", "-Xshare:auto", "-Duser.timezone=UTC",
		"--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow",
	}
	for name, value := range properties {
		all = append(all, "-D"+name+"="+value)
	}
	all = append(all, "-cp", filepath.Join(built, "classes")+":"+filepath.Join(built, "libs", "*"), class)
	command := exec.CommandContext(ctx, java, append(all, arguments...)...)
	command.Dir = folder
	command.Env = os.Environ()
	return command, nil
}

func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return listener.Addr().(*net.TCPAddr).Port, listener.Close()
}

// launch starts the child so that the kernel kills it when this process ends.
// The signal is tied to the thread that made the child, so that one is kept.
func launch(command *exec.Cmd) error {
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	return onItsOwnThread(command.Start)
}

// leftFiles lists what ended tasks left in their working directories.
func (e *Engine) leftFiles() ([]string, error) {
	return filepath.Glob(filepath.Join(e.folder, "task-dirs", "*", ".connect-ferry-*"))
}
