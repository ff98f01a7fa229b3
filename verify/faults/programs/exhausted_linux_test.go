package programs_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"syscall"
	"testing"

	"github.com/supervisorscope/scope"
)

// hoard is a program whose task takes memory until there is none.
func hoard() {
	var pages uint64
	text, err := os.ReadFile("/proc/self/statm")
	if err == nil {
		_, err = fmt.Sscan(string(text), &pages)
	}
	if err != nil {
		log.Fatal(err)
	}
	limit := pages*uint64(os.Getpagesize()) + 256*mib //nolint:gosec // positive
	err = syscall.Setrlimit(syscall.RLIMIT_AS, &syscall.Rlimit{Cur: limit, Max: limit})
	if err != nil {
		log.Fatal(err)
	}
	inScope(func(s *scope.Scope) {
		s.Defer("clean-up", failing)
		s.Go("hoards", func(context.Context) error {
			defer func() { _ = recover() }()
			for hoarded := [][]byte{}; ; {
				hoarded = append(hoarded, make([]byte, mib))
			}
		})
	})
}

// A program whose task takes all memory ends with the runtime's message: that is
// no panic, and no scope can contain it.
func TestPressure_OutOfMemoryIsTheEnd(t *testing.T) {
	crash{
		code: 2, says: []string{"out of memory", "(*Task).run("}, silent: []string{"scope: task"},
	}.check(t, play(t, "hoard", nil, "GOMEMLIMIT=off", "GOGC=100"))
}
