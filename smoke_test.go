package scope_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supervisorscope/scope"
)

func TestSmoke(t *testing.T) {
	boom := errors.New("boom")
	err := scope.Run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
		s.Go("a", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		s.Go("b", func(ctx context.Context) error { return boom })
		<-ctx.Done()
		return ctx.Err()
	}, scope.Name("srv"))
	if !errors.Is(err, boom) {
		t.Fatal(err)
	}
	t.Log(err)
	t.Logf("%+v", err)
	var got []*scope.Failure
	err = scope.Supervise(t.Context(), func(ctx context.Context, s *scope.Scope) error {
		s.Go("p", func(ctx context.Context) error { panic("aua") })
		s.Defer("close", func(ctx context.Context) error { return ctx.Err() })
		fu := scope.Async(s, "", func(ctx context.Context) (int, error) { return 42, nil })
		v, err := fu.Wait(ctx)
		if v != 42 || err != nil {
			t.Error(v, err)
		}
		return nil
	}, scope.OnFailure(func(ctx context.Context, f *scope.Failure) { got = append(got, f) }))
	if err != nil || len(got) != 1 {
		t.Fatal(err, got)
	}
	t.Logf("%+v", got[0])
	fmt.Println(scope.Roots())
}

func TestShutdownNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := scope.OpenSupervised(t.Context(), scope.Name("server"))
		release := make(chan struct{})
		s.Go("conn-1", func(ctx context.Context) error {
			<-release
			return nil
		})
		s.Go("conn-2", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		err := s.Shutdown(ctx)
		t.Logf("%+v", err)
		close(release)
		if err := s.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}
func BenchmarkGo1k(b *testing.B) {
	b.ReportAllocs()
	f := func(context.Context) error { return nil }
	for b.Loop() {
		scope.Run(context.Background(), func(ctx context.Context, s *scope.Scope) error {
			for range 1000 {
				s.Go("x", f)
			}
			return nil
		})
	}
}
func BenchmarkGo1(b *testing.B) {
	b.ReportAllocs()
	f := func(context.Context) error { return nil }
	for b.Loop() {
		scope.Run(context.Background(), func(ctx context.Context, s *scope.Scope) error {
			s.Go("x", f)
			return nil
		})
	}
}
