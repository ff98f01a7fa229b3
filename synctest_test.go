package scope_test

import (
	"context"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supervisorscope/scope"
)

// The tests in this file are issue item 6: programs that use the package can be
// tested in the bubbles of testing/synctest.

// bubbleVerbs plays a life with every verb, in an hour of virtual time.
func bubbleVerbs(t *testing.T) {
	t.Helper()
	ctx := context.Background()
	sleep := func(ctx context.Context) error {
		time.Sleep(time.Minute)
		return ctx.Err()
	}
	obey := func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	}
	observer := scope.Observer{TaskEnded: func(scope.TaskInfo) {}}
	s := scope.OpenSupervised(ctx, scope.Limit(2), scope.Grace(time.Second),
		scope.Timeout(time.Hour), scope.OnFailure(scope.Ignore), scope.Observe(observer))
	s.Defer("defer", sleep)
	s.Daemon("daemon", obey)
	s.Go("fails", func(context.Context) error { return errors.New("boom") })
	s.Go("sleeps", sleep)
	tried, errTry := s.TryGo("tried", sleep)
	if errTry == nil {
		<-tried.Done()
	}
	started, errStart := s.Start(ctx, "start", func(ctx context.Context, ready func()) error {
		time.Sleep(time.Minute)
		ready()
		return obey(ctx)
	})
	_, errAsync := scope.Async(s, "async", func(ctx context.Context) (int, error) {
		return 1, sleep(ctx)
	}).Wait(ctx)
	errDo := s.Do(ctx, "do", func(ctx context.Context) error {
		return scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
			s.Go("nested", sleep)
			return nil
		})
	})
	if len(scope.Roots()) == 0 || len(s.Tasks()) == 0 || s.Info().Counts.Live == 0 {
		t.Error("nothing is live")
	}
	started.Cancel(nil)
	errWait := s.Wait(ctx)
	drained, cancel := context.WithTimeout(ctx, time.Hour/2)
	defer cancel()
	errs := errors.Join(errStart, errAsync, errDo, errWait, s.Drain(drained), s.Shutdown(ctx))
	<-s.Done()
	if errs != nil {
		t.Errorf("results = %v, want nil", errs)
	}
}

// Two bubbles in one process, one after the other.
func TestSynctest_BubblesInSequence(t *testing.T) {
	for range 3 {
		synctest.Test(t, bubbleVerbs)
	}
}

// Many bubbles in one process, at once: nothing in the package is shared that a
// bubble would take for its own.
func TestSynctest_BubblesAtOnce(t *testing.T) {
	t.Run("group", func(t *testing.T) {
		for range 8 {
			t.Run("bubble", func(t *testing.T) {
				t.Parallel()
				for range 20 {
					synctest.Test(t, bubbleVerbs)
				}
			})
		}
	})
}

// Whoever waits in a verb is durably blocked, so that time in a bubble goes on.
func TestSynctest_WaitingLetsTimePass(t *testing.T) {
	ctx := context.Background()
	hour := func(ctx context.Context) error {
		time.Sleep(time.Hour)
		return ctx.Err()
	}
	object := func(wait func(s *scope.Scope, task *scope.Task) error) func() error {
		return func() error {
			s := scope.OpenSupervised(ctx, scope.Limit(1))
			err := wait(s, s.Go("hour", hour))
			return errors.Join(err, s.Shutdown(ctx))
		}
	}
	verbs := map[string]func() error{
		"Run": func() error {
			return scope.Run(ctx, func(ctx context.Context, s *scope.Scope) error {
				s.Go("hour", hour)
				return ctx.Err()
			})
		},
		"Wait":     object(func(s *scope.Scope, _ *scope.Task) error { return s.Wait(ctx) }),
		"Drain":    object(func(s *scope.Scope, _ *scope.Task) error { return s.Drain(ctx) }),
		"Shutdown": object(func(s *scope.Scope, _ *scope.Task) error { return s.Shutdown(ctx) }),
		"Done": object(func(s *scope.Scope, _ *scope.Task) error {
			s.Cancel(nil)
			<-s.Done()
			return nil
		}),
		"Task.Wait": object(func(_ *scope.Scope, task *scope.Task) error { return task.Wait(ctx) }),
		"Task.Done": object(func(_ *scope.Scope, task *scope.Task) error {
			<-task.Done()
			return task.Err()
		}),
		"Go at the limit": object(func(s *scope.Scope, _ *scope.Task) error {
			s.Go("next", func(context.Context) error { return nil })
			return nil
		}),
		"Do at the limit": object(func(s *scope.Scope, _ *scope.Task) error {
			return s.Do(ctx, "next", func(context.Context) error { return nil })
		}),
		"Start": func() error {
			s := scope.OpenSupervised(ctx)
			_, err := s.Start(ctx, "start", func(ctx context.Context, ready func()) error {
				defer ready()
				return hour(ctx)
			})
			return errors.Join(err, s.Shutdown(ctx))
		},
		"Future.Wait": func() error {
			s := scope.OpenSupervised(ctx)
			_, err := scope.Async(s, "async", func(ctx context.Context) (int, error) {
				return 0, hour(ctx)
			}).Wait(ctx)
			return errors.Join(err, s.Shutdown(ctx))
		},
	}
	for name, wait := range verbs {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				if err := wait(); err != nil || time.Since(begin) != time.Hour {
					t.Errorf("result = %v after %v, want nil after an hour", err, time.Since(begin))
				}
			})
		})
	}
}

