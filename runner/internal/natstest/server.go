// Package natstest is a real NATS server within the process, with JetStream, for
// tests and the demo. It listens on loopback, keeps its port and its data when it
// is restarted, and can be put behind a [Wire] that is slow or cut.
package natstest

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Server is a running server. Stop it.
type Server struct {
	options *server.Options
	running *server.Server
}

const readyTime = 10 * time.Second

// Start starts a server that keeps its data in a folder. change may change how it
// is set up: logins, TLS, JetStream; nil changes nothing.
func Start(folder string, change func(*server.Options)) (*Server, error) {
	options := &server.Options{
		ServerName: "natstest", Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: folder,
		NoLog: true, NoSigs: true,
	}
	if change != nil {
		change(options)
	}
	s := &Server{options: options}
	return s, s.start()
}

func (s *Server) start() error {
	running, err := server.NewServer(s.options.Clone())
	if err != nil {
		return fmt.Errorf("NATS server: %w", err)
	}
	running.Start()
	if !running.ReadyForConnections(readyTime) {
		running.Shutdown()
		return errors.New("NATS server: not ready within " + readyTime.String())
	}
	if address, ok := running.Addr().(*net.TCPAddr); ok {
		s.options.Port = address.Port
	}
	s.running = running
	return nil
}

// Address is where it listens, as host:port.
func (s *Server) Address() string {
	return net.JoinHostPort(s.options.Host, strconv.Itoa(s.options.Port))
}

// URL is where it listens.
func (s *Server) URL() string { return (&url.URL{Scheme: "nats", Host: s.Address()}).String() }

// Stop ends the server. Its data stays.
func (s *Server) Stop() {
	if s.running != nil {
		s.running.Shutdown()
		s.running.WaitForShutdown()
		s.running = nil
	}
}

// Restart starts a server that was stopped, on the same port with the same data.
func (s *Server) Restart() error { return s.start() }
