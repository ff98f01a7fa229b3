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

// A logbook notes what happens, in order.
type logbook struct {
	mu      sync.Mutex
	entries []string
}

func (l *logbook) note(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = append(l.entries, fmt.Sprintf(format, args...))
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.entries, " ")
}

// Row 124.
func TestNested_FailureStaysInside(t *testing.T) {
	inner := map[string]func(ctx context.Context) error{
		"supervised": func(ctx context.Context) error {
			return scope.Supervise(ctx, func(_ context.Context, s *scope.Scope) error {
				s.Go("victim", give(errDisk))
				return nil
			}, scope.OnFailure(scope.Ignore))
		},
		"fail-fast": func(ctx context.Context) error {
			err := scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
				s.Go("victim", give(errDisk))
				s.Go("inner sibling", obedient)
				return nil
			})
			if !errors.Is(err, errDisk) {
				return fmt.Errorf("Run() = %w, want %w", err, errDisk)
			}
			return nil
		},
		"long-lived": func(ctx context.Context) error {
			s := scope.OpenSupervised(ctx, scope.OnFailure(scope.Ignore))
			s.Go("victim", give(errDisk))
			return s.Drain(context.WithoutCancel(ctx))
		},
	}
	for name, f := range inner {
		inAnyScope(t, func(t *trial) {
			ctx, s, in := t.ctx, t.s, t.in
			sibling := s.Go("sibling", obedient)
			task := s.Go("outer", f)
			<-task.Done()
			synctest.Wait()
			if task.Err() != nil || !runs(sibling) || ctx.Err() != nil {
				t.Errorf("%s: outer task %v, its sibling %v, body %v; want nil, ErrRunning, nil",
					name, task.Err(), sibling.Err(), ctx.Err())
			}
			if s.Info().State != "open" || len(in.failures()) > 0 {
				t.Errorf("%s: outer scope is %s, handler got %v",
					name, s.Info().State, in.failures())
			}
		})
	}
}

// A place is a context somewhere in a tree of scopes.
type place struct {
	name string
	ctx  context.Context
}

// plant nests a scope of each form in one another, to the given depth, and sends
// the context of every body and task; all wait until they are cancelled.
func plant(ctx context.Context, depth int, places chan<- place) error {
	if depth == 0 {
		places <- place{name: "leaf", ctx: ctx}
		return obedient(ctx)
	}
	long := scope.Open(ctx)
	long.Go("long-lived", func(ctx context.Context) error {
		places <- place{name: fmt.Sprint("long-lived ", depth), ctx: ctx}
		return obedient(ctx)
	})
	derived, cancel := context.WithTimeout(context.WithValue(ctx, &depth, 1), 24*time.Hour)
	defer cancel()
	return scope.Supervise(derived, func(ctx context.Context, s *scope.Scope) error {
		places <- place{name: fmt.Sprint("body ", depth), ctx: ctx}
		s.Go("inner", func(ctx context.Context) error {
			places <- place{name: fmt.Sprint("task ", depth), ctx: ctx}
			return plant(ctx, depth-1, places)
		})
		return obedient(ctx)
	})
}

// Row 125.
func TestNested_OuterCancelReachesAll(t *testing.T) {
	const depth = 10
	synctest.Test(t, func(t *testing.T) {
		places := make(chan place, 3*depth+1)
		s := scope.OpenSupervised(t.Context(), scope.OnFailure(
			func(_ context.Context, f *scope.Failure) { t.Errorf("handler got %v", f) }))
		outer := s.Go("outer", func(ctx context.Context) error { return plant(ctx, depth, places) })
		synctest.Wait()
		s.Cancel(errDisk)
		for range cap(places) {
			p := <-places
			if p.ctx.Err() == nil || !errors.Is(context.Cause(p.ctx), errDisk) {
				t.Errorf("%s: Err() = %v, Cause() = %v after Cancel, want Canceled, %v",
					p.name, p.ctx.Err(), context.Cause(p.ctx), errDisk)
			}
		}
		<-outer.Done()
		if !errors.Is(outer.Err(), scope.ErrCancelled) || len(outer.Scopes()) > 0 {
			t.Errorf("outer ended with %v and scopes %v", outer.Err(), outer.Scopes())
		}
		if err := s.Wait(t.Context()); !errors.Is(err, errDisk) {
			t.Errorf("Wait() = %v, want %v", err, errDisk)
		}
	})
}

