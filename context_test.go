package scope_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supervisorscope/scope"
)

// The tests in this file are issue item 4: the context of a task is a full
// citizen of package context. They compare it with a standard context to which
// the same happens.

var (
	errContextOwn    = errors.New("own cause")
	errContextParent = errors.New("parent's cause")
)

// A contextWorld is a task in a scope, and beside it a standard context that
// hangs on the same parent.
type contextWorld struct {
	scope  *scope.Scope
	task   *scope.Task
	parent context.CancelCauseFunc
	outer  *scope.Scope // of the parent, or nil
	finish func()       // ends the task

	ctx        context.Context // the task's
	want       context.Context // the standard one
	wantCancel context.CancelCauseFunc
}

// A contextCase is a way in which contexts come to be done, told twice: for the
// task's and, in terms of package context, for the standard one.
type contextCase struct {
	name    string
	parent  func() (context.Context, context.CancelCauseFunc)
	options []scope.Option
	derive  func(parent context.Context) (context.Context, context.CancelCauseFunc)
	happens func(w *contextWorld)
}

func contextLive() (context.Context, context.CancelCauseFunc) {
	return context.WithCancelCause(context.Background())
}

// contextLimited returns a parent with a deadline a second ahead.
func contextLimited() (context.Context, context.CancelCauseFunc) {
	ctx, expire := context.WithTimeoutCause(context.Background(), time.Second, errContextParent)
	ctx, cancel := context.WithCancelCause(ctx)
	return ctx, func(cause error) {
		cancel(cause)
		expire()
	}
}

// contextBehindValue returns a parent that reaches package context's own
// context only through a value.
func contextBehindValue() (context.Context, context.CancelCauseFunc) {
	ctx, cancel := contextLive()
	return context.WithValue(ctx, contextKey{}, "value"), cancel
}

// contextTask returns a parent that is a task's context, of a scope that is
// nested in another one. To cancel it is to cancel the task.
func contextTask() (context.Context, context.CancelCauseFunc) {
	ctx, task := contextTaskOf(context.Background())
	return ctx, task.Cancel
}

// contextTaskOfOthers returns one whose scope has a foreign parent. To cancel it
// is to cancel that.
func contextTaskOfOthers() (context.Context, context.CancelCauseFunc) {
	others, cancel := contextOfOthers()
	ctx, _ := contextTaskOf(others)
	return ctx, cancel
}

func contextTaskOf(ctx context.Context) (context.Context, *scope.Task) {
	outer := scope.OpenSupervised(ctx, scope.Name("outer"))
	got := make(chan context.Context)
	task := outer.Go("parent", func(ctx context.Context) error {
		got <- ctx
		<-ctx.Done()
		time.Sleep(time.Hour) // so that its end is not what is observed
		return ctx.Err()
	})
	return <-got, task
}

// A contextForeign is a context that is not package context's own.
type contextForeign struct {
	context.Context
	done chan struct{}
	mu   sync.Mutex
	err  error
}

func (c *contextForeign) Done() <-chan struct{} { return c.done }

func (c *contextForeign) Value(any) any { return nil }

func (c *contextForeign) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

func (c *contextForeign) cancel(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = err
	close(c.done)
}

func contextOfOthers() (context.Context, context.CancelCauseFunc) {
	c := &contextForeign{Context: context.Background(), done: make(chan struct{})}
	return c, c.cancel
}

type contextKey struct{}

