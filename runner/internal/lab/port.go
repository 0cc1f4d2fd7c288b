package lab

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
)

// Ports come from below the range that kernels take the local ports of outgoing
// connections from, so that a process finds its port still free when it starts
// again.
const (
	firstPort = 20000
	lastPort  = 32000
	portTries = 200
)

// freePort returns a loopback port that nothing listens on.
func freePort() (int, error) {
	for range portTries {
		port := firstPort + rand.IntN(lastPort-firstPort)
		listener, err := net.Listen("tcp", loopback(port))
		if err != nil {
			continue
		}
		if err := listener.Close(); err == nil {
			return port, nil
		}
	}
	return 0, errors.New("lab: no free loopback port found")
}

func loopback(port int) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}
