package scope_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/supervisorscope/scope"
)

// memoryTasks is how many tasks come and go: a million, or what the environment
// asks for, such as ten million. The race detector makes each of them dear.
func memoryTasks(t *testing.T) int {
	t.Helper()
	if text := os.Getenv("SCOPE_TEST_MEMORY_TASKS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("SCOPE_TEST_MEMORY_TASKS: %v", err)
		}
		return n
	}
	if testing.Short() || builtWithRace() {
		return 20_000
	}
	return 1_000_000
}

// memoryHeap returns how many bytes and objects are live.
func memoryHeap() (bytes, objects int64) {
	runtime.GC()
	runtime.GC() // what cleanups of the first one have let go
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc), int64(m.HeapObjects) //nolint:gosec // far from 2^63
}

// memoryManyGoroutines lets the runtime make its records of many goroutines. It
// never gives them back, and so they would look like a leak later on.
func memoryManyGoroutines() {
	var all sync.WaitGroup
	end := make(chan struct{})
	for range 10_000 {
		all.Go(func() { <-end })
	}
	close(end)
	all.Wait()
}

// memoryIsFlat has run start n tasks in ten rounds, and fails if the heap grows
// after the first of them by more than a tenth of a byte per task.
func memoryIsFlat(t *testing.T, n int, run func(tasks int)) {
	t.Helper()
	memoryManyGoroutines()
	run(n / 10)
	before, objects := memoryHeap()
	for range 9 {
		run(n / 10)
	}
	after, now := memoryHeap()
	limit := before + 64<<10 + int64(n)/10
	for range 20 { // what cleanups have to do takes some collections
		if after > limit {
			after, now = memoryHeap()
		}
	}
	if after > limit {
		t.Errorf("%d tasks have left %d bytes in %d objects, want none",
			n*9/10, after-before, now-objects)
	}
}

// Rows 141 and 143: a million failing tasks leave nothing but counters.
// Guarantee 7.
func TestMemory_FailuresLeaveNothing(t *testing.T) {
	ctx, n := context.Background(), memoryTasks(t)
	var handled atomic.Int64
	s := scope.OpenSupervised(ctx,
		scope.OnFailure(func(context.Context, *scope.Failure) { handled.Add(1) }))
	fail := func(context.Context) error { return fmt.Errorf("boom: %w", errors.ErrUnsupported) }
	memoryIsFlat(t, n, func(tasks int) {
		for i := range tasks {
			if s.Go("fails", fail); i%1000 == 0 { // or there would be too many at a time
				_ = s.Wait(ctx)
			}
		}
		if err := s.Wait(ctx); err != nil {
			t.Errorf("Wait() = %v, want nil", err)
		}
	})
	want := scope.Counts{Started: uint64(n), Failed: uint64(n)} //nolint:gosec // positive
	if got := s.Info().Counts; got != want || handled.Load() != int64(n) {
		t.Errorf("Counts = %+v with %d handled, want %+v and %d", got, handled.Load(), want, n)
	}
	if err := s.Shutdown(ctx); err != nil {
		t.Errorf("Shutdown() = %v, want nil", err)
	}
}

