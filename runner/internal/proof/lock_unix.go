//go:build unix

package proof

import (
	"os"
	"syscall"
)

// tryLock locks a file for this open of it, unless another has it locked.
func tryLock(file *os.File) bool {
	return syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}
