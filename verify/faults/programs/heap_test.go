package programs_test

import (
	"context"
	"flag"
	"fmt"
	"log"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/supervisorscope/scope"
)

var ended = flag.Int("ended", 400_000, "how many tasks come and go in one scope")

// ends runs tasks of all ends and verbs in one scope that lives on, and says how
// much of the heap is in use after the first tenth and at the end. The core has
// tests of each end alone; this is the mix, and more of it.
func ends() {
	n := envInt("TASKS")
	var told atomic.Int64
	s := scope.OpenSupervised(context.Background(), scope.Name("app"), scope.OnFailure(
		func(context.Context, *scope.Failure) { told.Add(1) }))
	for round := range 10 {
		for i := range n / 10 {
			end(s, i)
		}
		if err := s.Wait(context.Background()); err != nil {
			log.Fatal(err)
		}
		if round == 0 || round == 9 {
			bytes, objects := heap()
			say("%d %d", bytes, objects)
		}
	}
	// One that waits for a future has its failure, and who starts a task hears of
	// one that does not become ready.
	if want := int64(n) / 10 * 3; told.Load() != want {
		log.Fatalf("the handler was told of %d failures, want %d", told.Load(), want)
	}
	if err := s.Shutdown(context.Background()); err != nil {
		log.Fatal(err)
	}
}

// end runs one task, and waits for it, to its end.
func end(s *scope.Scope, i int) {
	ctx := context.Background()
	data := make([]byte, 100) // what a task that was kept would keep, too
	switch i % 10 {
	case 0:
		<-s.Go("ok", func(context.Context) error { data[0]++; return nil }).Done()
	case 1:
		<-s.Go("fails", func(context.Context) error {
			return fmt.Errorf("%d: %w", data[0], errBoom)
		}).Done()
	case 2:
		<-s.Go("panics", func(context.Context) error { panic(data) }).Done()
	case 3:
		<-s.Go("exits", func(context.Context) error {
			runtime.Goexit()
			return nil
		}).Done()
	case 4:
		task := s.Go("is cancelled", obeying)
		task.Cancel(fmt.Errorf("cause %d", i))
		<-task.Done()
	case 5:
		_, _ = scope.Async(s, "fails", func(context.Context) ([]byte, error) {
			return data, errBoom
		}).Wait(ctx)
	case 6:
		_, _ = scope.Async(s, "ok", func(context.Context) ([]byte, error) {
			return data, nil
		}).Wait(ctx)
	case 7:
		task := s.Daemon("serves", obeying)
		task.Cancel(nil)
		<-task.Done()
	case 8:
		_ = s.Do(ctx, "do", func(ctx context.Context) error {
			return scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
				s.Go("nested", func(context.Context) error { data[0]++; return nil })
				return nil
			})
		})
	case 9:
		_, _ = s.Start(ctx, "starts", func(context.Context, func()) error { return errBoom })
	}
}

// heap returns what is left of the heap after a collection, and after what that
// has let go of.
func heap() (bytes, objects uint64) {
	var m runtime.MemStats
	for range 3 {
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return m.HeapAlloc, m.HeapObjects
}

// What a scope holds does not depend on how many tasks have come and gone in it.
func TestHeap_IsBackAtTheBase(t *testing.T) {
	r := play(t, "ends", nil, fmt.Sprintf("TASKS=%d", *ended))
	var first, last, firstObjects, lastObjects int64
	_, err := fmt.Sscan(r.stdout, &first, &firstObjects, &last, &lastObjects)
	if err != nil || r.code != 0 {
		t.Fatalf("it ended with %v\n%s%s", r.state, r.stdout, r.stderr)
	}
	t.Logf("%d tasks in %v: %d bytes in %d objects more than after a tenth of them",
		*ended, r.took, last-first, lastObjects-firstObjects)
	if last-first > 64<<10 {
		t.Error("the heap has grown")
	}
}
