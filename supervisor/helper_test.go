package supervisor_test

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
	sup "github.com/supervisorscope/scope/supervisor"
)

var errBoom = errors.New("boom")

// bg is for calls that the test does not bound: a bubble ends a hang.
var bg = context.Background()

// An ending is what a child of the lab does when it is told to.
type ending func() error

func ok() error     { return nil }
func boom() error   { return errBoom }
func panics() error { panic("panicked") }
func goexit() error { runtime.Goexit(); return nil }

var failures = map[string]ending{"error": boom, "panic": panics, "goexit": goexit}

// A lab runs a supervisor, in a bubble, whose children do what the test says,
// and holds in every test that no child ever has two incarnations.
type lab struct {
	t      *testing.T
	s      *sup.Supervisor
	cancel context.CancelCauseFunc
	done   chan struct{} // closed when Run has returned
	err    error         // what it returned

	mu       sync.Mutex
	live     map[string]*life
	lives    map[string]int // how many there have been
	log      []string       // "+name" and "-name" in order
	failures []*scope.Failure

	// What children do, by name; set before the start.
	onStart map[string]func(ctx context.Context, n int) error // before ready; n counts from 1
	onStop  map[string]func(ctx context.Context)              // when asked to end
}

// A life is one incarnation of a child of the lab.
type life struct {
	name string
	n    int
	end  chan ending
}

// inBubble runs f with a lab in a bubble.
func inBubble(t *testing.T, f func(l *lab)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := &lab{
			t: t, live: map[string]*life{}, lives: map[string]int{},
			onStart: map[string]func(context.Context, int) error{},
			onStop:  map[string]func(context.Context){},
		}
		defer func() {
			if l.cancel != nil {
				l.cancel(nil)
				<-l.done
			}
			if len(l.live) > 0 {
				t.Errorf("children left after the end: %v", l.live)
			}
		}()
		f(l)
	})
}

// enter and leave bracket an incarnation.
func (l *lab) enter(name string) *life {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.live[name] != nil {
		l.t.Errorf("child %q has two live incarnations", name)
	}
	l.lives[name]++
	l.live[name] = &life{name: name, n: l.lives[name], end: make(chan ending, 1)}
	l.log = append(l.log, "+"+name)
	return l.live[name]
}

func (l *lab) leave(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.live, name)
	l.log = append(l.log, "-"+name)
}

// start is the function of every child of the lab.
func (l *lab) start(name string) func(ctx context.Context, ready func()) error {
	return func(ctx context.Context, ready func()) error {
		me := l.enter(name)
		defer l.leave(name)
		if f := l.onStart[name]; f != nil {
			if err := f(ctx, me.n); err != nil {
				return err
			}
		}
		ready()
		select {
		case end := <-me.end:
			return end()
		case <-ctx.Done():
			if f := l.onStop[name]; f != nil {
				f(ctx)
			}
			return ctx.Err()
		}
	}
}

// spec describes a child of the lab. Its restarts come without delay, and
// without limit, unless set says otherwise.
func (l *lab) spec(name string, set ...func(*sup.Spec)) sup.Spec {
	spec := sup.Spec{
		Name: name, Start: l.start(name),
		Backoff: sup.Backoff{Off: true}, Budget: sup.Budget{Unlimited: true},
	}
	for _, f := range set {
		f(&spec)
	}
	return spec
}

func (l *lab) specs(names string, set ...func(*sup.Spec)) (specs []sup.Spec) {
	for name := range strings.FieldsSeq(names) {
		specs = append(specs, l.spec(name, set...))
	}
	return specs
}

func restart(r sup.RestartType) func(*sup.Spec) { return func(s *sup.Spec) { s.Restart = r } }
func grace(d time.Duration) func(*sup.Spec)     { return func(s *sup.Spec) { s.Grace = d } }
func significant(s *sup.Spec)                   { s.Significant = true }

func burst(n int, d time.Duration) func(*sup.Spec) {
	return func(s *sup.Spec) { s.Budget = budget(n, d) }
}

func budget(n int, d time.Duration) sup.Budget {
	return sup.Budget{Burst: sup.Intensity{Restarts: n, Period: d}}
}

// handler collects failures.
func (l *lab) handler(_ context.Context, f *scope.Failure) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failures = append(l.failures, f)
}

// run makes a supervisor and runs it until it has settled.
func (l *lab) run(specs []sup.Spec, o sup.Options) {
	l.t.Helper()
	s, err := sup.New(specs, o)
	if err != nil {
		l.t.Fatal(err)
	}
	l.s = s
	l.launch(s.Run)
}

// launch runs a task function under the lab's handler.
func (l *lab) launch(run func(context.Context) error) {
	ctx, cancel := context.WithCancelCause(context.Background())
	l.cancel, l.done = cancel, make(chan struct{})
	go func() {
		defer close(l.done)
		l.err = scope.Run(ctx, func(ctx context.Context, s *scope.Scope) error {
			return run(ctx)
		}, scope.Name("lab"), scope.OnFailure(l.handler))
	}()
	synctest.Wait()
}

// stop cancels the supervisor and returns what Run returned.
func (l *lab) stop() error {
	l.cancel(nil)
	<-l.done
	l.cancel = nil
	if errors.Is(l.err, context.Canceled) {
		var late *sup.StuckError
		if !errors.As(l.err, &late) {
			return nil
		}
	}
	return l.err
}