// Row 125. A task's own Cancel reaches the scopes below it, too, and no other.
func TestNested_TaskCancelReachesAllBelow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		places := make(chan place, 7)
		s := scope.OpenSupervised(t.Context())
		outer := s.Go("outer", func(ctx context.Context) error { return plant(ctx, 2, places) })
		sibling := s.Go("sibling", func(ctx context.Context) error {
			return plant(ctx, 0, make(chan place, 1))
		})
		synctest.Wait()
		outer.Cancel(errDisk)
		for range cap(places) {
			if p := <-places; p.ctx.Err() == nil || !errors.Is(context.Cause(p.ctx), errDisk) {
				t.Errorf("%s: Err() = %v, Cause() = %v", p.name, p.ctx.Err(), context.Cause(p.ctx))
			}
		}
		<-outer.Done()
		synctest.Wait()
		if !runs(sibling) {
			t.Errorf("sibling has ended with %v", sibling.Err())
		}
		_ = s.Shutdown(t.Context())
	})
}

// Row 126.
func TestNested_InnerCancelStaysInside(t *testing.T) {
	for _, cause := range []error{nil, errDisk} {
		inAnyScope(t, func(t *trial) {
			outer := t.s.Go("outer", func(ctx context.Context) error {
				err := scope.Run(ctx, func(inner context.Context, s *scope.Scope) error {
					s.Go("inner", obedient)
					s.Cancel(cause)
					return obedient(inner)
				})
				if fmt.Sprint(err) != fmt.Sprint(cause) {
					t.Errorf("Run() = %v, want %v", err, cause)
				}
				return ctx.Err()
			})
			<-outer.Done()
			if outer.Err() != nil || t.ctx.Err() != nil || t.s.Info().State != "open" {
				t.Errorf("outer task %v, body %v, scope %s; want nil, nil, open",
					outer.Err(), t.ctx.Err(), t.s.Info().State)
			}
			if got := t.in.failures(); len(got) > 0 {
				t.Errorf("handler got %v, want nothing", got)
			}
		})
	}
}

// Row 127. A long-lived scope opened with a task's context ends with the task.
func TestNested_TaskWaitsForTheScopesItOpened(t *testing.T) {
	derive := map[string]func(context.Context) (context.Context, context.CancelFunc){
		"own": func(ctx context.Context) (context.Context, context.CancelFunc) {
			return ctx, func() {}
		},
		"value": func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithValue(ctx, t, 1), func() {}
		},
		"cancel": context.WithCancel,
		"timeout": func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, 24*time.Hour)
		},
	}
	for name, derived := range derive {
		inAnyScope(t, func(t *trial) {
			s, in := t.s, t.in
			var inner *scope.Task
			outer := s.Go("outer", func(ctx context.Context) error {
				ctx, cancel := derived(ctx)
				t.Cleanup(cancel)
				inner = scope.OpenSupervised(ctx).Go("inner", stopsIn(time.Hour, nil))
				synctest.Wait()
				return nil
			})
			<-outer.Done()
			if err := inner.Err(); err != nil {
				t.Errorf("%s: the task is over, its scope's task has %v, want nil", name, err)
			}
			if outer.Err() != nil || len(in.failures()) > 0 {
				t.Errorf("%s: outer task %v, handler got %v", name, outer.Err(), in.failures())
			}
		})
	}
}

