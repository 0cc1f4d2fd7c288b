//go:build unix && !linux

package lab

import "syscall"

// dieWithParent cannot do what it says where the kernel offers nothing for it:
// there a lab's children end with Close only.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