// contextCases lists what can happen. Without derive the standard context is
// one that the parent reaches and nothing else.
func contextCases() []contextCase {
	own := func(w *contextWorld, cause error) {
		w.task.Cancel(cause)
		w.wantCancel(cause)
	}
	whole := func(w *contextWorld, cause error) {
		w.scope.Cancel(cause)
		w.wantCancel(cause)
	}
	parent := func(w *contextWorld) { w.parent(errContextParent) }
	end := func(w *contextWorld) {
		w.finish()
		w.wantCancel(nil)
	}
	sleep := func(*contextWorld) { time.Sleep(2 * time.Second) }
	then := func(steps ...func(*contextWorld)) func(*contextWorld) {
		return func(w *contextWorld) {
			for _, step := range steps {
				step(w)
				synctest.Wait()
			}
		}
	}
	ownCause := func(w *contextWorld) { own(w, errContextOwn) }
	ownNil := func(w *contextWorld) { own(w, nil) }
	wholeCause := func(w *contextWorld) { whole(w, errContextOwn) }
	wholeNil := func(w *contextWorld) { whole(w, nil) }
	timeout := func(ctx context.Context) (context.Context, context.CancelCauseFunc) {
		ctx, expire := context.WithTimeout(ctx, time.Second)
		ctx, cancel := context.WithCancelCause(ctx)
		return ctx, func(cause error) {
			cancel(cause)
			expire()
		}
	}
	limit := []scope.Option{scope.Timeout(time.Second)}
	return []contextCase{
		{"nothing", contextLive, nil, nil, then()},
		{"task cancelled", contextLive, nil, nil, ownCause},
		{"task cancelled, no cause", contextLive, nil, nil, ownNil},
		{"scope cancelled", contextLive, nil, nil, wholeCause},
		{"scope cancelled, no cause", contextLive, nil, nil, wholeNil},
		{"parent cancelled", contextLive, nil, nil, parent},
		{"parent behind a value", contextBehindValue, nil, nil, parent},
		{"parent is a task", contextTask, nil, nil, parent},
		{"parent is foreign", contextOfOthers, nil, nil, parent},
		{"parent is foreign, two up", contextTaskOfOthers, nil, nil, parent},
		{"parent has a deadline", contextLimited, nil, nil, then()},
		{"parent's deadline", contextLimited, nil, nil, sleep},
		{"parent before its deadline", contextLimited, nil, nil, then(parent, sleep)},
		{"scope before parent's deadline", contextLimited, nil, nil, then(wholeCause, sleep)},
		{"own timeout ahead", contextLive, limit, timeout, then()},
		{"own timeout", contextLive, limit, timeout, sleep},
		{"own timeout, foreign parent", contextOfOthers, limit, timeout, sleep},
		{"scope before own timeout", contextLive, limit, timeout, then(wholeCause, sleep)},
		{"task before own timeout", contextLive, limit, timeout, then(ownCause, sleep)},
		{"parent before own timeout", contextLive, limit, timeout, then(parent, sleep)},
		{"own timeout, then cancelled", contextLive, limit, timeout, then(sleep, wholeCause)},
		{"end", contextLive, nil, nil, end},
		{"end, then scope cancelled", contextLive, nil, nil, then(end, wholeCause)},
		{"end, then own timeout", contextLive, limit, timeout, then(end, sleep)},
		{"task cancelled, then ends", contextLive, nil, nil, then(ownCause, end)},
		{"scope cancelled, then ends", contextLive, nil, nil, then(wholeCause, end)},
		{"own timeout, then ends", contextLive, limit, timeout, then(sleep, end)},
		{"task, then scope", contextLive, nil, nil, then(ownNil, wholeCause)},
		{"scope, then task", contextLive, nil, nil, then(wholeNil, ownCause)},
		{"scope, then parent", contextLive, nil, nil, then(wholeCause, parent)},
		{"parent, then scope", contextLive, nil, nil, then(parent, wholeCause)},
	}
}

// contextStart starts a task that waits for release, and returns its context.
type contextStart func(s *scope.Scope, release <-chan struct{}) context.Context

// contextGo starts the task with Go.
func contextGo(s *scope.Scope, release <-chan struct{}) context.Context {
	got := make(chan context.Context)
	s.Go("task", func(ctx context.Context) error {
		got <- ctx
		<-release
		return nil
	})
	return <-got
}

// contextDo starts it with Do, for a caller whose context nothing cancels.
func contextDo(s *scope.Scope, release <-chan struct{}) context.Context {
	got := make(chan context.Context)
	go func() {
		_ = s.Do(context.Background(), "task", func(ctx context.Context) error {
			got <- ctx
			<-release
			return nil
		})
	}()
	return <-got
}

// newContextWorld makes what c is about. It must be called in a bubble.
func newContextWorld(c contextCase, start contextStart) *contextWorld {
	w := &contextWorld{}
	var parent context.Context
	parent, w.parent = c.parent()
	derive := c.derive
	if derive == nil {
		derive = context.WithCancelCause
	}
	w.want, w.wantCancel = derive(parent)
	w.outer = scope.From(parent)
	w.scope = scope.OpenSupervised(parent, append(c.options, scope.Name("s"))...)
	release := make(chan struct{})
	w.ctx = start(w.scope, release)
	w.task = scope.TaskFrom(w.ctx)
	w.finish = sync.OnceFunc(func() {
		close(release)
		<-w.task.Done()
	})
	return w
}