// Row 127. A failure below that nobody asked for goes to the handler.
func TestNested_FailureOfAnOpenedScopeIsNotLost(t *testing.T) {
	inAnyScope(t, func(t *trial) {
		s, in := t.s, t.in
		outer := s.Go("outer", func(ctx context.Context) error {
			scope.Open(ctx).Go("inner", stopsIn(time.Hour, errDisk))
			synctest.Wait()
			return nil
		})
		<-outer.Done()
		synctest.Wait()
		if got := in.failures(); len(got) != 1 || !errors.Is(got[0], errDisk) {
			t.Errorf("handler got %v, want the failure of inner", got)
		}
		if outer.Err() != nil || s.Info().State != "open" {
			t.Errorf("outer task %v, scope %s; want nil, open", outer.Err(), s.Info().State)
		}
	})
}

// Row 127. The scopes are cancelled together: one may be waiting for the other.
func TestNested_EndOfATaskCancelsItsScopesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := scope.OpenSupervised(t.Context())
		outer := s.Go("outer", func(ctx context.Context) error {
			reader, writer := scope.Open(ctx), scope.Open(ctx)
			written := writer.Go("write", obedient)
			reader.Go("read", func(ctx context.Context) error {
				<-ctx.Done()
				return written.Wait(context.WithoutCancel(ctx))
			})
			return nil
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := outer.Wait(ctx); err != nil {
			t.Errorf("Wait() = %v; the scopes wait for each other", err)
			s.Cancel(nil) // frees them
		}
		_ = s.Shutdown(t.Context())
	})
}

// Row 127. What ends the scopes is the end of the task, not a cancellation.
func TestNested_EndedTaskShowsNoCause(t *testing.T) {
	inAnyScope(t, func(t *trial) {
		outer := t.s.Go("outer", func(ctx context.Context) error {
			scope.Open(context.WithValue(ctx, t, 1)).Go("inner", obedient)
			return nil
		})
		<-outer.Done()
		if info := outer.Info(); info.State != "ok" || info.Cause != nil {
			t.Errorf("ended task is %s with cause %v, want ok, nil", info.State, info.Cause)
		}
	})
}

// Row 127. A scope that is opened while its task ends is ended with it, or is
// closed from the start.
func TestNested_OpenRacesTheEndOfItsTask(t *testing.T) {
	s := scope.OpenSupervised(t.Context())
	var joined, closed int
	for i := range stressRounds(t) {
		opened, gate := make(chan *scope.Task, 1), make(chan struct{})
		outer := s.Go("", func(ctx context.Context) error {
			go func() {
				<-gate
				inner := scope.OpenSupervised(ctx, scope.OnFailure(scope.Ignore))
				opened <- inner.Go("", obedient)
			}()
			close(gate)
			for range i % 5 {
				runtime.Gosched()
			}
			return nil
		})
		<-outer.Done()
		below := <-opened
		<-below.Scope().Done()
		switch err := below.Err(); {
		case errors.Is(err, scope.ErrClosed):
			closed++
		case errors.Is(err, scope.ErrCancelled):
			joined++
		default:
			t.Fatalf("Err() of the task below = %v, want ErrClosed or ErrCancelled", err)
		}
	}
	if joined == 0 || closed == 0 {
		t.Errorf("%d scopes were ended, %d closed from the start, want some of both",
			joined, closed)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown() = %v, want nil", err)
	}
}

