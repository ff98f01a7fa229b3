package peers_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supervisorscope/scope"
	"github.com/supervisorscope/scope/supervisor"
)

// Most of suture's tests are those of package supervisor, under the same names;
// NOT_CARRIED.md says which is which. Here is what is left.
func TestSuture(t *testing.T) {
	runRows(t, []row{
		{origin: "suture: ExampleNew_simple", run: sutureCounter},
		{origin: "suture: TestCompleteJob", run: sutureCompleteJob},
		{origin: "suture: TestPassNoContextToSupervisor", run: sutureNoContext},
		{origin: "suture: TestShim", run: sutureShim},
		{origin: "suture: probe, a service removed while all are stopped", run: sutureRemoveInStop},
		{origin: "suture: probe, a service that calls Goexit", run: sutureGoexit},
	})
}

// supervise runs children in a scope of their own and returns them with the
// function that ends them.
func supervise(
	t *testing.T, children ...supervisor.Spec,
) (s *supervisor.Supervisor, stop func() error) {
	t.Helper()
	s, err := supervisor.New(children, supervisor.Options{})
	if err != nil {
		t.Fatal(err)
	}
	all := scope.Open(t.Context(), scope.OnFailure(scope.Ignore))
	all.Go("supervisor", s.Run)
	synctest.Wait()
	return s, func() error { return all.Shutdown(t.Context()) }
}

func sutureCounter(t *testing.T) {
	next, stopped := make(chan int), false
	_, stop := supervise(t, supervisor.Spec{Name: "counter", Run: func(ctx context.Context) error {
		for n := 0; ; n++ {
			select {
			case next <- n:
			case <-ctx.Done():
				stopped = true
				return nil
			}
		}
	}})
	if a, b := <-next, <-next; a != 0 || b != 1 {
		t.Errorf("got %d and %d, want 0 and 1", a, b)
	}
	wantIs(t, stop(), nil)
	if !stopped {
		t.Error("the service was not stopped")
	}
}

// suture has an error for "do not start me again". Here the restart type says
// so: a transient child that returns nil has done its work.
func sutureCompleteJob(t *testing.T) {
	var starts gauge
	next := make(chan int)
	s, stop := supervise(t, supervisor.Spec{
		Name: "job", Restart: supervisor.Transient,
		Run: func(context.Context) error {
			starts.enter()
			for n := range 2 {
				next <- n + 1
			}
			return nil
		},
	})
	if a, b := <-next, <-next; a != 1 || b != 2 {
		t.Errorf("got %d and %d, want 1 and 2", a, b)
	}
	time.Sleep(time.Hour)
	if c, err := s.Child("job"); err != nil || c.State != "stopped" || starts.entered() != 1 {
		t.Errorf("child is %+v, %v, after %d starts", c, err, starts.entered())
	}
	wantIs(t, stop(), nil)
}

// suture takes a nil context for one that is never done.
func sutureNoContext(t *testing.T) {
	s, err := supervisor.New(nil, supervisor.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var none context.Context
	text := fmt.Sprint(recovered(func() { _ = s.Run(none) }))
	if !strings.Contains(text, "context.Background()") {
		t.Errorf("Run panicked with %q, want one that says what to do", text)
	}
}

// A stopper is a service of old, which knows no context.
type stopper struct{ failed, stopped chan struct{} }

func (s *stopper) serve() error {
	select {
	case <-s.failed:
		return errors.New("gone wrong")
	case <-s.stopped:
		return nil
	}
}

func (s *stopper) stop() { close(s.stopped) }

// No shim is needed: AfterFunc leads from one form to the other.
func sutureShim(t *testing.T) {
	service := &stopper{failed: make(chan struct{}), stopped: make(chan struct{})}
	var starts gauge
	_, stop := supervise(t, supervisor.Spec{Name: "old", Run: func(ctx context.Context) error {
		starts.enter()
		defer context.AfterFunc(ctx, service.stop)()
		return service.serve()
	}})
	for range 2 {
		service.failed <- struct{}{}
		time.Sleep(time.Minute)
	}
	if starts.entered() != 3 {
		t.Errorf("started %d times, want 3", starts.entered())
	}
	wantIs(t, stop(), nil)
}

// suture leaves a goroutine behind for each service that is removed while its
// supervisor stops. The bubble would not end.
func sutureRemoveInStop(t *testing.T) {
	for range 50 {
		var children []supervisor.Spec
		for n := range 10 {
			children = append(children, supervisor.Spec{
				Name: fmt.Sprint(n), Run: untilCancelled,
			})
		}
		s, stop := supervise(t, children...)
		var removers sync.WaitGroup
		for n := range 10 {
			removers.Go(func() {
				err := s.Remove(t.Context(), fmt.Sprint(n))
				if err != nil && !errors.Is(err, supervisor.ErrNotRunning) {
					t.Errorf("Remove: %v", err)
				}
			})
		}
		wantIs(t, stop(), nil)
		removers.Wait()
	}
}

// suture takes it for a normal end, and tells nobody.
func sutureGoexit(t *testing.T) {
	var l ledger
	var starts gauge
	s, err := supervisor.New([]supervisor.Spec{{
		Name: "exits", Restart: supervisor.Transient,
		Run: func(ctx context.Context) error {
			starts.enter()
			if starts.entered() == 1 {
				exit()
			}
			return untilCancelled(ctx)
		},
	}}, supervisor.Options{OnFailure: l.handle})
	if err != nil {
		t.Fatal(err)
	}
	all := scope.Open(t.Context())
	all.Go("supervisor", s.Run)
	time.Sleep(time.Minute)
	exited := func(err error) bool { return errors.Is(err, scope.ErrGoexit) }
	if told := l.told(); starts.entered() != 2 || !slices.ContainsFunc(told, exited) {
		t.Errorf("%d starts, told of %v", starts.entered(), told)
	}
	wantIs(t, all.Shutdown(t.Context()), nil)
}
