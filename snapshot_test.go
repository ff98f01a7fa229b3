package scope_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supervisorscope/scope"
)

// snapshotRounds is how often a churning scope is looked at.
func snapshotRounds() int {
	if testing.Short() || builtWithRace() {
		return 300
	}
	return 3_000
}

// A snapshotChurn keeps a tree of scopes busy with tasks of every kind, nested
// scopes and failures, until it is stopped.
type snapshotChurn struct {
	scope *scope.Scope
	stop  chan struct{}
	wg    sync.WaitGroup
}

// startChurn opens the scope below parent.
func startChurn(parent context.Context) *snapshotChurn {
	c := &snapshotChurn{
		scope: scope.OpenSupervised(parent, scope.Name("churn"), scope.OnFailure(scope.Ignore)),
		stop:  make(chan struct{}),
	}
	for _, work := range []func(){c.tasks, c.nested, c.others} {
		c.wg.Go(func() {
			for {
				select {
				case <-c.stop:
					return
				default:
					work()
				}
			}
		})
	}
	return c
}

func (c *snapshotChurn) end() error {
	close(c.stop)
	c.wg.Wait()
	return c.scope.Shutdown(context.Background())
}

// tasks keeps some tasks live, and lets them end in all ways.
func (c *snapshotChurn) tasks() {
	release := make(chan struct{})
	var handles []*scope.Task
	for i := range 20 {
		name := "task-" + strconv.Itoa(i)
		handles = append(handles, c.scope.Go(name, func(ctx context.Context) error {
			scope.Describe(ctx, func() any { return i })
			<-release
			switch i % 4 {
			case 0:
				return errors.New("boom")
			case 1:
				panic("aua")
			case 2:
				return ctx.Err()
			default:
				return nil
			}
		}))
	}
	handles[2].Cancel(nil)
	close(release)
	for _, h := range handles {
		<-h.Done()
	}
}

// nested has a task open a scope, which is cancelled from outside while it is
// being opened, or which ends by itself.
func (c *snapshotChurn) nested() {
	task := c.scope.Go("nesting", func(ctx context.Context) error {
		return scope.Run(ctx, func(ctx context.Context, s *scope.Scope) error {
			s.Defer("defer", func(context.Context) error { return nil })
			s.Go("inner", func(ctx context.Context) error { return ctx.Err() })
			in := scope.Open(ctx, scope.Name("object"))
			in.Go("innermost", func(ctx context.Context) error { return ctx.Err() })
			return ctx.Err()
		}, scope.Name("nested"), scope.Timeout(time.Hour))
	})
	task.Cancel(nil)
	<-task.Done()
}