// Row 127. Who opens a scope with WithoutCancel takes it out of the task's care,
// whatever bound it is given.
func TestNested_WithoutCancelLeavesTheTask(t *testing.T) {
	open := map[string]func(context.Context) *scope.Scope{
		"plain": func(ctx context.Context) *scope.Scope { return scope.OpenSupervised(ctx) },
		"timeout": func(ctx context.Context) *scope.Scope {
			return scope.OpenSupervised(ctx, scope.Timeout(24*time.Hour))
		},
		"bounded context": func(ctx context.Context) *scope.Scope {
			ctx, cancel := context.WithTimeout(ctx, 24*time.Hour)
			context.AfterFunc(ctx, cancel)
			return scope.OpenSupervised(ctx)
		},
	}
	for name, open := range open {
		inAnyScope(t, func(t *trial) {
			s := t.s
			var inner *scope.Scope
			var below *scope.Task
			var waited error
			given := make(chan struct{})
			outer := s.Go("outer", func(ctx context.Context) error {
				inner = open(context.WithoutCancel(ctx))
				below = inner.Go("below", func(ctx context.Context) error {
					<-given
					return obedient(ctx)
				})
				return nil
			})
			<-outer.Done()
			waiter := inner.Go("waiter", func(ctx context.Context) error {
				waited = errors.Join(outer.Wait(ctx), s.Wait(ctx))
				return nil
			})
			<-waiter.Done()
			if waited != nil {
				t.Errorf("%s: waiting for the task and scope it left = %v, want nil", name, waited)
			}
			s.Cancel(nil)
			close(given)
			synctest.Wait()
			if !runs(below) || !slices.Contains(scope.Roots(), inner) {
				t.Errorf("%s: below has %v, roots are %v; want ErrRunning and the scope",
					name, below.Err(), scope.Roots())
			}
			if err := inner.Shutdown(t.Context()); err != nil {
				t.Errorf("%s: Shutdown() = %v, want nil", name, err)
			}
		})
	}
}

// Row 128.
func TestNested_InnerAndOuterCancelAreBothKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		outerCause := errors.New("outer")
		for _, innerCause := range []error{nil, errDisk} {
			var inner error
			outer := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
				s.Go("outer", func(ctx context.Context) error {
					inner = scope.Run(ctx, func(ctx context.Context, in *scope.Scope) error {
						in.Cancel(innerCause)
						s.Cancel(outerCause)
						return ctx.Err()
					})
					return inner
				})
				return nil
			})
			if !errors.Is(inner, outerCause) || innerCause != nil && !errors.Is(inner, innerCause) {
				t.Errorf("inner result = %v, want %v and %v", inner, innerCause, outerCause)
			}
			if !errors.Is(outer, outerCause) || innerCause != nil && !errors.Is(outer, innerCause) {
				t.Errorf("outer result = %v, want %v and %v", outer, innerCause, outerCause)
			}
		}
	})
}

// Row 128.
func TestNested_InnerCancelRacesOuterCancel(t *testing.T) {
	outerCause := errors.New("outer")
	var innerFirst int
	rounds := stressRounds(t)
	for i := range rounds {
		var inner error
		outer := scope.Run(context.Background(), func(_ context.Context, s *scope.Scope) error {
			gate := make(chan struct{})
			s.Go("outer", func(ctx context.Context) error {
				inner = scope.Run(ctx, func(_ context.Context, in *scope.Scope) error {
					close(gate)
					if i%2 == 0 {
						runtime.Gosched()
					}
					in.Cancel(errDisk)
					<-ctx.Done() // so that both come before the end
					return nil
				})
				return nil
			})
			<-gate
			s.Cancel(outerCause)
			return nil
		})
		if !errors.Is(outer, outerCause) || !errors.Is(inner, outerCause) {
			t.Fatalf("outer result %v, inner result %v, want %v in both", outer, inner, outerCause)
		}
		if errors.Is(inner, errDisk) {
			innerFirst++
		}
	}
	if innerFirst == 0 || innerFirst == rounds {
		t.Errorf("the inner Cancel came first %d times of %d, want some", innerFirst, rounds)
	}
}