// Rows 141 and 145: the other ends, and the other verbs, leave nothing either;
// also under a deadline, where contexts hang on one that outlives them.
func TestMemory_OtherEndsLeaveNothing(t *testing.T) {
	ctx := context.Background()
	obey := func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	}
	verbs := map[string]func(s *scope.Scope){
		"ok, asked for Done": func(s *scope.Scope) {
			<-s.Go("x", func(ctx context.Context) error {
				ctx.Done()
				return nil
			}).Done()
		},
		"leaves a context derived": func(s *scope.Scope) {
			released := make(chan struct{})
			s.Go("x", func(ctx context.Context) error {
				derived, cancel := context.WithTimeout(ctx, 24*time.Hour)
				context.AfterFunc(derived, func() {
					cancel()
					close(released)
				})
				return nil
			})
			<-released
		},
		"panicked": func(s *scope.Scope) {
			s.Go("x", func(context.Context) error { panic(s) })
		},
		"goexit": func(s *scope.Scope) { s.Go("x", memoryGoexit) },
		"cancelled": func(s *scope.Scope) {
			s.Go("x", obey).Cancel(errors.New("cause"))
		},
		"daemon": func(s *scope.Scope) {
			task := s.Daemon("x", obey)
			task.Cancel(nil)
			<-task.Done()
		},
		"do": func(s *scope.Scope) {
			_ = s.Do(ctx, "x", func(context.Context) error { return nil })
		},
		"start": func(s *scope.Scope) { _, _ = s.Start(ctx, "x", memoryStart) },
		"async": func(s *scope.Scope) {
			_, _ = scope.Async(s, "x", func(context.Context) (int, error) {
				return 0, errors.ErrUnsupported
			}).Wait(ctx)
		},
		"async, unseen": func(s *scope.Scope) {
			scope.Async(s, "x", func(context.Context) (int, error) {
				return 0, errors.ErrUnsupported
			})
		},
		"nested": func(s *scope.Scope) {
			s.Go("x", func(ctx context.Context) error {
				scope.Open(ctx, scope.Timeout(time.Hour)).Go("y", obey)
				return scope.Run(ctx, func(context.Context, *scope.Scope) error { return nil })
			})
		},
	}
	for name, use := range verbs {
		t.Run(name, func(t *testing.T) {
			s := scope.OpenSupervised(ctx, scope.OnFailure(scope.Ignore), scope.Timeout(time.Hour))
			memoryIsFlat(t, memoryTasks(t)/50, func(tasks int) {
				for range tasks {
					use(s)
				}
				if err := s.Wait(ctx); err != nil {
					t.Errorf("Wait() = %v, want nil", err)
				}
			})
			if err := s.Shutdown(ctx); err != nil {
				t.Errorf("Shutdown() = %v, want nil", err)
			}
		})
	}
}

func memoryGoexit(context.Context) error {
	runtime.Goexit()
	return nil
}

func memoryStart(_ context.Context, ready func()) error {
	ready()
	return nil
}

// Row 142: at any time the live count is the number of tasks that run. One task
// a second, each of ten seconds: ten or eleven of them.
func TestMemory_LiveCountIsWhatRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := scope.OpenSupervised(context.Background())
		var running atomic.Int32
		for i := range 100 {
			s.Go("ten seconds", func(context.Context) error {
				running.Add(1)
				defer running.Add(-1)
				time.Sleep(10 * time.Second)
				return nil
			})
			synctest.Wait()
			want := int(running.Load())
			if got := s.Info().Counts.Live; got != want || len(s.Tasks()) != want {
				t.Fatalf("Live = %d, Tasks() has %d, want %d", got, len(s.Tasks()), want)
			}
			if least := min(i+1, 10); want != least && want != least+1 {
				t.Fatalf("%d tasks run at spawn %d, want %d or one more", want, i, least)
			}
			time.Sleep(time.Second)
		}
		if err := s.Drain(context.Background()); err != nil || s.Info().Counts.Live != 0 {
			t.Errorf("Drain() = %v with %d live, want nil and 0", err, s.Info().Counts.Live)
		}
	})
}

// Row 144: failures are kept on demand only, up to a bound, and the result says
// how many more there were; those go to the handler.
func TestKeepErrors_IsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var handled atomic.Int32
		errs := make([]error, 10)
		err := scope.Supervise(context.Background(), func(_ context.Context, s *scope.Scope) error {
			for i := range errs {
				errs[i] = fmt.Errorf("boom %d", i)
				s.Go("fails", func(context.Context) error {
					time.Sleep(time.Duration(i) * time.Second)
					return errs[i]
				})
			}
			return nil
		}, scope.KeepErrors(3), scope.OnFailure(func(context.Context, *scope.Failure) {
			handled.Add(1)
		}))
		for i, e := range errs {
			if got := errors.Is(err, e); got != (i < 3) {
				t.Errorf("result Is %v = %v, want the first three only", e, got)
			}
		}
		if err == nil || !strings.Contains(err.Error(), "7") || handled.Load() != 7 {
			t.Errorf("result = %v with %d handled, want one that says 7, and 7",
				err, handled.Load())
		}
		if err != nil && !strings.Contains(strings.SplitN(err.Error(), "\n", 2)[0], "boom 0") {
			t.Errorf("result = %v, want the first failure first", err)
		}
	})
}

