package supervisor_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"
	"weak"

	"github.com/supervisorscope/scope"
	sup "github.com/supervisorscope/scope/supervisor"
)

// These tests run outside of a bubble, since they look at the heap and the
// clock.

// background runs a supervisor or a pool until the test ends.
func background(t *testing.T, run func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(bg)
	up, done := make(chan struct{}), make(chan error, 1)
	go func() {
		done <- scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
			s.Go("sup", run)
			close(up)
			return nil
		}, scope.OnFailure(scope.Ignore))
	}()
	<-up
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run() = %v", err)
		}
	})
}

// admitted calls add until the supervisor runs.
func admitted(t *testing.T, add func() error) {
	t.Helper()
	err := add()
	for errors.Is(err, sup.ErrNotRunning) {
		runtime.Gosched()
		err = add()
	}
	if err != nil {
		t.Fatal(err)
	}
}

type ballast [1 << 16]byte

// collected reports whether what p points to is collected, soon.
func collected(p weak.Pointer[ballast]) bool {
	for range 100 {
		runtime.GC()
		if p.Value() == nil {
			return true
		}
		runtime.Gosched()
	}
	return false
}

// loaded returns a function that holds a ballast until it has begun, and a
// weak pointer to that.
func loaded(begun chan<- struct{}) (func(context.Context) error, weak.Pointer[ballast]) {
	b := &ballast{}
	return func(ctx context.Context) error {
		b[0]++
		begun <- struct{}{}
		<-ctx.Done()
		return nil
	}, weak.Make(b)
}

// What a temporary child was started with is not kept while it runs.
func TestOTP_simple_one_for_one_corruption(t *testing.T) {
	p, err := sup.NewPool(sup.Spec{}, sup.Options{})
	if err != nil {
		t.Fatal(err)
	}
	background(t, p.Run)
	begun := make(chan struct{}, 1)
	var all []weak.Pointer[ballast]
	for range 20 {
		run, w := loaded(begun)
		all = append(all, w)
		admitted(t, func() error { return p.Add(bg, "", run) })
		<-begun
	}
	for i, w := range all {
		if !collected(w) {
			t.Fatalf("child %d is kept with what it was started with", i)
		}
	}
	if n := p.Info().Active; n != 20 {
		t.Errorf("%d children live, want 20", n)
	}
}

func TestOTP_do_not_save_start_parameters_for_temporary_children(t *testing.T) {
	for _, strategy := range strategies {
		t.Run(strategy.String(), func(t *testing.T) {
			s, err := sup.New(nil, sup.Options{Strategy: strategy})
			if err != nil {
				t.Fatal(err)
			}
			background(t, s.Run)
			begun := make(chan struct{}, 1)
			for _, r := range []sup.RestartType{sup.Temporary, sup.Transient} {
				run, w := loaded(begun)
				admitted(t, func() error {
					return s.Add(bg, sup.Spec{Name: r.String(), Run: run, Restart: r})
				})
				<-begun
				// That of a transient child shows that the test can fail.
				if got, want := collected(w), r == sup.Temporary; got != want {
					t.Errorf("the function of a %v child is collected: %v, want %v", r, got, want)
				}
			}
		})
	}
	t.Run("simple_one_for_one", TestOTP_simple_one_for_one_corruption)
}

// However a temporary child ends, its spec goes with it.
func TestOTP_do_not_save_child_specs_for_temporary_children(t *testing.T) {
	ways := exitWays()
	delete(ways, "goexit")
	for _, strategy := range strategies {
		for way, exit := range ways {
			t.Run(strategy.String()+"/"+way, func(t *testing.T) {
				inBubble(t, func(l *lab) {
					l.run(l.specs("keep"), sup.Options{Strategy: strategy})
					for range 10 {
						l.ok(l.s.Add(bg, l.spec("a", restart(sup.Temporary))))
						exit(l, "a")
						l.count(1, 1, 0, 1)
					}
				})
			})
		}
	}
}

// scale measures f for 1000 and for a larger number, and fails if the larger takes
// more than limit times as long. It takes the best of a few tries: the machine has
// other things to do.
func scale(t *testing.T, large int, limit float64, f func(n int) time.Duration) {
	t.Helper()
	if testing.Short() {
		t.Skip("measures time")
	}
	const small = 1000
	best := 0.0
	for range 5 {
		few, many := f(small), f(large)
		ratio := float64(many) / float64(max(few, 100*time.Microsecond))
		t.Logf("%d: %v, %d: %v, ratio %.1f", small, few, large, many, ratio)
		if best == 0 || ratio < best {
			best = ratio
		}
		if best <= limit {
			return
		}
	}
	t.Errorf("%d take %.1f times as long as %d, want at most %.0f", large, best, small, limit)
}

