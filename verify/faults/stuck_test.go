package faults_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supervisorscope/scope"
)

// Tasks of every kind that do not return: Shutdown says which, as often as it is
// asked, and when they have returned after all, all waiting succeeds. Programs
// that end without them are in package programs.
func TestStuck_EachTaskIsNamedAndWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := scope.OpenSupervised(t.Context(), scope.Name("app"))
		release := make(chan struct{})
		stickTasks(s, release)
		synctest.Wait()
		waits := make(chan error)
		go func() { waits <- s.Wait(context.Background()) }()
		want := []string{"async", "daemon", "do", "go", "nested", "outer", "start"}
		for range 3 {
			ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
			err := s.Shutdown(ctx)
			cancel()
			if names := named(err); !slices.Equal(names, want) {
				t.Errorf("Shutdown() = %v, names %q, want %q", err, names, want)
			}
		}
		close(release)
		if err := <-waits; err != nil {
			t.Errorf("Wait() = %v, want nil", err)
		}
		if err := s.Shutdown(context.Background()); err != nil {
			t.Errorf("Shutdown() = %v, want nil", err)
		}
		if info := s.Info(); info.State != "ended" || info.Counts.OK != 5 {
			t.Errorf("Info() = %+v, want ended, with 5 tasks that are ok", info)
		}
	})
}

// named returns which tasks a StragglersError names.
func named(err error) (names []string) {
	if late, ok := errors.AsType[*scope.StragglersError](err); ok {
		for _, task := range late.Tasks {
			names = append(names, task.Task.Name)
		}
	}
	slices.Sort(names)
	return names
}

// stickTasks starts a task of each kind that waits for release alone.
func stickTasks(s *scope.Scope, release <-chan struct{}) {
	deaf := func(context.Context) error {
		_, open := <-release
		if open {
			return errBoom
		}
		return nil
	}
	s.Go("go", deaf)
	s.Daemon("daemon", deaf)
	_, _ = s.Start(context.Background(), "start", func(ctx context.Context, ready func()) error {
		ready()
		return deaf(ctx)
	})
	scope.Async(s, "async", func(ctx context.Context) (int, error) { return 0, deaf(ctx) })
	s.Go("outer", func(ctx context.Context) error {
		return scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
			s.Go("nested", deaf)
			return nil
		})
	})
	go func() { _ = s.Do(context.Background(), "do", deaf) }()
}
