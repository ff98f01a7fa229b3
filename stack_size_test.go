package scope_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/supervisorscope/scope"
)

// A goroutine begins with 2 KiB of stack, of which it may use half, and to double
// that costs more than all else that a small task does. So a task that opens a
// scope, starts a task in it and waits must do with the first stack, as one does
// that uses a WaitGroup. The runtime learns from what it has seen how much to begin
// with; the processes that are measured here are told not to.

const nestEnv = "SCOPE_TEST_NEST"

const nestDepth = 1000

// stacksInUse returns how many bytes of stacks there are.
func stacksInUse() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.StackInuse
}

// nestScopes calls last inside of depth tasks, each in a scope of its own that was
// opened by the one before.
func nestScopes(ctx context.Context, depth int, last func()) error {
	if depth == 0 {
		last()
		return nil
	}
	return scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
		s.Go("task", func(ctx context.Context) error { return nestScopes(ctx, depth-1, last) })
		return nil
	})
}

// nestPlain is nestScopes by hand.
func nestPlain(depth int, last func()) {
	if depth == 0 {
		last()
		return
	}
	var wg sync.WaitGroup
	wg.Go(func() { nestPlain(depth-1, last) })
	wg.Wait()
}

// TestNestScenes prints the bytes of stack per level; it runs in a child process.
func TestNestScenes(t *testing.T) {
	show := func() {
		fmt.Printf("stack %d\n", stacksInUse()/nestDepth)
	}
	switch os.Getenv(nestEnv) {
	case "plain":
		nestPlain(nestDepth, show)
	case "scopes":
		if err := nestScopes(t.Context(), nestDepth, show); err != nil {
			t.Error(err)
		}
	default:
		t.Skip("run by TestRun_NestedFitsTheFirstStack")
	}
}

func TestRun_NestedFitsTheFirstStack(t *testing.T) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("frames are counted on linux/amd64 only")
	}
	allocSkip(t)
	measure := func(scene string) uint64 {
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestNestScenes$")
		child.Env = append(os.Environ(), nestEnv+"="+scene, "GODEBUG=adaptivestackstart=0")
		out, err := child.Output()
		if err != nil {
			t.Fatalf("child: %v\n%s", err, out)
		}
		_, text, _ := strings.Cut(string(out), "stack ")
		line, _, _ := strings.Cut(text, "\n")
		n, err := strconv.ParseUint(line, 10, 64)
		if err != nil {
			t.Fatalf("child: %v\n%s", err, out)
		}
		return n
	}
	plain, scopes := measure("plain"), measure("scopes")
	if scopes > plain*5/4 {
		t.Errorf("a nested scope has %d bytes of stack, want the %d of a WaitGroup and some",
			scopes, plain)
	}
	t.Logf("bytes of stack per level: %d with a WaitGroup, %d with a scope", plain, scopes)
}
