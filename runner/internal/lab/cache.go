package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/connect-ferry/connect-ferry/runner/internal/wait"
)

// CacheVariable names the environment variable that says where the cache is,
// instead of connect-ferry/lab in the user's cache folder.
const CacheVariable = "FERRY_LAB_CACHE"

// fillLimit bounds one filling of a cache folder: a download over a slow line.
const fillLimit = 20 * time.Minute

// CacheDir returns the folder that holds what labs share: Kafka's jars, the
// built connectors. Deleting it costs a download, nothing else.
func CacheDir() (string, error) {
	if dir := os.Getenv(CacheVariable); dir != "" {
		return filepath.Abs(dir)
	}
	user, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("lab cache: %w: set %s to a folder", err, CacheVariable)
	}
	return filepath.Join(user, "connect-ferry", "lab"), nil
}

// cached returns the folder name in the cache. If it is not there, fill makes
// it: in a temporary folder that is renamed when complete, and under a lock, so
// that no one ever sees half a folder and no two processes fill it at once. The
// name must change whenever the content would.
func cached(ctx context.Context, name string, fill func(dir string) error) (string, error) {
	cache, err := CacheDir()
	if err != nil {
		return "", err
	}
	folder := filepath.Join(cache, name)
	if exists(folder) {
		return folder, nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", fmt.Errorf("lab cache: %w", err)
	}
	unlock, err := LockFile(ctx, folder+".lock", fillLimit)
	if err != nil {
		return "", fmt.Errorf("lab cache: %w", err)
	}
	defer unlock()
	if exists(folder) { // another process was faster
		return folder, nil
	}
	temporary := folder + ".tmp"
	if err := os.RemoveAll(temporary); err != nil {
		return "", fmt.Errorf("lab cache: %w", err)
	}
	if err := os.Mkdir(temporary, 0o755); err != nil {
		return "", fmt.Errorf("lab cache: %w", err)
	}
	if err := fill(temporary); err != nil {
		return "", errors.Join(err, os.RemoveAll(temporary))
	}
	if err := os.Rename(temporary, folder); err != nil {
		return "", fmt.Errorf("lab cache: %w", err)
	}
	return folder, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// LockFile takes the lock that is the file at path, as soon as no other process
// has it. The lock ends with unlock or with this process.
func LockFile(ctx context.Context, path string, limit time.Duration) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	err = wait.Until(ctx, "lock "+path, limit, func(context.Context) (bool, string, error) {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return false, "another process holds it", nil
		}
		return err == nil, "", err
	})
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return func() { file.Close() }, nil
}

// copyDir copies the regular files and folders under from into the folder to.
func copyDir(to string, from fs.FS) error {
	return fs.WalkDir(from, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(to, filepath.FromSlash(path))
		if entry.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		content, err := fs.ReadFile(from, path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, content, 0o644)
	})
}
