//go:build unix

package main

import (
	"os"
	"syscall"
)

// isOwn reports whether dir is a directory of this user and closed to others, as
// inspect.Listen makes it.
func isOwn(dir string) bool {
	info, err := os.Lstat(dir)
	if err != nil || !info.IsDir() || info.Mode().Perm()&0o077 != 0 {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid()
}