// A memoryBoxError is what must not be kept: an error, since it may be returned. It
// is too big for the allocator to put it beside others.
type memoryBoxError struct {
	text string
	_    [256]byte
}

func (b *memoryBoxError) Error() string { return b.text }

// memoryIsFreed waits until what each pointer points to has been collected.
func memoryIsFreed(t *testing.T, boxes map[string]weak.Pointer[memoryBoxError]) {
	t.Helper()
	for range 20 {
		runtime.GC()
		for name, box := range boxes {
			if box.Value() == nil {
				delete(boxes, name)
			}
		}
		if len(boxes) == 0 {
			return
		}
	}
	for name := range boxes {
		t.Errorf("%s is kept", name)
	}
}

// A memoryUse is a task made of boxes: what its function holds, what it derives
// from its context and never cancels, and what it returns.
type memoryUse struct {
	name string
	run  func(s *scope.Scope, fn, value, result *memoryBoxError) (handle any)
}

func memoryUses() []memoryUse {
	bg := context.Background()
	work := func(fn, value, result *memoryBoxError) func(context.Context) error {
		return func(ctx context.Context) error {
			ctx = context.WithValue(ctx, contextKey{}, value)
			context.AfterFunc(ctx, func() { runtime.KeepAlive(value) })
			runtime.KeepAlive(fn)
			return result
		}
	}
	return []memoryUse{
		{"Go", func(s *scope.Scope, fn, value, result *memoryBoxError) any {
			return s.Go("x", work(fn, value, result))
		}},
		{"Daemon", func(s *scope.Scope, fn, value, result *memoryBoxError) any {
			return s.Daemon("x", work(fn, value, result))
		}},
		{"Start", func(s *scope.Scope, fn, value, result *memoryBoxError) any {
			task, _ := s.Start(bg, "x", func(ctx context.Context, ready func()) error {
				ready()
				return work(fn, value, result)(ctx)
			})
			return task
		}},
		{"Do", func(s *scope.Scope, fn, value, result *memoryBoxError) any {
			_ = s.Do(bg, "x", work(fn, value, result))
			return nil
		}},
		{"Async", func(s *scope.Scope, fn, value, result *memoryBoxError) any {
			f := scope.Async(s, "x", func(ctx context.Context) (*memoryBoxError, error) {
				return result, work(fn, value, result)(ctx)
			})
			_, _ = f.Wait(bg)
			return f
		}},
		{"Async, ok", func(s *scope.Scope, fn, value, result *memoryBoxError) any {
			return scope.Async(s, "x", func(ctx context.Context) (*memoryBoxError, error) {
				_ = work(fn, value, result)(ctx)
				return result, nil
			})
		}},
		{"nested", func(s *scope.Scope, fn, value, result *memoryBoxError) any {
			return s.Go("x", func(ctx context.Context) error {
				ctx = context.WithValue(ctx, contextKey{}, value)
				return scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
					s.Go("y", work(fn, value, result))
					return nil
				})
			})
		}},
	}
}

