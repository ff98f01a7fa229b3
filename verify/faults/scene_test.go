package faults_test

import (
	"context"
	"errors"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supervisorscope/scope"
)

// A fault is what a callback does.
type fault string

const (
	panics fault = "panic"
	exits  fault = "Goexit"
	blocks fault = "block" // until it is released
)

const (
	panicValue = "the fault" // of all panics here
	faulty     = "faulty"    // the name of the task that has the fault
	playTime   = time.Hour   // of a callback, in the bubble
)

// A form is a way to open a scope.
type form struct {
	name     string
	failFast bool
	lexical  bool
}

func forms() []form {
	return []form{
		{"Run", true, true}, {"Supervise", false, true},
		{"Open", true, false}, {"OpenSupervised", false, false},
	}
}

// A tally says how often a failure was told, by where.
type tally struct {
	Handler int // the scope's handler
	Result  int // what ended the scope, or went on in the body's caller
	Caller  int // who called a method that runs a task, or waits for one
	Stderr  int // the last resort
}

// A scene is a scope with a callback that has a fault, and a witness beside it.
type scene struct {
	t    *testing.T
	form form
	s    *scope.Scope
	ctx  context.Context // the body's, or what a long-lived scope was opened with

	fault   fault
	struck  atomic.Bool
	release chan struct{} // closed to end a block

	ping  chan struct{} // the witness sends, if it is undisturbed
	leave chan struct{} // closed when it shall end

	mu   sync.Mutex
	told tally
}

// strike is the fault. Only the first call does harm.
func (sc *scene) strike() {
	if sc.struck.Swap(true) {
		return
	}
	switch sc.fault {
	case panics:
		panic(panicValue)
	case exits:
		runtime.Goexit()
	case blocks:
		<-sc.release
	}
}

// strikes is strike as a task's function.
func (sc *scene) strikes(context.Context) error {
	sc.strike()
	return nil
}

// note counts a failure if it is that of the fault.
func (sc *scene) note(place *int, err error) {
	var f *scope.Failure
	if !errors.As(err, &f) || f.Task.Name != faulty {
		return
	}
	sc.mu.Lock()
	defer sc.mu.Unlock()
	*place++
}

func (sc *scene) handle(_ context.Context, f *scope.Failure) { sc.note(&sc.told.Handler, f) }

// guard calls f, which is where what goes on in a caller arrives, and counts
// that. It returns f's error.
func (sc *scene) guard(place *int, f func() error) (err error) {
	returned := false
	defer func() {
		if v := recover(); v != nil && v != panicValue {
			panic(v)
		}
		if !returned {
			sc.mu.Lock()
			*place++
			sc.mu.Unlock()
		}
	}()
	err = f()
	returned = true
	sc.note(place, err)
	return err
}

// caller calls f on a goroutine of its own and counts what it gets.
func (sc *scene) caller(f func() error) {
	go func() { _ = sc.guard(&sc.told.Caller, f) }()
}

// A callback is a function of the program's that the library calls.
type callback struct {
	name string
	// opts are options of the scope. Optional; with a handler of its own the
	// scene's is not used.
	opts func(sc *scene) []scope.Option
	// play brings the library to call the callback.
	play func(sc *scene)
	// told is where the failure is told. A fail-fast scope has its first failure
	// for a result instead, unless failFast says something else.
	told     tally
	failFast *tally
	fails    bool    // the task fails whatever the fault
	mark     string  // of a report on standard error; optional
	not      []fault // which do not apply
}

// want returns what is to be told of a fault.
func (c callback) want(f form, fault fault) tally {
	want := c.told
	switch {
	case !f.failFast:
	case c.failFast != nil:
		want = *c.failFast
	default:
		want.Handler, want.Result = 0, want.Handler
	}
	switch {
	case fault == blocks && !c.fails:
		want = tally{}
	case fault == blocks && c.mark == "":
		want.Stderr = 0
	}
	return want
}

