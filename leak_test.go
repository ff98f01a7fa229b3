package scope_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"testing"

	"github.com/supervisorscope/scope"
)

// The scope lists its live tasks, and must not hide by it that one is blocked for
// ever: Go's profile of leaked goroutines reports those that wait for something
// that nothing can reach. The profile is an experiment of Go 1.26, so the tests
// are built anew for it, and run in a child process.

const leakEnv = "SCOPE_TEST_LEAK"

// leakForever blocks. Its callers are told apart in the profile by their names.
func leakForever(ch <-chan int) { <-ch }

func leakPlain(ch <-chan int)  { leakForever(ch) }
func leakGo(ch <-chan int)     { leakForever(ch) }
func leakDaemon(ch <-chan int) { leakForever(ch) }
func leakAsync(ch <-chan int)  { leakForever(ch) }
func leakStart(ch <-chan int)  { leakForever(ch) }
func leakNested(ch <-chan int) { leakForever(ch) }
func leakAsked(ch <-chan int)  { leakForever(ch) }
func leakDo(ch <-chan int)     { leakForever(ch) }
func leakNot(ch <-chan int)    { leakForever(ch) }

// leakScenes starts tasks that are blocked for ever, in scopes that live, and one
// that is not.
func leakScenes(s *scope.Scope, reachable <-chan int) {
	started := make(chan struct{})
	// The channel is reached through the task's function only: if the scope kept
	// that, the task would not count as leaked.
	start := func(leak func(<-chan int)) func(context.Context) error {
		unreachable := make(chan int)
		return func(context.Context) error {
			started <- struct{}{}
			leak(unreachable)
			return nil
		}
	}
	plain := start(leakPlain)
	go func() { _ = plain(context.Background()) }()
	s.Go("go", start(leakGo))
	s.Daemon("daemon", start(leakDaemon))
	s.Go("not leaked", start(func(<-chan int) { leakNot(reachable) }))
	asked := start(leakAsked)
	s.Go("asked", func(ctx context.Context) error {
		ctx.Done()
		return asked(ctx)
	})
	s.Go("nesting", func(ctx context.Context) error {
		return scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
			s.Go("nested", start(leakNested))
			return nil
		})
	})
	async := start(leakAsync)
	scope.Async(s, "async", func(ctx context.Context) (int, error) { return 0, async(ctx) })
	do := start(leakDo)
	go func() { _ = s.Do(context.Background(), "do", do) }()
	for range 8 {
		<-started
	}
	unreachable := make(chan int)
	_, _ = s.Start(context.Background(), "start", func(_ context.Context, ready func()) error {
		ready()
		leakStart(unreachable)
		return nil
	})
}

// leaksMissing returns those of the leaks that are not in the profile.
func leaksMissing(profile string) []string {
	return slices.DeleteFunc([]string{
		"Plain", "Go", "Daemon", "Async", "Start", "Nested", "Asked", "Do",
	}, func(name string) bool { return strings.Contains(profile, "scope_test.leak"+name+"+") })
}

// TestLeakScenes leaks on purpose, and runs in a child process only.
func TestLeakScenes(t *testing.T) {
	if os.Getenv(leakEnv) == "" {
		t.Skip("run by TestLeak_IsSeenAlthoughTheScopeListsIt")
	}
	profile := pprof.Lookup("goroutineleak")
	if profile == nil {
		t.Fatal("no profile goroutineleak: not built with the experiment")
	}
	s := scope.OpenSupervised(context.Background(), scope.Name("server"))
	reachable := make(chan int)
	leakScenes(s, reachable)
	var text bytes.Buffer
	for range 1000 { // until the last one is in its channel
		text.Reset()
		if err := profile.WriteTo(&text, 1); err != nil {
			t.Fatal(err)
		}
		if len(leaksMissing(text.String())) == 0 {
			break
		}
		runtime.Gosched()
	}
	fmt.Print(text.String())
	if n := len(s.Tasks()); n != 8 {
		t.Errorf("Tasks() has %d tasks, want 8: they are listed all the same", n)
	}
	runtime.KeepAlive(s)
	close(reachable)
}

// A task that is blocked for ever is in the profile of leaked goroutines, like a
// goroutine that was started with plain go.
func TestLeak_IsSeenAlthoughTheScopeListsIt(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the standard library anew")
	}
	binary := filepath.Join(t.TempDir(), "scope.test")
	build := exec.CommandContext(t.Context(), "go", "test", "-c", "-o", binary, ".")
	build.Env = append(os.Environ(), "GOEXPERIMENT=goroutineleakprofile")
	if out, err := build.CombinedOutput(); err != nil {
		t.Skipf("NOT TESTED: cannot build with the experiment here: %v\n%s", err, out)
	}
	child := exec.CommandContext(t.Context(), binary, "-test.run", "^TestLeakScenes$", "-test.v")
	child.Env = append(os.Environ(), leakEnv+"=1")
	out, err := child.CombinedOutput()
	if err != nil {
		t.Fatalf("child: %v\n%s", err, out)
	}
	for _, name := range leaksMissing(string(out)) {
		t.Errorf("leak%s is not in the profile", name)
	}
	if strings.Contains(string(out), "scope_test.leakNot+") {
		t.Error("the profile has a goroutine that is not leaked")
	}
	if t.Failed() {
		t.Logf("output of the child process:\n%s", out)
	}
}