// Row 146: an ended task leaves nothing in its scope: not its function, not what
// it derived from its context, not what it returned. Whoever keeps the handle
// keeps the outcome and no more.
func TestMemory_EndedTaskIsForgotten(t *testing.T) {
	for _, use := range memoryUses() {
		t.Run(use.name, func(t *testing.T) {
			s := scope.OpenSupervised(context.Background(), scope.OnFailure(scope.Ignore))
			boxes := map[string]weak.Pointer[memoryBoxError]{}
			handle := memoryPlay(s, use, boxes)
			result := boxes["the result"]
			delete(boxes, "the result")
			if err := s.Wait(context.Background()); err != nil {
				t.Errorf("Wait() = %v, want nil", err)
			}
			memoryIsFreed(t, boxes)
			runtime.KeepAlive(handle)
			handle = nil //nolint:ineffassign,wastedassign // the collector sees it
			memoryIsFreed(t, map[string]weak.Pointer[memoryBoxError]{"the result": result})
			if err := s.Shutdown(context.Background()); err != nil {
				t.Errorf("Shutdown() = %v, want nil", err)
			}
		})
	}
}

// memoryPlay runs one use in a frame of its own, which is gone when it returns.
//
//go:noinline
func memoryPlay(s *scope.Scope, use memoryUse, boxes map[string]weak.Pointer[memoryBoxError]) any {
	fn, value := &memoryBoxError{text: "fn"}, &memoryBoxError{text: "value"}
	result := &memoryBoxError{text: "result"}
	boxes["the function"], boxes["the context"] = weak.Make(fn), weak.Make(value)
	boxes["the result"] = weak.Make(result)
	return use.run(s, fn, value, result)
}

// Row 146: whoever keeps a handle does not keep the tasks that stood beside it in
// the list.
func TestMemory_HandleKeepsNoOtherTask(t *testing.T) {
	ctx := context.Background()
	s := scope.OpenSupervised(ctx, scope.OnFailure(scope.Ignore))
	boxes := map[string]weak.Pointer[memoryBoxError]{}
	kept := memoryNeighbours(s, boxes)
	if err := errors.Join(kept.Wait(ctx), s.Wait(ctx)); err != nil {
		t.Errorf("results = %v, want nil", err)
	}
	memoryIsFreed(t, boxes)
	runtime.KeepAlive(kept)
	if err := s.Shutdown(ctx); err != nil {
		t.Errorf("Shutdown() = %v, want nil", err)
	}
}

// memoryNeighbours has a task end while one before and one after it are live,
// and returns its handle. What the others return is in boxes.
//
//go:noinline
func memoryNeighbours(
	s *scope.Scope, boxes map[string]weak.Pointer[memoryBoxError],
) *scope.Task {
	release := make(chan struct{})
	beside := func(which string) {
		box := &memoryBoxError{text: which}
		boxes["the task "+which] = weak.Make(box)
		s.Go(which, func(context.Context) error {
			<-release
			return box
		})
	}
	beside("before")
	first := make(chan struct{})
	kept := s.Go("kept", func(context.Context) error {
		<-first
		return nil
	})
	beside("after")
	close(first)
	<-kept.Done()
	close(release)
	return kept
}

// Row 146: a scope that has ended leaves nothing in its parent, and whoever
// keeps it keeps neither its tasks nor what Defer was given.
func TestMemory_EndedScopeIsForgotten(t *testing.T) {
	outer := scope.OpenSupervised(context.Background())
	boxes := map[string]weak.Pointer[memoryBoxError]{}
	var kept *scope.Scope
	var gone weak.Pointer[scope.Scope]
	task, err := outer.Start(context.Background(), "nests",
		func(ctx context.Context, ready func()) error {
			kept, gone = memoryNest(ctx, boxes)
			ready()
			<-ctx.Done()
			return ctx.Err()
		})
	if err != nil {
		t.Fatalf("Start() = %v, want nil", err)
	}
	memoryIsFreed(t, boxes)
	if gone.Value() != nil {
		t.Error("an ended scope is kept by its parent")
	}
	runtime.KeepAlive(kept)
	task.Cancel(nil)
	if err := outer.Shutdown(context.Background()); err != nil {
		t.Errorf("Shutdown() = %v, want nil", err)
	}
}

