package natstest

import (
	"io"
	"net"
	"sync"
	"time"
)

// Wire is a way to a server on which each answer can be held up, and which can be
// cut. Close it.
type Wire struct {
	listener net.Listener
	to       string

	mu    sync.Mutex
	delay time.Duration
	cut   bool
	open  map[net.Conn]bool
}

// NewWire returns a wire to the server at an address.
func NewWire(to string) (*Wire, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	w := &Wire{listener: listener, to: to, open: map[net.Conn]bool{}}
	go w.accept()
	return w, nil
}

// URL is where the wire begins.
func (w *Wire) URL() string { return "nats://" + w.listener.Addr().String() }

// Delay holds up from now on what the server says, by d for each piece.
func (w *Wire) Delay(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.delay = d
}

// Cut ends every connection, and each new one, until it is mended.
func (w *Wire) Cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = true
	for connection := range w.open {
		_ = connection.Close()
	}
}

// Mend lets connections through again.
func (w *Wire) Mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = false
}

// Close ends the wire.
func (w *Wire) Close() {
	_ = w.listener.Close()
	w.Cut()
}

func (w *Wire) accept() {
	for {
		client, err := w.listener.Accept()
		if err != nil {
			return
		}
		go w.connect(client)
	}
}

func (w *Wire) connect(client net.Conn) {
	server, err := net.Dial("tcp", w.to)
	if err != nil {
		_ = client.Close()
		return
	}
	if !w.keep(client, server) {
		return
	}
	done := make(chan struct{}, 2)
	go func() { _, _ = io.Copy(server, client); done <- struct{}{} }()
	go func() { w.slowly(client, server); done <- struct{}{} }()
	<-done
	w.drop(client, server)
}

func (w *Wire) keep(both ...net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, connection := range both {
		if w.cut {
			_ = connection.Close()
			continue
		}
		w.open[connection] = true
	}
	return !w.cut
}

func (w *Wire) drop(both ...net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, connection := range both {
		_ = connection.Close()
		delete(w.open, connection)
	}
}

// slowly copies what the server says, each piece after the delay.
func (w *Wire) slowly(client, server net.Conn) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := server.Read(buffer)
		if err != nil {
			return
		}
		w.mu.Lock()
		delay := w.delay
		w.mu.Unlock()
		if delay > 0 {
			<-time.After(delay)
		}
		if _, err := client.Write(buffer[:n]); err != nil {
			return
		}
	}
}