// others uses the rest of the verbs, in a scope of its own beside the tasks.
func (c *snapshotChurn) others() {
	ctx := context.Background()
	s := scope.OpenSupervised(ctx, scope.Name("root"), scope.OnFailure(scope.Ignore))
	s.Daemon("daemon", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
	s.Defer("defer", func(ctx context.Context) error { return ctx.Err() })
	_, err := s.Start(ctx, "start", func(_ context.Context, ready func()) error {
		ready()
		return nil
	})
	f := scope.Async(s, "async", func(ctx context.Context) (int, error) { return 1, ctx.Err() })
	_, err2 := f.Wait(ctx)
	err3 := c.scope.Do(ctx, "do", func(ctx context.Context) error { return ctx.Err() })
	if err := errors.Join(err, err2, err3, s.Drain(ctx)); err != nil {
		panic(err)
	}
}

// Row 158: the counts are of one moment and add up, at any time.
func TestSnapshots_CountsAddUp(t *testing.T) {
	churn := startChurn(context.Background())
	var last uint64
	for range snapshotRounds() * 10 {
		info := churn.scope.Info()
		c := info.Counts
		sum := uint64(c.Live) + uint64(c.Daemons) + c.OK + c.Failed + c.Panicked + c.Cancelled
		if sum != c.Started || c.Live < 0 || c.Daemons < 0 || c.Started < last {
			t.Fatalf("Counts = %+v add up to %d, want Started, no less than %d", c, sum, last)
		}
		last = c.Started
		if info.State != "open" || info.Policy != "supervised" || info.Age < 0 {
			t.Fatalf("Info() = %+v, want an open, supervised scope", info)
		}
	}
	for c := churn.scope.Info().Counts; c.Cancelled == 0 || c.Panicked == 0; {
		runtime.Gosched() // until each end has been seen
		c = churn.scope.Info().Counts
	}
	if err := churn.end(); err != nil {
		t.Errorf("Shutdown() = %v, want nil", err)
	}
	c := churn.scope.Info().Counts
	if c.Live != 0 || c.Failed == 0 || c.Panicked == 0 || c.Cancelled == 0 || c.OK == 0 {
		t.Errorf("Counts = %+v, want none live, and some of each end", c)
	}
}

// Row 158: what calls the handler for the scope itself is no task of anybody's.
func TestSnapshots_CountsAddUpWhileTheScopeReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c scope.Counts
		s := scope.OpenSupervised(t.Context(), scope.Grace(time.Minute), scope.OnFailure(
			func(ctx context.Context, _ *scope.Failure) { c = scope.From(ctx).Info().Counts }))
		s.Go("slow", func(context.Context) error { time.Sleep(time.Hour); return nil })
		_ = s.Shutdown(t.Context())
		if c.Live != 1 || c.Daemons != 0 || c.Started != 1 {
			t.Errorf("in the handler Counts = %+v, want 1 task live and started", c)
		}
	})
}

// Row 158: under churn each task is listed at most once, oldest first, those
// that live all the while exactly once, and each can be asked for its Info.
func TestSnapshots_TasksAreListedOnce(t *testing.T) {
	const steady = 600 // more than the list is read in one go
	churn := startChurn(context.Background())
	release := make(chan struct{})
	for range steady {
		churn.scope.Go("steady", func(context.Context) error { <-release; return nil })
	}
	for range snapshotRounds() / 10 {
		if found := snapshotList(t, churn.scope); found != steady {
			t.Fatalf("Tasks() has %d of the %d tasks that live all the while", found, steady)
		}
	}
	close(release)
	if err := churn.end(); err != nil {
		t.Errorf("Shutdown() = %v, want nil", err)
	}
	if tasks := churn.scope.Tasks(); len(tasks) > 0 {
		t.Errorf("Tasks() of an ended scope = %v, want none", tasks)
	}
}

// snapshotList checks one list of tasks and returns how many steady ones it has.
func snapshotList(t *testing.T, s *scope.Scope) (steady int) {
	t.Helper()
	last := 0
	for _, task := range s.Tasks() {
		info := task.Info()
		if info.Name == "steady" {
			steady++
		}
		number := snapshotNumber(t, info)
		if number <= last {
			t.Fatalf("task %d is listed behind %d, want oldest first, each once", number, last)
		}
		last = number
		if info.Path != "churn/"+info.Name || info.Age < 0 || info.Site == "" {
			t.Fatalf("Info() = %+v, want a path, an age and a site", info)
		}
	}
	return steady
}

// snapshotNumber returns the number of a task in its scope.
func snapshotNumber(t *testing.T, info scope.TaskInfo) int {
	t.Helper()
	_, number, _ := strings.Cut(info.ID, ".")
	n, err := strconv.Atoi(number)
	if err != nil {
		t.Fatalf("ID = %q, want scope and number", info.ID)
	}
	return n
}

// Row 158: the whole tree can be walked while scopes come and go in it, by many
// at once; each scope and task is found at most once.
func TestSnapshots_TreeIsWalkedDuringChurn(t *testing.T) {
	ctx := context.Background()
	err := scope.Supervise(ctx, func(ctx context.Context, s *scope.Scope) error {
		churn := startChurn(ctx)
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				for range snapshotRounds() / 10 {
					seen := snapshotWalkAll(t)
					if !seen[s.Info().ID] || !seen[churn.scope.Info().ID] {
						t.Errorf("the walk has missed the root or the scope below it: %v", seen)
					}
				}
			})
		}
		wg.Wait()
		return churn.end()
	}, scope.Name("walked"))
	if err != nil {
		t.Errorf("Supervise() = %v, want nil", err)
	}
}