// memoryNest opens two scopes and ends them. It returns one of them.
//
//go:noinline
func memoryNest(
	ctx context.Context, boxes map[string]weak.Pointer[memoryBoxError],
) (kept *scope.Scope, gone weak.Pointer[scope.Scope]) {
	for range 2 {
		fn, clean := &memoryBoxError{text: "fn"}, &memoryBoxError{text: "clean"}
		boxes["a task's function"], boxes["a deferred function"] = weak.Make(fn), weak.Make(clean)
		kept = scope.OpenSupervised(ctx, scope.OnFailure(scope.Ignore))
		kept.Go("x", func(context.Context) error { return fn })
		kept.Defer("x", func(context.Context) error { return clean })
		_ = kept.Drain(context.Background())
		if gone == (weak.Pointer[scope.Scope]{}) {
			gone = weak.Make(kept)
		}
	}
	return kept, gone
}

// Row 146: whoever keeps a long-lived scope that has ended does not keep what it
// was nested in.
func TestMemory_EndedScopeKeepsNoParent(t *testing.T) {
	boxes := map[string]weak.Pointer[memoryBoxError]{}
	kept := memoryParent(boxes)
	if got := kept.Info(); got.State != "ended" || got.Path != "outer/inner" {
		t.Errorf("Info() = %+v, want outer/inner, ended", got)
	}
	memoryIsFreed(t, boxes)
	runtime.KeepAlive(kept)
}

// memoryParent returns a nested scope that has ended, as has its parent.
//
//go:noinline
func memoryParent(boxes map[string]weak.Pointer[memoryBoxError]) (inner *scope.Scope) {
	held := &memoryBoxError{text: "handler"}
	boxes["the parent's handler"] = weak.Make(held)
	body := func(ctx context.Context, _ *scope.Scope) error {
		inner = scope.OpenSupervised(ctx, scope.Name("inner"), scope.OnFailure(scope.Ignore))
		return inner.Drain(ctx)
	}
	_ = scope.Run(context.Background(), body, scope.Name("outer"),
		scope.OnFailure(func(context.Context, *scope.Failure) { runtime.KeepAlive(held) }))
	return inner
}

// Row 147: the registry lists the scopes that live, none that has ended, and
// keeps none alive.
func TestRoots_ListsWhatLives(t *testing.T) {
	ctx := context.Background()
	before := memoryRoots()
	object := scope.Open(ctx)
	var lexical *scope.Scope
	err := scope.Run(ctx, func(ctx context.Context, s *scope.Scope) error {
		lexical = s
		inner := scope.Open(ctx) // no root
		for _, s := range []*scope.Scope{object, lexical} {
			if !slices.Contains(scope.Roots(), s) {
				t.Errorf("Roots() = %v, want %p in it", scope.Roots(), s)
			}
		}
		if slices.Contains(scope.Roots(), inner) {
			t.Error("Roots() has a nested scope")
		}
		return nil
	})
	err = errors.Join(err, object.Shutdown(ctx))
	if after := memoryRoots(); err != nil || !slices.Equal(after, before) {
		t.Errorf("result = %v, Roots() = %v, want nil and %v as before", err, after, before)
	}
}

// memoryRoots returns the identities of the roots, when those that other tests
// have left to be collected are gone.
func memoryRoots() (ids []string) {
	for range 3 {
		runtime.GC()
	}
	for _, s := range scope.Roots() {
		ids = append(ids, s.Info().ID)
	}
	return ids
}

// Rows 56 and 147: a long-lived scope that is dropped is collected although the
// registry lists it, and its handler is told.
func TestOpen_ForgottenIsCollectedAndReported(t *testing.T) {
	parent := t.Context()
	for name, opts := range map[string][]scope.Option{
		"plain": nil, "timeout": {scope.Timeout(time.Hour)}, "limit": {scope.Limit(1)},
	} {
		t.Run(name, func(t *testing.T) {
			told := make(chan *scope.Failure, 1)
			id := memoryForget(parent, append(opts, scope.Name("forgotten"),
				scope.OnFailure(func(_ context.Context, f *scope.Failure) { told <- f })))
			for i := 0; i < 1000 && len(told) == 0; i++ {
				runtime.GC()
				runtime.Gosched()
			}
			if len(told) == 0 {
				t.Fatal("the handler was not told")
			}
			text := fmt.Sprintf("%+v", <-told)
			if want := `scope "forgotten", started at `; !strings.HasPrefix(text, want) {
				t.Errorf("handler was given %s, want it to begin with %s", text, want)
			}
			if slices.Contains(memoryRoots(), id) {
				t.Error("Roots() lists a scope that has been collected")
			}
		})
	}
}

