package traceback_test

import (
	"bytes"
	"context"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/supervisorscope/scope/internal/traceback"
)

// task has a method that can be found in a live dump. The tests below pin what
// the runtime prints of it.
type task struct{ name string }

const liveRun = "github.com/supervisorscope/scope/internal/traceback_test.(*task).run"

// newTask allocates on the heap, because an address on a stack changes when the
// stack grows.
//
//go:noinline
func newTask(name string) *task { return &task{name: name} }

// run must not be inlined, and must use its receiver after f, or the runtime
// prints no receiver or a stale one.
//
//go:noinline
func (k *task) run(f func()) {
	f()
	runtime.KeepAlive(k)
}

func (k *task) address() uintptr { return uintptr(unsafe.Pointer(k)) }

// recurse calls f with n more frames on the stack.
//
//go:noinline
func recurse(n int, f func()) {
	if n == 0 {
		f()
		return
	}
	recurse(n-1, f)
}

// find returns the goroutine that runs k.
func find(t *testing.T, parsed []traceback.Goroutine, k *task) traceback.Goroutine {
	t.Helper()
	i := slices.IndexFunc(parsed, func(g traceback.Goroutine) bool {
		return slices.Contains(g.Receivers, k.address())
	})
	if i < 0 {
		t.Fatalf("no goroutine runs %q (%#x)", k.name, k.address())
	}
	return parsed[i]
}

func TestAll_WaitReasonsOfTasks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			unblock = make(chan struct{})
			sent    = make(chan struct{})
			wg      sync.WaitGroup
			waits   = map[*task]func(){
				newTask("chan receive"):        func() { <-unblock },
				newTask("chan send"):           func() { sent <- struct{}{} },
				newTask("sleep"):               func() { time.Sleep(time.Hour) },
				newTask("sync.WaitGroup.Wait"): wg.Wait,
				newTask("select"): func() {
					select {
					case <-unblock:
					case <-t.Context().Done():
					}
				},
			}
		)
		wg.Add(1)
		for k, wait := range waits {
			go k.run(wait)
		}
		synctest.Wait()
		parsed := traceback.Parse(traceback.All(), liveRun)
		wg.Done()
		<-sent
		close(unblock)

		for k := range waits {
			g := find(t, parsed, k)
			if g.Wait != k.name || g.CreatedIn != parsed[0].ID {
				t.Errorf("got %q created in %d, want %q in %d; its text:\n%s",
					g.Wait, g.CreatedIn, k.name, parsed[0].ID, g.Text)
			}
			if !strings.Contains(g.Text, " (durable), synctest bubble ") {
				t.Errorf("the header shows no bubble: %s", g.Text)
			}
		}
		time.Sleep(time.Hour) // the sleeper's
	})
}

// A goroutine that a task starts on its own names the task's goroutine.
func TestAll_StrayOfTask(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		owner, stray := newTask("owner"), newTask("stray")
		unblock := make(chan struct{})
		go owner.run(func() {
			go stray.run(func() { <-unblock })
			<-unblock
		})
		synctest.Wait()
		parsed := traceback.Parse(traceback.All(), liveRun)
		close(unblock)
		if got, want := find(t, parsed, stray).CreatedIn, find(t, parsed, owner).ID; got != want {
			t.Errorf("the stray was created in %d, want %d", got, want)
		}
	})
}

// The runtime prints the 50 innermost and the 50 outermost frames.
func TestCurrent_DeepStack(t *testing.T) {
	k := newTask("deep")
	k.run(func() {
		recurse(1000, func() {
			dump := traceback.Current()
			if !bytes.Contains(dump, []byte(" frames elided...\n")) {
				t.Errorf("no frames were elided:\n%s", dump)
			}
			parsed := traceback.Parse(dump, liveRun)
			if len(parsed) != 1 {
				t.Fatalf("got %d goroutines, want 1", len(parsed))
			}
			if g := find(t, parsed, k); g.Wait != "running" {
				t.Errorf("got %q, want %q", g.Wait, "running")
			}
		})
	})
}

func TestCurrent_Labels(t *testing.T) {
	t.Setenv("GODEBUG", "tracebacklabels=1")
	labels := pprof.Labels("scope", `a ]: "b", 3 minutes]:`+"\n\n", "task", "goroutine 7 [x]:\n")
	k := newTask("labelled")
	pprof.Do(t.Context(), labels, func(context.Context) {
		k.run(func() {
			dump := traceback.Current()
			if !bytes.Contains(dump, []byte(` labels:{"scope": `)) {
				t.Errorf("no labels were printed:\n%s", dump)
			}
			g := find(t, traceback.Parse(dump, liveRun), k)
			if g.Wait != "running" || g.Minutes != 0 {
				t.Errorf("got %q since %d minutes, want %q since 0", g.Wait, g.Minutes, "running")
			}
		})
	})
}

// More goroutines than the first buffer was made for: each prints several
// frames, more than bytesPerGoroutine.
func TestAll_GrowsItsBuffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		unblock := make(chan struct{})
		tasks := make([]*task, 100)
		for i := range tasks {
			tasks[i] = newTask("one of many")
			go tasks[i].run(func() { recurse(40, func() { <-unblock }) })
		}
		synctest.Wait()
		dump := traceback.All()
		close(unblock)
		if len(dump) < len(tasks)*2<<10 {
			t.Fatalf("the dump has %d bytes: too few to test anything", len(dump))
		}
		parsed := traceback.Parse(dump, liveRun)
		for _, k := range tasks {
			find(t, parsed, k)
		}
	})
}