// close ends what the world has started.
func (w *contextWorld) close() {
	w.finish()
	w.wantCancel(nil)
	_ = w.scope.Shutdown(context.Background())
	if w.outer != nil {
		_ = w.outer.Shutdown(context.Background())
	}
}

// contextViews are the contexts that a user may have of ctx.
func contextViews(ctx context.Context) (views []context.Context, stop func()) {
	value := context.WithValue(ctx, contextKey{}, "mine")
	child, cancelChild := context.WithCancel(ctx)
	timed, cancelTimed := context.WithTimeoutCause(ctx, time.Hour, errContextOwn)
	deep, cancelDeep := context.WithCancelCause(context.WithValue(value, contextKey{}, 1))
	apart := context.WithoutCancel(ctx)
	apartChild, cancelApart := context.WithCancel(apart)
	stop = func() {
		cancelChild()
		cancelTimed()
		cancelDeep(nil)
		cancelApart()
	}
	return []context.Context{ctx, value, child, timed, deep, apart, apartChild}, stop
}

// contextTells returns what can be seen of each of the contexts.
func contextTells(views []context.Context) []string {
	var tells []string
	for _, ctx := range views {
		deadline, ok := ctx.Deadline()
		cause := context.Cause(ctx)
		if errors.Is(cause, context.DeadlineExceeded) {
			cause = context.DeadlineExceeded // a scope's own says which scope it was
		}
		done := ctx.Done() != nil
		if done {
			select {
			case <-ctx.Done():
			default:
				done = false
			}
		}
		tells = append(tells, fmt.Sprintf("Err %v, Cause %v, Deadline %v %v, Done %v",
			ctx.Err(), cause, deadline.Format(time.TimeOnly), ok, done))
	}
	return tells
}

// Row 71: for each way of being cancelled the task's context, and all that is
// derived from it, before or after, are like a standard one.
func TestContext_IsLikeAStandardOne(t *testing.T) {
	starts := map[string]contextStart{"Go": contextGo, "Do": contextDo}
	for _, c := range contextCases() {
		for verb, start := range starts {
			foreign := strings.HasPrefix(c.name, "parent is foreign")
			if verb == "Do" && (foreign || c.name == "parent's deadline") {
				// Do derives from its caller's context. What the scope's parent alone
				// knows, an Err or a cause of its own, need not get through.
				continue
			}
			for _, asked := range []bool{false, true} {
				name := fmt.Sprintf("%s/%s/asked before=%v", c.name, verb, asked)
				t.Run(name, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { contextCompare(t, c, start, asked) })
				})
			}
		}
	}
}

// contextCompare plays one case. asked has contexts derived, and Done asked
// for, before it happens, too.
func contextCompare(t *testing.T, c contextCase, start contextStart, asked bool) {
	t.Helper()
	w := newContextWorld(c, start)
	defer w.close()
	var got, want []context.Context
	look := func() {
		t.Helper()
		views, stop := contextViews(w.ctx)
		t.Cleanup(stop)
		got = append(got, views...)
		views, stop = contextViews(w.want)
		t.Cleanup(stop)
		want = append(want, views...)
	}
	compare := func(when string) {
		t.Helper()
		synctest.Wait()
		tells, wants := contextTells(got), contextTells(want)
		for i := range tells {
			if tells[i] != wants[i] {
				t.Errorf("%s, view %d:\n got %s\nwant %s", when, i, tells[i], wants[i])
			}
		}
	}
	if asked {
		look()
		compare("before")
	}
	c.happens(w)
	synctest.Wait()
	if got, want := w.ctx.Err(), w.want.Err(); !errors.Is(got, want) {
		t.Errorf("Err() = %v, want %v", got, want)
	}
	look()
	compare("after")
	compare("and again")
}