// checkAmbient checks what ctx says of where it belongs to.
func checkAmbient(t *testing.T, ctx context.Context, s *scope.Scope, task string) {
	t.Helper()
	contexts := []context.Context{ctx, context.WithValue(ctx, t, 1), context.WithoutCancel(ctx)}
	for _, ctx := range contexts {
		if got := scope.From(ctx); got != s {
			t.Errorf("From(%v) = %p, want %p", ctx, got, s)
		}
		got := scope.TaskFrom(ctx)
		if task == "" && got != nil || task != "" && (got == nil || got.Name() != task ||
			got.Scope() != s) {
			t.Errorf("TaskFrom(%v) = %v, want %q", ctx, got, task)
		}
	}
}

// Row 129.
func TestFrom_FindsTheInnermost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		checkAmbient(t, t.Context(), nil, "")
		var s *scope.Scope
		in := func(name string, err error) func(context.Context) error {
			return func(ctx context.Context) error { checkAmbient(t, ctx, s, name); return err }
		}
		_ = scope.Supervise(t.Context(), func(ctx context.Context, scp *scope.Scope) error {
			s = scp
			checkAmbient(t, ctx, s, "")
			s.Go("task", in("task", errDisk))
			s.Daemon("daemon", in("daemon", nil))
			s.Defer("defer", in("defer", nil))
			_ = s.Do(t.Context(), "do", in("do", nil))
			future := scope.Async(s, "async", func(ctx context.Context) (int, error) {
				return 0, in("async", nil)(ctx)
			})
			_, _ = future.Wait(ctx)
			_, _ = s.Start(ctx, "start", func(ctx context.Context, ready func()) error {
				ready()
				return in("start", nil)(ctx)
			})
			s.Go("outer", func(ctx context.Context) error {
				return scope.Run(ctx, func(ctx context.Context, inner *scope.Scope) error {
					checkAmbient(t, ctx, inner, "")
					inner.Go("inner", func(ctx context.Context) error {
						checkAmbient(t, ctx, inner, "inner")
						return nil
					})
					return nil
				})
			})
			return nil
		}, scope.OnFailure(func(ctx context.Context, _ *scope.Failure) {
			checkAmbient(t, ctx, s, "task")
		}))
	})
}

// nestDefers opens a scope per level, each in a task of the one above, and notes
// the end of each task and of each deferred function.
func nestDefers(ctx context.Context, level, depth int, book *logbook) error {
	return scope.Supervise(ctx, func(ctx context.Context, s *scope.Scope) error {
		s.Defer("", func(context.Context) error { book.note("defer%d", level); return nil })
		s.Go("", func(ctx context.Context) error {
			f := obedient
			if level < depth {
				f = func(ctx context.Context) error { return nestDefers(ctx, level+1, depth, book) }
			}
			err := f(ctx)
			time.Sleep(time.Second)
			book.note("task%d", level)
			return err
		})
		return obedient(ctx)
	})
}

// Row 130.
func TestNested_ChildrenEndBeforeTheDefersAbove(t *testing.T) {
	for _, depth := range []int{10, 1000} {
		synctest.Test(t, func(t *testing.T) {
			var book logbook
			s := scope.OpenSupervised(t.Context(), scope.OnFailure(
				func(_ context.Context, f *scope.Failure) { t.Errorf("handler got %v", f) }))
			s.Go("outer", func(ctx context.Context) error {
				return nestDefers(ctx, 1, depth, &book)
			})
			synctest.Wait()
			if err := s.Shutdown(t.Context()); err != nil {
				t.Errorf("Shutdown() = %v, want nil", err)
			}
			var want logbook
			for level := depth; level > 0; level-- {
				want.note("task%d defer%d", level, level)
			}
			if got := book.String(); got != want.String() {
				t.Errorf("depth %d: order is %.200s…, want %.200s…", depth, got, want.String())
			}
		})
	}
}

