// Package poll_test shows how to test code that runs in scopes.
package poll_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/pprof"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supervisorscope/scope"
)

// poll is what is tested: it calls fetch every minute until the scope ends.
func poll(
	ctx context.Context, fetch func(context.Context) error, opts ...scope.Option,
) *scope.Scope {
	s := scope.OpenSupervised(ctx, append(opts, scope.Name("poll"))...)
	s.Daemon("clock", func(ctx context.Context) error {
		for tick := time.Tick(time.Minute); ; {
			select {
			case <-tick:
				s.Go("fetch", fetch)
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	})
	return s
}

func TestPoll_GoesOnAfterAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fetch := func(context.Context) error { return errors.New("no route") }
		s := poll(t.Context(), fetch, scope.OnFailure(scope.Ignore))
		time.Sleep(time.Hour + time.Second) // of the bubble's clock
		if err := s.Shutdown(t.Context()); err != nil {
			t.Errorf("Shutdown() = %v, want nil", err)
		}
		if got := s.Info().Counts.Failed; got != 60 {
			t.Errorf("%d fetches in an hour, want 60", got)
		}
	})
}

func TestPoll_NamesTheFetchThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := make(chan struct{})
		s := poll(t.Context(), func(context.Context) error { <-answer; return nil })
		time.Sleep(90 * time.Second)

		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		var left *scope.StragglersError
		err := s.Shutdown(ctx)
		close(answer) // a bubble must not end with goroutines in it
		if !errors.As(err, &left) {
			t.Fatalf("Shutdown() = %v, want a StragglersError", err)
		}
		if got := left.Tasks[0].Task; got.Path != "poll/fetch" || got.Age != 40*time.Second {
			t.Errorf("left is %s after %v, want poll/fetch after 40s", got.Path, got.Age)
		}
		if err := s.Shutdown(t.Context()); err != nil {
			t.Errorf("Shutdown() = %v, want nil", err)
		}
	})
}

// TestMain fails if the tests leave something behind.
func TestMain(m *testing.M) {
	code := m.Run()
	for _, s := range scope.Roots() {
		fmt.Fprintf(os.Stderr, "scope %q is left, opened at %s\n", s.Info().Path, s.Info().Site)
		code = 1
	}
	// There with GOEXPERIMENT=goroutineleakprofile.
	if leaks := pprof.Lookup("goroutineleak"); leaks != nil {
		var text bytes.Buffer
		_ = leaks.WriteTo(&text, 1) // looks for them; a Buffer returns no error
		if leaks.Count() > 0 {
			fmt.Fprint(os.Stderr, text.String())
			code = 1
		}
	}
	os.Exit(code)
}
