package gather_test

import (
	"context"
	"runtime"
	"testing"

	"github.com/supervisorscope/scope/gather"
)

// A loop that goes on and on keeps nothing of what it has yielded.
func TestStreams_KeepNothing(t *testing.T) {
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	each := func(_ context.Context, i int) ([]byte, error) {
		if i%10 == 0 && i < 15_000 { // those not yielded would go to the handler
			return nil, errBoom
		}
		return make([]byte, 1<<10), nil
	}
	pulled := 0
	for name, seq := range map[string]func(func(int, gather.Result[[]byte]) bool){
		"Ordered":   gather.Ordered(bg, 16, count(&pulled), each),
		"Completed": gather.Completed(bg, 16, count(&pulled), each),
	} {
		var begun uint64
		for n := range seq {
			if n == 1_000 {
				begun = heap()
			}
			if n >= 20_000 {
				break
			}
		}
		if now := heap(); now > begun+1<<20 {
			t.Errorf("%s: the heap has grown by %d KB", name, (now-begun)>>10)
		}
	}
}
