package kestratest

import "runtime"

// onItsOwnThread calls start on a thread that lives as long as this process.
func onItsOwnThread(start func() error) error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked
		started <- start()
		select {}
	}()
	return <-started
}