// ended returns what Run returned, or fails if it still runs.
func (l *lab) ended() error {
	l.t.Helper()
	synctest.Wait()
	select {
	case <-l.done:
		return l.err
	default:
		l.t.Fatal("the supervisor still runs")
		return nil
	}
}

func (l *lab) running() {
	l.t.Helper()
	synctest.Wait()
	select {
	case <-l.done:
		l.t.Fatalf("the supervisor has ended: %v", l.err)
	default:
	}
}

// end has the live incarnation of a child end, and waits until all is quiet.
func (l *lab) end(name string, how ending) {
	l.t.Helper()
	l.tell(name, how)
	synctest.Wait()
}

func (l *lab) tell(name string, how ending) {
	l.t.Helper()
	synctest.Wait()
	l.mu.Lock()
	me := l.live[name]
	l.mu.Unlock()
	if me == nil {
		l.t.Fatalf("child %q is not live", name)
	}
	me.end <- how
}

// number returns which incarnation of a child is live, 0 for none.
func (l *lab) number(name string) int {
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	if me := l.live[name]; me != nil {
		return me.n
	}
	return 0
}

// lived checks the numbers of the live incarnations: "a1 b2 c0".
func (l *lab) lived(want string) {
	l.t.Helper()
	var got []string
	for field := range strings.FieldsSeq(want) {
		name := strings.TrimRight(field, "0123456789")
		got = append(got, fmt.Sprintf("%s%d", name, l.number(name)))
	}
	if g := strings.Join(got, " "); g != want {
		l.t.Errorf("live incarnations are %s, want %s", g, want)
	}
}

// events returns the log since the last call: "+a +b -b".
func (l *lab) events() string {
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	got := strings.Join(l.log, " ")
	l.log = nil
	return got
}

func (l *lab) sequence(want string) {
	l.t.Helper()
	if got := l.events(); got != want {
		l.t.Errorf("events:\n got %s\nwant %s", got, want)
	}
}

// states returns the states of the children: "a:ready b:backoff".
func (l *lab) states() string {
	synctest.Wait()
	var all []string
	for _, c := range l.s.Children() {
		all = append(all, c.Name+":"+c.State)
	}
	return strings.Join(all, " ")
}

func (l *lab) stand(want string) {
	l.t.Helper()
	if got := l.states(); got != want {
		l.t.Errorf("children are %q, want %q", got, want)
	}
}

// count checks Specs, Active, Supervisors, Workers.
func (l *lab) count(want ...int) {
	l.t.Helper()
	synctest.Wait()
	i := l.s.Info()
	if got := []int{i.Specs, i.Active, i.Supervisors, i.Workers}; !slices.Equal(got, want) {
		l.t.Errorf("specs, active, supervisors, workers = %v, want %v", got, want)
	}
}

// told returns how many failures the handler has got.
func (l *lab) told() int {
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.failures)
}

// is checks that err Is target.
func (l *lab) is(err, target error) {
	l.t.Helper()
	if !errors.Is(err, target) {
		l.t.Errorf("error is %v, want one that Is %v", err, target)
	}
}

func (l *lab) ok(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Errorf("unexpected error: %v", err)
	}
}

// intensity checks that err is a budget exceeded by a child.
func (l *lab) intensity(err error, child string) *sup.IntensityError {
	l.t.Helper()
	var e *sup.IntensityError
	if !errors.As(err, &e) {
		l.t.Fatalf("error is %v, want an IntensityError", err)
	}
	if e.Child != child {
		l.t.Errorf("budget exceeded by %q, want %q", e.Child, child)
	}
	return e
}

// stuckError returns the StuckError that err must be.
func (l *lab) stuckError(err error) *sup.StuckError {
	l.t.Helper()
	var e *sup.StuckError
	if !errors.As(err, &e) {
		l.t.Fatalf("error is %v, want a StuckError", err)
	}
	return e
}

// pool runs a pool. Restarts come without delay or limit unless the spec says
// otherwise.
func (l *lab) pool(child sup.Spec, o sup.Options) *sup.Pool {
	l.t.Helper()
	if child.Backoff == (sup.Backoff{}) && child.Budget == (sup.Budget{}) {
		child.Backoff.Off, child.Budget.Unlimited = true, true
	}
	p, err := sup.NewPool(child, o)
	if err != nil {
		l.t.Fatal(err)
	}
	l.launch(p.Run)
	return p
}

// stands returns how many failures reports stand for, of those that are err, or
// of all if that is nil.
func stands(reports []*scope.Failure, err error) (n uint64) {
	for _, f := range reports {
		var r *sup.RepeatedError
		switch {
		case err != nil && !errors.Is(f.Err, err):
		case errors.As(f.Err, &r):
			n += r.New
		default:
			n++
		}
	}
	return n
}

const hour = time.Hour

// untilDone is a child that does nothing until it is asked to end.
func untilDone(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// handle returns the live task with a path.
func (l *lab) handle(path string) *scope.Task {
	l.t.Helper()
	task := findTask(scope.Roots(), path)
	if task == nil {
		l.t.Fatalf("there is no task %q", path)
	}
	return task
}

func findTask(scopes []*scope.Scope, path string) *scope.Task {
	for _, s := range scopes {
		for _, task := range s.Tasks() {
			if task.Info().Path == path {
				return task
			}
			if found := findTask(task.Scopes(), path); found != nil {
				return found
			}
		}
		if found := findTask(s.Scopes(), path); found != nil {
			return found
		}
	}
	return nil
}