// snapshotWalkAll walks the trees of all roots and returns what it has seen.
func snapshotWalkAll(t *testing.T) map[string]bool {
	t.Helper()
	seen := map[string]bool{}
	for _, root := range scope.Roots() {
		snapshotWalk(t, root, seen)
	}
	return seen
}

// snapshotWalk visits what is below s and fails if something is there twice.
func snapshotWalk(t *testing.T, s *scope.Scope, seen map[string]bool) {
	t.Helper()
	visit := func(id string) {
		t.Helper()
		if seen[id] {
			t.Errorf("%s was found twice in one walk", id)
		}
		seen[id] = true
	}
	visit(s.Info().ID)
	for _, inner := range s.Scopes() {
		snapshotWalk(t, inner, seen)
	}
	for _, task := range s.Tasks() {
		visit(task.Info().ID)
		for _, inner := range task.Scopes() {
			snapshotWalk(t, inner, seen)
		}
	}
}

// Row 160: all live scopes can be enumerated: nested ones below their parents,
// oldest first.
func TestSnapshots_ScopesAreEnumerated(t *testing.T) {
	ctx := context.Background()
	var got []string
	var walk func(s *scope.Scope)
	walk = func(s *scope.Scope) {
		got = append(got, s.Info().Path)
		for _, inner := range s.Scopes() {
			walk(inner)
		}
		for _, task := range s.Tasks() {
			for _, inner := range task.Scopes() {
				walk(inner)
			}
		}
	}
	err := scope.Run(ctx, func(ctx context.Context, root *scope.Scope) error {
		first := scope.Open(ctx, scope.Name("first"))
		second := scope.OpenSupervised(ctx, scope.Name("second"))
		err := first.Do(ctx, "task", func(ctx context.Context) error {
			return scope.Run(ctx, func(context.Context, *scope.Scope) error {
				walk(root)
				return nil
			}, scope.Name("inner"))
		})
		return errors.Join(err, first.Shutdown(ctx), second.Shutdown(ctx))
	}, scope.Name("root"))
	want := []string{"root", "root/first", "root/first/task/inner", "root/second"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("scopes = %v, Run() = %v, want %v", got, err, want)
	}
}

// Row 158: introspection works while a task refuses to stop, while a handler
// blocks, and during Shutdown. In a bubble a lock that is held would stop time,
// and the test.
func TestSnapshots_WhileThingsAreStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		release := make(chan struct{})
		s := scope.OpenSupervised(ctx, scope.Name("s"),
			scope.OnFailure(func(context.Context, *scope.Failure) { <-release }))
		s.Go("stubborn", func(context.Context) error { <-release; return nil })
		s.Go("failed", func(context.Context) error { return errors.New("boom") })
		s.Daemon("daemon", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		nested := make(chan *scope.Scope, 1)
		s.Go("nesting", func(ctx context.Context) error {
			return scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
				nested <- s
				<-release
				return nil
			}, scope.Name("nested"))
		})
		synctest.Wait()
		snapshotIs(t, s, "open", "stubborn running", "failed running", "daemon running",
			"nesting running")
		over := make(chan error, 1)
		go func() { over <- s.Shutdown(ctx) }()
		synctest.Wait()
		snapshotIs(t, s, "closing", "stubborn cancelling", "failed cancelling",
			"nesting cancelling")
		if got := (<-nested).Info().State; got != "closing" {
			t.Errorf("State of the nested scope = %s, want closing", got)
		}
		close(release)
		if err := <-over; err != nil {
			t.Errorf("Shutdown() = %v, want nil", err)
		}
		snapshotIs(t, s, "ended")
	})
}

