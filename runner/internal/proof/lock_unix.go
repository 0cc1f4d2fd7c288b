//go:build unix

package proof

import (
	"os"
	"syscall"
)

// tryLock locks an open file, unless another process has it locked.
func tryLock(file *os.File) bool {
	return syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}
