package lab

import "syscall"

// dieWithParent makes the kernel kill the child when the thread that started it
// ends. A group of its own keeps a terminal's Ctrl-C for the parent, which then
// ends its children in order.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