// Row 71: AfterFunc is called for what it would be called for with a standard
// context, once, and can be stopped.
func TestContext_AfterFunc(t *testing.T) {
	for _, c := range contextCases() {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newContextWorld(c, contextGo)
				defer w.close()
				calls, stopped := make([]int, 4), 0
				value := context.WithValue(w.ctx, contextKey{}, "mine")
				context.AfterFunc(w.ctx, func() { calls[0]++ })
				context.AfterFunc(value, func() { calls[1]++ })
				stop := context.AfterFunc(w.ctx, func() { stopped++ })
				if !stop() {
					t.Error("stop() = false, want true: nothing has happened")
				}
				c.happens(w)
				synctest.Wait()
				context.AfterFunc(w.ctx, func() { calls[2]++ })
				context.AfterFunc(context.WithoutCancel(w.ctx), func() { calls[3]++ })
				synctest.Wait()
				want := []int{0, 0, 0, 0}
				if w.want.Err() != nil {
					want = []int{1, 1, 1, 0}
				}
				if !slices.Equal(calls, want) || stopped > 0 {
					t.Errorf("calls = %v, of a stopped one: %d, want %v, 0", calls, stopped, want)
				}
			})
		})
	}
}

// contextKinds calls visit with the context of each kind of task, and of a body.
func contextKinds(
	t *testing.T, opts []scope.Option, visit func(kind string, ctx context.Context),
) {
	t.Helper()
	see := func(kind string) func(context.Context) error {
		return func(ctx context.Context) error {
			visit(kind, ctx)
			return nil
		}
	}
	opts = append(opts, scope.OnFailure(func(ctx context.Context, _ *scope.Failure) {
		visit("handler", ctx)
	}))
	err := scope.Supervise(t.Context(), func(ctx context.Context, s *scope.Scope) error {
		visit("body", ctx)
		s.Defer("defer", see("defer"))
		wait := func(task *scope.Task) {
			if err := task.Wait(t.Context()); err != nil {
				t.Error(err)
			}
		}
		wait(s.Go("task", see("task")))
		wait(s.Daemon("daemon", see("daemon")))
		wait(s.Go("fails", func(context.Context) error { return errContextOwn }))
		_, err := scope.Async(s, "async", func(ctx context.Context) (int, error) {
			visit("async", ctx)
			return 0, nil
		}).Wait(t.Context())
		_, err2 := s.Start(ctx, "start", func(ctx context.Context, ready func()) error {
			visit("start", ctx)
			ready()
			return nil
		})
		return errors.Join(err, err2, s.Do(ctx, "do", see("do")))
	}, opts...)
	if err != nil {
		t.Errorf("Supervise() = %v, want nil", err)
	}
}

// Rows 71 and 145: what is derived from a task's context costs no goroutine,
// directly or behind values, and also where the package context's key is not
// known.
func TestContext_DerivationsCostNoGoroutine(t *testing.T) {
	contextDerivations(t)
	t.Run("key unknown", func(t *testing.T) {
		defer scope.ForgetCancelKey()()
		contextDerivations(t)
	})
}

func contextDerivations(t *testing.T) {
	t.Helper()
	for name, opts := range map[string][]scope.Option{
		"plain": nil, "timeout": {scope.Timeout(time.Hour)},
	} {
		contextKinds(t, opts, func(kind string, ctx context.Context) {
			before := runtime.NumGoroutine()
			value := context.WithValue(ctx, contextKey{}, "value")
			deeper := context.WithValue(value, contextKey{}, "another")
			var stops []func()
			for range 334 { // nine each: 3,006 in all
				for _, parent := range []context.Context{ctx, value, deeper} {
					_, cancel := context.WithCancelCause(parent)
					_, expire := context.WithTimeout(parent, time.Hour)
					stop := context.AfterFunc(parent, func() {})
					stops = append(stops, func() { cancel(nil) }, expire, func() { stop() })
				}
			}
			if more := runtime.NumGoroutine() - before; more > 0 {
				t.Errorf("%s, %s: derivations started %d goroutines, want 0", name, kind, more)
			}
			for _, stop := range stops {
				stop()
			}
		})
	}
}

// Row 71: the values are those that the scope was opened with.
func TestContext_ValuesAreTheScopes(t *testing.T) {
	t.Run("key known", contextValues)
	t.Run("key unknown", func(t *testing.T) {
		defer scope.ForgetCancelKey()()
		contextValues(t)
	})
}

