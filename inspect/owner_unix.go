//go:build unix

package inspect

import (
	"io/fs"
	"os"
	"syscall"
)

// isOwn reports whether the file belongs to this user and is closed to others.
func isOwn(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid() && info.Mode().Perm()&0o077 == 0
}