// Row 130. The same for long-lived scopes that were opened with the body's
// context or a task's.
func TestNested_OpenedScopesEndBeforeTheDefersAbove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var book logbook
		open := func(ctx context.Context, name string) {
			s := scope.OpenSupervised(ctx)
			s.Defer("", func(context.Context) error { book.note("%s-defer", name); return nil })
			s.Go("", func(ctx context.Context) error {
				<-ctx.Done()
				time.Sleep(time.Hour)
				book.note("%s-task", name)
				return nil
			})
		}
		err := scope.Run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
			s.Defer("", func(context.Context) error { book.note("outer-defer"); return nil })
			open(ctx, "body")
			s.Go("", func(ctx context.Context) error { open(ctx, "inner"); return nil })
			return nil
		})
		const want = "inner-task inner-defer body-task body-defer outer-defer"
		if got := book.String(); err != nil || got != want {
			t.Errorf("Run() = %v, order is %s, want nil and %s", err, got, want)
		}
	})
}

// Row 127. A failure a thousand levels down comes up, each level ended.
func TestNested_FailureComesUpFromDeepBelow(t *testing.T) {
	var nest func(ctx context.Context, depth int) error
	nest = func(ctx context.Context, depth int) error {
		if depth == 0 {
			return errDisk
		}
		return scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
			s.Go("sibling", obedient)
			s.Go("inner", func(ctx context.Context) error { return nest(ctx, depth-1) })
			return nil
		})
	}
	synctest.Test(t, func(t *testing.T) {
		err := nest(t.Context(), 1000)
		depth := 0
		for f := (*scope.Failure)(nil); errors.As(err, &f); err = f.Err {
			depth++
		}
		if depth != 1000 || !errors.Is(err, errDisk) {
			t.Errorf("Run() = %d failures in each other, then %v; want 1000, %v",
				depth, err, errDisk)
		}
	})
}

// Row 131. What was opened later is closed first, if each is deferred where it
// is opened.
func TestNested_SiblingScopesCloseInDeclaredOrder(t *testing.T) {
	ends := map[string]func(s *scope.Scope) error{
		"return":  func(*scope.Scope) error { return nil },
		"failure": func(*scope.Scope) error { return errDisk },
		"Cancel":  func(s *scope.Scope) error { s.Cancel(nil); return nil },
	}
	for name, end := range ends {
		synctest.Test(t, func(t *testing.T) {
			var book logbook
			_ = scope.Run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
				for _, name := range []string{"A", "B", "C"} {
					sibling := scope.Open(context.WithoutCancel(ctx))
					s.Defer("close "+name, sibling.Shutdown)
					sibling.Go(name, func(ctx context.Context) error {
						<-ctx.Done()
						book.note("%s-asked", name)
						time.Sleep(time.Second)
						book.note("%s-ended", name)
						return nil
					})
				}
				synctest.Wait()
				return end(s)
			})
			const want = "C-asked C-ended B-asked B-ended A-asked A-ended"
			if got := book.String(); got != want {
				t.Errorf("%s: order is %s, want %s", name, got, want)
			}
		})
	}
}

// Row 132. A cancellation from above ends the body first if the services are in
// a scope around it that does not hear of it.
func TestNested_ServicesOutliveTheBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var book logbook
		ctx, cancel := context.WithCancelCause(t.Context())
		shielded := context.WithoutCancel(ctx)
		err := scope.Run(shielded, func(_ context.Context, services *scope.Scope) error {
			services.Daemon("database", func(ctx context.Context) error {
				<-ctx.Done()
				book.note("database-asked")
				return nil
			})
			return scope.Run(ctx, func(ctx context.Context, s *scope.Scope) error {
				s.Go("request", func(ctx context.Context) error {
					<-ctx.Done()
					time.Sleep(time.Hour)
					book.note("request-over")
					return ctx.Err()
				})
				synctest.Wait()
				cancel(errDisk)
				<-ctx.Done()
				book.note("body-over")
				return ctx.Err()
			})
		})
		const want = "body-over request-over database-asked"
		if got := book.String(); !errors.Is(err, errDisk) || got != want {
			t.Errorf("Run() = %v, order is %s; want %v, %s", err, got, errDisk, want)
		}
	})
}