// snapshotIs checks the state of s and those of its tasks.
func snapshotIs(t *testing.T, s *scope.Scope, state string, tasks ...string) {
	t.Helper()
	var got []string
	for _, task := range s.Tasks() {
		info := task.Info()
		got = append(got, info.Name+" "+info.State)
	}
	if info := s.Info(); info.State != state || !slices.Equal(got, tasks) {
		t.Errorf("scope is %s with %q, want %s with %q", info.State, got, state, tasks)
	}
}

// A look tells what still works from what only waits for something in it.
func TestInfo_Completing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		held := func(ctx context.Context) error { <-release; return ctx.Err() }
		var lexical *scope.Scope
		go func() {
			_ = scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
				lexical = s
				s.Go("held", held)
				if got := s.Info().State; got != "open" {
					t.Errorf("in the body the scope is %q, want open", got)
				}
				return nil
			})
		}()
		s := scope.Open(t.Context())
		task := s.Go("leaves a scope", func(ctx context.Context) error {
			scope.Open(ctx).Go("held", held)
			return nil
		})
		synctest.Wait()
		if got := lexical.Info().State; got != "completing" {
			t.Errorf("without its body the scope is %q, want completing", got)
		}
		if got := task.Info(); got.State != "completing" || got.Cause != nil {
			t.Errorf("the task is %q because of %v, want completing, nil", got.State, got.Cause)
		}
		stop := errors.New("stop")
		task.Cancel(stop)
		if got := task.Info(); got.State != "completing" || got.Cancelled.IsZero() {
			t.Errorf("the cancelled task is %q since %v, want completing, now",
				got.State, got.Cancelled)
		}
		close(release)
		if err := s.Shutdown(t.Context()); err != nil || task.Info().State != "ok" {
			t.Errorf("Shutdown() = %v, the task is %q; want nil, ok", err, task.Info().State)
		}
	})
}

// Scopes are listed in several lists, so that processors need not wait for each
// other; nobody sees that.
func TestRoots_OldestFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var all sync.WaitGroup
		var want []string
		for i := range 60 {
			name := "root " + strconv.Itoa(i)
			want = append(want, name)
			body := func(ctx context.Context, _ *scope.Scope) error { <-release; return ctx.Err() }
			if i%3 == 0 {
				defer func(s *scope.Scope) { _ = s.Shutdown(t.Context()) }(
					scope.Open(t.Context(), scope.Name(name)))
			} else {
				all.Go(func() { _ = scope.Run(t.Context(), body, scope.Name(name)) })
			}
			time.Sleep(time.Millisecond)
		}
		var got []string
		ids := map[string]bool{}
		for _, s := range scope.Roots() {
			if info := s.Info(); strings.HasPrefix(info.Name, "root ") {
				got = append(got, info.Name)
				ids[info.ID] = true
			}
		}
		if !slices.Equal(got, want) || len(ids) != len(want) {
			t.Errorf("Roots() = %q with %d IDs, want %q, each with its own", got, len(ids), want)
		}
		close(release)
		all.Wait()
	})
}

// What a task says of itself is asked for at each look, and a panic in there is
// the answer.
func TestDescribe_IsAskedAtEachLook(t *testing.T) {
	s := scope.OpenSupervised(t.Context())
	steps := make(chan func(context.Context))
	task := s.Go("tells", func(ctx context.Context) error {
		for step := range steps {
			step(ctx)
		}
		return nil
	})
	do := func(step func(context.Context)) { // and the step before is over
		steps <- step
		steps <- func(context.Context) {}
	}
	if got := task.Info().Detail; got != nil {
		t.Errorf("Detail = %v before Describe, want nil", got)
	}
	asked := 0
	do(func(ctx context.Context) {
		scope.Describe(ctx, func() any { asked++; return asked })
	})
	for want := 1; want <= 2; want++ {
		if got := task.Info().Detail; got != want {
			t.Errorf("Detail = %v, want %d", got, want)
		}
	}
	do(func(ctx context.Context) { scope.Describe(ctx, func() any { panic(errBoom) }) })
	if p, ok := task.Info().Detail.(*scope.PanicError); !ok || p.Value != errBoom {
		t.Errorf("Detail = %v, want the panic with %v", task.Info().Detail, errBoom)
	}
	close(steps)
	if err := s.Drain(t.Context()); err != nil {
		t.Errorf("Drain() = %v, want nil", err)
	}
}