func contextValues(t *testing.T) {
	t.Helper()
	ctx := context.WithValue(t.Context(), contextKey{}, "outer")
	err := scope.Run(ctx, func(ctx context.Context, s *scope.Scope) error {
		spawner := context.WithValue(ctx, contextKey{}, "spawner")
		s.Go("task", func(ctx context.Context) error {
			if got := ctx.Value(contextKey{}); got != "outer" {
				t.Errorf("Value() in a task = %v, want outer: values come from the scope", got)
			}
			return nil
		})
		return s.Do(spawner, "do", func(ctx context.Context) error {
			if got := ctx.Value(contextKey{}); got != "spawner" {
				t.Errorf("Value() in Do = %v, want spawner: Do's caller gave it", got)
			}
			return nil
		})
	})
	if err != nil {
		t.Errorf("Run() = %v, want nil", err)
	}
}

// Row 138: whoever goes on with WithoutCancel after the task, and the scope, are
// over still has the values.
func TestContext_ValuesOutliveTheScope(t *testing.T) {
	parent := context.WithValue(context.Background(), contextKey{}, "value")
	err := scope.Run(parent, func(ctx context.Context, _ *scope.Scope) error {
		inner := scope.Open(ctx)
		got := make(chan context.Context, 1)
		inner.Go("task", func(ctx context.Context) error {
			got <- ctx
			return nil
		})
		err := inner.Drain(ctx)
		after := context.WithoutCancel(<-got)
		if value := after.Value(contextKey{}); value != "value" || after.Err() != nil {
			t.Errorf("Value() = %v, Err() = %v, want value and nil", value, after.Err())
		}
		return err
	})
	if err != nil {
		t.Errorf("Run() = %v, want nil", err)
	}
}

// Row 129: wrappers hide neither scope nor task.
func TestContext_KnowsScopeAndTaskBehindWrappers(t *testing.T) {
	s := scope.Open(t.Context())
	task := s.Go("task", func(ctx context.Context) error {
		views, stop := contextViews(ctx)
		defer stop()
		for i, ctx := range views {
			if scope.From(ctx) != s || scope.TaskFrom(ctx).Name() != "task" {
				t.Errorf("view %d: From() = %p, TaskFrom() = %v, want %p and the task",
					i, scope.From(ctx), scope.TaskFrom(ctx), s)
			}
		}
		if got := fmt.Sprint(views[2]); !strings.Contains(got, "/task)") {
			t.Errorf("text of a derived context = %q, want one that names the task", got)
		}
		return nil
	})
	if err := s.Shutdown(t.Context()); err != nil || task.Err() != nil {
		t.Errorf("Shutdown() = %v, Err() = %v, want nil", err, task.Err())
	}
}

// Row 74: Done is one channel for ever, whoever asks first, and it is closed
// when the task is cancelled, also for who asks afterwards.
func TestContext_DoneIsOneChannel(t *testing.T) {
	for name, cancel := range map[string]func(*scope.Scope, *scope.Task){
		"task":  func(_ *scope.Scope, task *scope.Task) { task.Cancel(nil) },
		"scope": func(s *scope.Scope, _ *scope.Task) { s.Cancel(nil) },
	} {
		t.Run(name, func(t *testing.T) {
			for range startRounds() / 4 {
				contextAskAndCancel(t, cancel)
			}
		})
	}
}

// contextAskAndCancel has many ask for Done while the task is being cancelled.
func contextAskAndCancel(t *testing.T, cancel func(*scope.Scope, *scope.Task)) {
	t.Helper()
	s := scope.Open(context.Background())
	got := make(chan context.Context)
	task := s.Go("task", func(ctx context.Context) error {
		got <- ctx
		<-ctx.Done()
		return ctx.Err()
	})
	ctx := <-got
	var asked [4]<-chan struct{}
	var wg sync.WaitGroup
	for i := range asked {
		wg.Go(func() { asked[i] = ctx.Done() })
	}
	wg.Go(func() { cancel(s, task) })
	wg.Wait()
	want := ctx.Done()
	for i, ch := range asked {
		<-ch // blocks for ever if the cancellation was missed
		if ch != want {
			t.Fatalf("Done() = %p for asker %d, want %p", ch, i, want)
		}
	}
	<-task.Done()
	if ctx.Done() != want || ctx.Err() == nil {
		t.Fatalf("after the end: Done() = %p, want %p", ctx.Done(), want)
	}
	_ = s.Shutdown(context.Background())
}