// A scope that was opened outside can be used in a bubble.
func TestSynctest_ScopeFromOutside(t *testing.T) {
	ctx := context.Background()
	s := scope.OpenSupervised(ctx, scope.Limit(2))
	synctest.Test(t, func(t *testing.T) {
		task := s.Go("inside", func(context.Context) error {
			time.Sleep(time.Hour)
			return nil
		})
		if err := errors.Join(task.Wait(ctx), s.Wait(ctx), task.Err()); err != nil {
			t.Errorf("results = %v, want nil", err)
		}
		err := s.Do(ctx, "nested", func(ctx context.Context) error {
			return scope.Run(ctx, func(ctx context.Context, s *scope.Scope) error {
				s.Go("task", func(ctx context.Context) error { return ctx.Err() })
				return ctx.Err()
			})
		})
		if err != nil {
			t.Errorf("Do() = %v, want nil", err)
		}
	})
	if err := s.Shutdown(ctx); err != nil {
		t.Errorf("Shutdown() = %v, want nil", err)
	}
}

// A scope that was opened outside can be ended in a bubble, too, if its tasks were
// started there. (To wait in a bubble for a goroutine outside is a deadlock to
// the runtime, with any means.)
func TestSynctest_ScopeFromOutsideEndsInside(t *testing.T) {
	for name, open := range map[string]func(context.Context, ...scope.Option) *scope.Scope{
		"Open": scope.Open, "OpenSupervised": scope.OpenSupervised,
	} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			s := open(ctx, scope.Limit(2))
			s.Defer("defer", func(ctx context.Context) error { return ctx.Err() })
			synctest.Test(t, func(t *testing.T) {
				s.Go("inside", func(ctx context.Context) error {
					<-ctx.Done()
					time.Sleep(time.Hour)
					return ctx.Err()
				})
				if err := s.Shutdown(context.Background()); err != nil {
					t.Errorf("Shutdown() = %v, want nil", err)
				}
			})
			<-s.Done()
		})
	}
}

const bubbleEnv = "SCOPE_TEST_BUBBLE"

// Row 31: futures that are dropped in a bubble are collected outside of it; to
// report their failures must not touch what belongs to the bubble.
func TestSynctest_DroppedFutures(t *testing.T) {
	if os.Getenv(bubbleEnv) == "" { // a child process, since the runtime would end it
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
		child.Env = append(os.Environ(), bubbleEnv+"=1")
		if out, err := child.CombinedOutput(); err != nil {
			t.Errorf("child: %v\n%s", err, out)
		}
		return
	}
	release := make(chan struct{}) // of no bubble
	synctest.Test(t, func(t *testing.T) {
		reports := 0
		s := scope.OpenSupervised(context.Background(),
			scope.OnFailure(func(context.Context, *scope.Failure) {
				<-release
				reports++
			}))
		scope.Async(s, "dropped", func(context.Context) (int, error) {
			return 0, errors.New("boom")
		})
		err := s.Wait(context.Background())
		for range 20 { // time for the handler to be called, if it is to be
			runtime.GC()
			runtime.Gosched()
		}
		over := make(chan error)
		go func() { over <- s.Shutdown(context.Background()) }()
		for range 20 {
			runtime.Gosched()
		}
		close(release)
		err = errors.Join(err, <-over)
		if err != nil || reports != 1 {
			t.Errorf("results = %v with %d reports, want nil and 1", err, reports)
		}
	})
}

// No variable of the package is, or holds, a channel, pool, timer or WaitGroup:
// the first bubble that used it would own it.
func TestSynctest_NoSharedSynchronization(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("Glob() = %v, %v, want the sources", files, err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			if vars, ok := decl.(*ast.GenDecl); ok && vars.Tok == token.VAR {
				bubbleCheck(t, name, vars)
			}
		}
	}
}

func bubbleCheck(t *testing.T, file string, vars *ast.GenDecl) {
	t.Helper()
	ast.Inspect(vars, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ChanType:
			t.Errorf("%s: a variable of the package has a channel", file)
		case *ast.SelectorExpr:
			switch n.Sel.Name {
			case "Pool", "WaitGroup", "Cond", "Timer", "Ticker", "NewTimer", "NewTicker", "After",
				"AfterFunc", "Tick":
				t.Errorf("%s: a variable of the package has a %s", file, n.Sel.Name)
			}
		}
		return true
	})
}