func TestOTP_simple_one_for_one_scale_many_temporary_children(t *testing.T) {
	scale(t, 10_000, 50, func(n int) time.Duration {
		p, err := sup.NewPool(sup.Spec{}, sup.Options{})
		if err != nil {
			t.Fatal(err)
		}
		background(t, p.Run)
		for i := range n {
			admitted(t, func() error {
				return p.TryAdd(bg, fmt.Sprint(i), untilDone)
			})
		}
		begun := time.Now()
		for i := range n {
			if err := p.Remove(bg, fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
		}
		return time.Since(begun)
	})
}

// OTP's own has 100,000 children, which take too long for every run: with
// SCOPE_TEST_CHILDREN=100000 this one has, too.
func TestOTP_scale_start_stop_many_children(t *testing.T) {
	large := 10_000
	if n, err := strconv.Atoi(os.Getenv("SCOPE_TEST_CHILDREN")); err == nil {
		large = n
	}
	const slack = 10
	scale(t, large, slack*float64(large)/1000, func(n int) time.Duration {
		var specs []sup.Spec
		for i := range n {
			specs = append(specs, sup.Spec{Name: fmt.Sprint(i), Run: untilDone})
		}
		s, err := sup.New(specs, sup.Options{Total: sup.Infinity})
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		ctx, cancel := context.WithCancel(bg)
		defer cancel()
		err = scope.Run(ctx, func(ctx context.Context, _ *scope.Scope) error {
			return s.Start(ctx, cancel)
		})
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		return time.Since(begun)
	})
}

// The text of reports: one line, names the child, bounded in number and size.
func TestOTP_format_log_1(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.run([]sup.Spec{l.spec("a"), l.spec("b", burst(0, time.Hour))}, sup.Options{})
		l.end("a", boom)
		l.end("a", ok)
		time.Sleep(30 * time.Second)
		l.end("b", boom)
		l.is(l.ended(), errBoom)
		want := []string{
			`task "lab/a/run": boom`,
			`task "lab/a/run": supervisor: permanent child returned without an error`,
			`task "lab/b/run": boom`,
		}
		for i, f := range l.failures {
			if i >= len(want) || f.Error() != want[i] {
				t.Errorf("report %d is %q", i, f.Error())
			}
		}
		const text = `supervisor: child "b": 1 restart in 0s, limit 0 in 1h0m0s: ` +
			`task "lab/b/run": boom`
		if got := l.err.Error(); got != text {
			t.Errorf("Run() = %q, want %q", got, text)
		}
	})
}

// A crowd of children with the same failure is reported as one, with their
// number.
func TestOTP_format_log_2(t *testing.T) {
	inBubble(t, func(l *lab) {
		p := l.pool(sup.Spec{}, sup.Options{})
		var crash sync.WaitGroup
		crash.Add(1)
		for range 1000 {
			l.ok(p.Add(bg, "", func(context.Context) error {
				crash.Wait()
				return errBoom
			}))
		}
		crash.Done()
		l.count1000(p)
		n := l.told()
		l.ok(l.stop())
		if n != 5+7 || l.told() != n+1 { // 1 to 5, 8, 16, … 512; the rest at the end
			t.Errorf("%d reports, %d with the end", n, l.told())
		}
		var last *sup.RepeatedError
		if f := l.failures[len(l.failures)-1]; !errors.As(f.Err, &last) {
			t.Fatalf("the last report is %v", f)
		}
		if last.Failures != 1000 || last.New != 1000-512 {
			t.Errorf("the last report is %+v", last)
		}
		const text = "supervisor: 488 more failures since 00:00:00, 1000 in all, the last: boom"
		if got := last.Error(); got != text {
			t.Errorf("text is %q, want %q", got, text)
		}
	})
}

// count1000 waits until all children of a pool are gone.
func (l *lab) count1000(p *sup.Pool) {
	l.t.Helper()
	l.told()
	if n := p.Info().Specs; n != 0 {
		l.t.Errorf("%d children left", n)
	}
}