// run plays the callback with a fault in a scope of a form, in a bubble, which
// fails if a goroutine is left.
func (c callback) run(t *testing.T, form form, fault fault) {
	sc := &scene{form: form, fault: fault}
	text := stderr(t, func() {
		synctest.Test(t, func(t *testing.T) {
			sc.t = t
			sc.release, sc.ping = make(chan struct{}), make(chan struct{})
			sc.leave = make(chan struct{})
			over := make(chan struct{})
			go func() { // which a Goexit may end
				defer close(over)
				c.open(sc)
			}()
			select {
			case <-over:
			case <-time.After(100 * playTime):
				t.Fatal("the scope does not end")
			}
			if roots := scope.Roots(); len(roots) > 0 {
				t.Errorf("a scope is left: %+v", roots[0].Info())
			}
		})
	})
	if sc.told.Stderr = strings.Count(text, c.mark); c.mark == "" {
		sc.told.Stderr = strings.Count(text, panicValue+"\n") +
			strings.Count(text, scope.ErrGoexit.Error()+"\n")
	}
	if want := c.want(form, fault); sc.told != want {
		t.Errorf("told = %+v, want %+v; standard error:\n%s", sc.told, want, text)
	}
}

// open opens the scope, has the callback called, and ends the scope.
func (c callback) open(sc *scene) {
	opts := []scope.Option{scope.OnFailure(sc.handle)}
	if c.opts != nil {
		opts = append(opts, c.opts(sc)...)
	}
	body := func(ctx context.Context, s *scope.Scope) error {
		sc.ctx, sc.s = ctx, s
		c.script(sc)
		return ctx.Err()
	}
	ctx := context.Background()
	_ = sc.guard(&sc.told.Result, func() error {
		switch sc.form.name {
		case "Run":
			return scope.Run(ctx, body, opts...)
		case "Supervise":
			return scope.Supervise(ctx, body, opts...)
		case "Open":
			_ = body(ctx, scope.Open(ctx, opts...))
		default:
			_ = body(ctx, scope.OpenSupervised(ctx, opts...))
		}
		return sc.s.Shutdown(ctx)
	})
}

// script is what happens in each scene.
func (c callback) script(sc *scene) {
	sc.s.Go("witness", func(ctx context.Context) error {
		for {
			select {
			case sc.ping <- struct{}{}:
			case <-sc.leave:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	})
	played := make(chan struct{})
	go func() { // which the callback may hold up
		defer close(played)
		c.play(sc)
	}()
	time.Sleep(2 * playTime)
	if !sc.form.failFast {
		sc.isAlive()
	}
	if sc.fault == blocks {
		sc.isFree()
	}
	close(sc.release)
	<-played
	synctest.Wait()
	if !sc.form.failFast {
		sc.isAlive()
	}
	close(sc.leave)
}

// isAlive fails if a sibling, the body or the scope has noticed the fault.
func (sc *scene) isAlive() {
	sc.t.Helper()
	if info := sc.s.Info(); info.State != "open" || info.Cause != nil || sc.ctx.Err() != nil {
		sc.t.Errorf("the scope is %s because of %v, its context %v",
			info.State, info.Cause, sc.ctx.Err())
		return
	}
	select {
	case <-sc.ping:
	case <-time.After(time.Minute):
		sc.t.Error("the witness does not answer")
	}
}

// isFree fails if a lock is held while the callback blocks.
func (sc *scene) isFree() {
	sc.t.Helper()
	over := make(chan struct{})
	go func() {
		defer close(over)
		info := sc.s.Info()
		if len(sc.s.Tasks()) < info.Counts.Live || info.State == "open" && len(scope.Roots()) != 1 {
			sc.t.Errorf("%d tasks of %d, %d roots",
				len(sc.s.Tasks()), info.Counts.Live, len(scope.Roots()))
		}
		if task, err := sc.s.TryGo("", func(context.Context) error { return nil }); err == nil {
			<-task.Done()
		}
	}()
	select {
	case <-over:
	case <-time.After(time.Minute):
		sc.t.Error("the scope is held up while the callback blocks")
	}
}

// stderr returns what f writes to standard error.
func stderr(t *testing.T, f func()) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	old := os.Stderr
	defer func() { os.Stderr = old }()
	os.Stderr = w
	text := make(chan string)
	go func() {
		b, _ := io.ReadAll(r)
		text <- string(b)
	}()
	defer w.Close()
	f()
	_ = w.Close()
	return <-text
}