// memoryForget opens a scope and drops it.
//
//go:noinline
func memoryForget(ctx context.Context, opts []scope.Option) (id string) {
	s := scope.OpenSupervised(ctx, opts...)
	<-s.Go("x", func(ctx context.Context) error {
		ctx.Done()
		return nil
	}).Done()
	return s.Info().ID
}

// Row 56: one that has ended is not reported.
func TestOpen_EndedIsNotReported(t *testing.T) {
	var told atomic.Int32
	for range 100 {
		s := scope.OpenSupervised(context.Background(),
			scope.OnFailure(func(context.Context, *scope.Failure) { told.Add(1) }))
		if err := s.Shutdown(context.Background()); err != nil {
			t.Errorf("Shutdown() = %v, want nil", err)
		}
	}
	memoryRoots()
	if n := told.Load(); n > 0 {
		t.Errorf("%d scopes that have ended were reported, want none", n)
	}
}

// Row 146: a scope that has ended is collected although its handler is a method of
// its owner, and so leads back to it.
func TestOpen_EndedIsCollectedWithItsOwner(t *testing.T) {
	for name, end := range map[string]func(s *scope.Scope) error{
		"without a failure": func(s *scope.Scope) error { return s.Shutdown(context.Background()) },
		"with a failure that is asked for": func(s *scope.Scope) error {
			s.Go("x", func(context.Context) error { return scope.Fatal(errBoom) })
			if err := s.Wait(context.Background()); !errors.Is(err, errBoom) {
				return fmt.Errorf("wait: %w, want %w", err, errBoom)
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			owner, err := memoryOwn(end)
			for i := 0; i < 100 && owner.Value() != nil; i++ {
				runtime.GC()
			}
			if err != nil || owner.Value() != nil {
				t.Errorf("end: %v, owner kept: %t; want nil, false", err, owner.Value() != nil)
			}
		})
	}
}

// A memoryOwner has a scope, and handles its failures.
type memoryOwner struct {
	tasks  *scope.Scope
	failed int
}

func (o *memoryOwner) handle(context.Context, *scope.Failure) { o.failed++ }

// memoryOwn makes an owner, ends its scope and drops it.
//
//go:noinline
func memoryOwn(end func(*scope.Scope) error) (weak.Pointer[memoryOwner], error) {
	o := &memoryOwner{}
	o.tasks = scope.OpenSupervised(context.Background(), scope.OnFailure(o.handle))
	return weak.Make(o), end(o.tasks)
}

// Row 146: a handle that was refused does not keep the function either.
func TestMemory_RefusedTaskIsForgotten(t *testing.T) {
	s := scope.OpenSupervised(context.Background(), scope.OnFailure(scope.Ignore))
	if err := s.Shutdown(context.Background()); err != nil {
		t.Fatalf("Shutdown() = %v, want nil", err)
	}
	boxes := map[string]weak.Pointer[memoryBoxError]{}
	task, future := memoryRefuse(s, boxes)
	memoryIsFreed(t, boxes)
	runtime.KeepAlive(task)
	runtime.KeepAlive(future)
}

//go:noinline
func memoryRefuse(
	s *scope.Scope, boxes map[string]weak.Pointer[memoryBoxError],
) (*scope.Task, *scope.Future[int]) {
	ofGo, ofAsync := &memoryBoxError{text: "Go"}, &memoryBoxError{text: "Async"}
	boxes["the function of Go"], boxes["that of Async"] = weak.Make(ofGo), weak.Make(ofAsync)
	return s.Go("", func(context.Context) error { return ofGo }),
		scope.Async(s, "", func(context.Context) (int, error) { return 0, ofAsync })
}