// Row 145: the end of a task is the end of its context, whatever its kind, asked
// or not, and whether or not the scope had been cancelled before.
func TestContext_IsDoneAfterTheEnd(t *testing.T) {
	for _, when := range []struct{ asked, cancelled bool }{
		{false, false}, {false, true}, {true, false}, {true, true},
	} {
		t.Run(fmt.Sprintf("%+v", when), func(t *testing.T) {
			seen := contextsOfEachKind(t, when.asked, when.cancelled)
			if len(seen) != 7 {
				t.Errorf("saw %d contexts, want 7", len(seen))
			}
			for _, ctx := range seen {
				if ctx.Err() == nil {
					t.Fatalf("Err() of %v = nil after the end", ctx)
				}
				<-ctx.Done()
			}
		})
	}
}

// contextsOfEachKind returns the contexts of tasks that are over, and that of
// the body. The scope of the last ones was cancelled, if cancelled.
func contextsOfEachKind(t *testing.T, asked, cancelled bool) (seen []context.Context) {
	t.Helper()
	contextKinds(t, nil, func(kind string, ctx context.Context) {
		if asked {
			ctx.Done()
		}
		if cancelled && kind == "do" { // the last one but for defer
			scope.From(ctx).Cancel(nil)
		}
		if kind != "handler" { // which nothing cancels
			seen = append(seen, ctx)
		}
	})
	return seen
}

// A contextProbe counts the look-ups that reach the outermost context.
type contextProbe struct {
	context.Context
	lookups int
}

func (p *contextProbe) Value(key any) any {
	if key == (contextKey{}) {
		p.lookups++
	}
	return p.Context.Value(key)
}

// Row 71: a value is looked up in one step, however deep the scopes are nested.
func TestContext_ValueIsFlatInDepth(t *testing.T) {
	outermost := context.WithValue(context.Background(), contextKey{}, "value")
	probe := &contextProbe{Context: outermost}
	var nest func(ctx context.Context, depth int) error
	nest = func(ctx context.Context, depth int) error {
		if depth > 0 {
			return scope.Run(ctx, func(ctx context.Context, _ *scope.Scope) error {
				return nest(ctx, depth-1)
			})
		}
		probe.lookups = 0
		if got := testing.AllocsPerRun(1, func() { ctx.Value(contextKey{}) }); got != 0 {
			t.Errorf("Value() allocates %v times, want 0", got)
		}
		if got := ctx.Value(contextKey{}); got != "value" || probe.lookups != 3 {
			t.Errorf("Value() = %v, outermost was asked %d times, want value and 3",
				got, probe.lookups)
		}
		return nil
	}
	if err := nest(probe, 100); err != nil {
		t.Errorf("Run() = %v, want nil", err)
	}
}

// Rows 74 and 75: cancelling is linear in the number of tasks. It counts what
// is allocated and how often the list is taken up, not time.
func TestScope_CancelIsLinear(t *testing.T) {
	perTask := func(n int, ask bool) float64 {
		s := scope.OpenSupervised(context.Background())
		var ready, calls sync.WaitGroup
		ready.Add(n)
		release := make(chan struct{})
		for range n {
			s.Go("task", func(ctx context.Context) error {
				if ask {
					calls.Add(1)
					context.AfterFunc(ctx, calls.Done)
				}
				ready.Done()
				<-release
				return nil
			})
		}
		ready.Wait()
		if batches, tasks := s.Walk(); tasks != n || batches > n/100+1 {
			t.Errorf("%d tasks were visited in %d steps, want %d in less than %d",
				tasks, batches, n, n/100+1)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		s.Cancel(nil)
		runtime.ReadMemStats(&after)
		calls.Wait() // each context was cancelled, exactly once
		close(release)
		_ = s.Shutdown(context.Background())
		return float64(after.Mallocs-before.Mallocs) / float64(n)
	}
	n := 100_000
	if builtWithRace() {
		n /= 10
	}
	if small, large := perTask(n/10, true), perTask(n, true); large > 2*small+1 {
		t.Errorf("Cancel allocates %.1f times per task of %d, %.1f of %d", small, n/10, large, n)
	}
	if got := perTask(n, false); got > 0.01 {
		t.Errorf("Cancel allocates %.2f times per task that has not asked for Done, want 0", got)
	}
}