// Rows 132 and 133.
func TestScope_DaemonEndsAfterBodyAndTasks(t *testing.T) {
	for _, run := range lexicals() {
		synctest.Test(t, func(t *testing.T) {
			var book logbook
			var daemon *scope.Task
			err := run(t.Context(), func(_ context.Context, s *scope.Scope) error {
				s.Defer("", func(context.Context) error { book.note("defer"); return nil })
				daemon = s.Daemon("daemon", func(ctx context.Context) error {
					<-ctx.Done()
					book.note("asked")
					time.Sleep(time.Hour)
					book.note("daemon")
					return ctx.Err()
				})
				s.Go("first", func(context.Context) error {
					time.Sleep(time.Second)
					s.Go("second", func(context.Context) error {
						time.Sleep(time.Second)
						book.note("tasks")
						return nil
					})
					return nil
				})
				book.note("body")
				return nil
			})
			const want = "body tasks asked daemon defer"
			if got := book.String(); err != nil || got != want {
				t.Errorf("result = %v, order is %s; want nil, %s", err, got, want)
			}
			if err := daemon.Err(); !errors.Is(err, scope.ErrCancelled) {
				t.Errorf("Err() of the daemon = %v, want ErrCancelled", err)
			}
		})
	}
}

// Row 133. In a long-lived scope daemons live until its end.
func TestScope_DaemonHoldsNoLongLivedScopeOpen(t *testing.T) {
	ends := map[string]func(s *scope.Scope, ctx context.Context) error{
		"Shutdown": (*scope.Scope).Shutdown, "Drain": (*scope.Scope).Drain,
	}
	for name, end := range ends {
		synctest.Test(t, func(t *testing.T) {
			s := scope.Open(t.Context())
			daemon := s.Daemon("daemon", obedient)
			s.Go("task", func(context.Context) error { time.Sleep(time.Second); return nil })
			start := time.Now()
			if err := s.Wait(t.Context()); err != nil || time.Since(start) != time.Second {
				t.Errorf("Wait() = %v after %v, want nil after 1s", err, time.Since(start))
			}
			synctest.Wait()
			if !runs(daemon) {
				t.Errorf("%s: the daemon ended with the last task: %v", name, daemon.Err())
			}
			if err := end(s, t.Context()); err != nil || runs(daemon) {
				t.Errorf("%s() = %v, the daemon has %v", name, err, daemon.Err())
			}
		})
	}
}

// Row 133. A daemon that fails, or stops before it is asked to, is a task like
// any other.
func TestScope_DaemonFailureCounts(t *testing.T) {
	inAnyScope(t, func(t *trial) {
		s := t.s
		<-s.Daemon("short", give(nil)).Done()
		if s.Info().State != "open" {
			t.Errorf("a daemon that returned nil left the scope %s", s.Info().State)
		}
		<-s.Daemon("victim", give(errDisk)).Done()
		if f := t.failure(); f.Task.Kind != "daemon" || !errors.Is(f.Err, errDisk) {
			t.Errorf("failure = %v of a %s, want %v of a daemon", f.Err, f.Task.Kind, errDisk)
		}
	})
}

// The cause of a scope is that of the context it was opened with, also when the
// scope around it has been cancelled since, for another cause.
func TestNested_CauseIsThatOfTheTasksContext(t *testing.T) {
	root, cancel := context.WithCancelCause(t.Context())
	s := scope.OpenSupervised(root)
	both := make(chan struct{})
	task := s.Go("t", func(ctx context.Context) error {
		<-both
		n := scope.OpenSupervised(ctx)
		if got, want := n.Info().Cause, context.Cause(ctx); got != want {
			t.Errorf("cause of the scope = %v, that of its context = %v", got, want)
		}
		return n.Shutdown(context.Background())
	})
	task.Cancel(nil)
	cancel(errors.New("late"))
	close(both)
	<-task.Done()
	_ = s.Shutdown(t.Context())
}
