package inspect

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// SocketDir returns the directory in which [Listen] makes the sockets of this
// user's programs, without making it: scope in $XDG_RUNTIME_DIR if that is set,
// else scope-UID in the directory for temporary files.
func SocketDir() string {
	if dir := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "scope")
	}
	return filepath.Join(os.TempDir(), "scope-"+strconv.Itoa(os.Geteuid()))
}

// makeSocketDir makes the directory, and checks that it is nobody else's: in a
// directory for temporary files anybody could have made it first.
func makeSocketDir() (string, error) {
	dir := SocketDir()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return "", err
	}
	if !info.IsDir() || !isOwn(info) {
		return "", fmt.Errorf("inspect: %s is not a directory of this user alone; "+
			"remove it, or set XDG_RUNTIME_DIR", dir)
	}
	return dir, nil
}