// In whatever order scopes end, those that are left are listed, oldest first.
func TestScopes_EndInAnyOrder(t *testing.T) {
	for name, list := range map[string]func(*scope.Task) []*scope.Scope{
		"Roots":       func(*scope.Task) []*scope.Scope { return scope.Roots() },
		"Task.Scopes": (*scope.Task).Scopes,
	} {
		t.Run(name, func(t *testing.T) {
			for _, order := range permutations([]int{0, 1, 2, 3}) {
				synctest.Test(t, func(t *testing.T) {
					if name == "Roots" {
						snapshotEnds(t, t.Context(), order, list)
						return
					}
					s := scope.Open(t.Context())
					defer func() { _ = s.Shutdown(t.Context()) }()
					<-s.Go("holder", func(ctx context.Context) error {
						snapshotEnds(t, ctx, order, list)
						return nil
					}).Done()
				})
			}
		})
	}
}

// snapshotEnds opens scopes with ctx, ends them in the given order, and compares
// what list says after each.
func snapshotEnds(
	t *testing.T, ctx context.Context, order []int, list func(*scope.Task) []*scope.Scope,
) {
	t.Helper()
	var left []string
	release := map[string]chan struct{}{}
	for i := range order {
		name, ch := "one of them "+strconv.Itoa(i), make(chan struct{})
		left, release[name] = append(left, name), ch
		go func() {
			_ = scope.Run(ctx, func(context.Context, *scope.Scope) error { <-ch; return nil },
				scope.Name(name))
		}()
		time.Sleep(time.Millisecond) // Roots sorts by age
	}
	for _, i := range order {
		name := "one of them " + strconv.Itoa(i)
		close(release[name])
		synctest.Wait()
		left = slices.DeleteFunc(left, func(other string) bool { return other == name })
		var got []string
		for _, s := range list(scope.TaskFrom(ctx)) {
			if info := s.Info(); strings.HasPrefix(info.Name, "one of them ") {
				got = append(got, info.Name)
			}
		}
		if !slices.Equal(got, left) {
			t.Fatalf("order %v, after the end of %d: %q are left, want %q", order, i, got, left)
		}
	}
}

func permutations(of []int) [][]int {
	if len(of) == 0 {
		return [][]int{nil}
	}
	var all [][]int
	for i, first := range of {
		rest := slices.Concat(of[:i], of[i+1:])
		for _, order := range permutations(rest) {
			all = append(all, append([]int{first}, order...))
		}
	}
	return all
}

// A walk through a long list goes on where it was, although the tasks on both
// sides of that place end meanwhile, and new ones are started.
func TestScope_WalkKeepsItsPlace(t *testing.T) {
	const n = 1000
	s := scope.OpenSupervised(t.Context())
	release := make([]chan struct{}, n)
	tasks := make([]*scope.Task, n)
	for i := range tasks {
		release[i] = make(chan struct{})
		tasks[i] = s.Go("", func(context.Context) error { <-release[i]; return nil })
	}
	end := func(i int) {
		close(release[i])
		<-tasks[i].Done()
	}
	ended := map[*scope.Task]bool{}
	got := s.WalkAnd(func(read []*scope.Task) {
		place := len(read) + len(ended) // the first that is not read yet
		end(place - 1)
		for i := place; i < min(place+2, n); i++ {
			end(i)
			ended[tasks[i]] = true
		}
		s.Go("new", func(context.Context) error { return nil })
	})
	seen := map[*scope.Task]int{}
	for _, task := range got {
		seen[task]++
	}
	for i, task := range tasks {
		if want := map[bool]int{false: 1, true: 0}[ended[task]]; seen[task] != want {
			t.Errorf("task %d was visited %d times, want %d", i, seen[task], want)
		}
		select {
		case <-release[i]:
		default:
			close(release[i])
		}
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown() = %v, want nil", err)
	}
}
