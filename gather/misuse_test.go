package gather_test

import (
	"context"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/supervisorscope/scope/gather"
)

// What is wrong panics in the call, not later in a loop or a task, and says what
// to do.
func TestMisuse(t *testing.T) {
	var none fn
	one := func(context.Context) (int, error) { return 1, nil }
	each := func(_ context.Context, i int) (int, error) { return i, nil }
	var noEach func(context.Context, int) (int, error)
	in := slices.Values([]int{1})
	var noIn iter.Seq[int]
	var noCtx context.Context
	misuses := []struct {
		name, want string
		call       func()
	}{
		{"All", "function 1 is nil; leave it out", func() { _, _ = gather.All(bg, one, none) }},
		{"Settled", "function 0 is nil", func() { gather.Settled(bg, none) }},
		{"Race", "function 0 is nil", func() { _, _ = gather.Race(bg, none) }},
		{"Map", "nil function; pass", func() { _, _ = gather.Map(bg, 1, []int{}, noEach) }},
		{"Map", "at most 0 calls at a time; pass 1 or more", func() {
			_, _ = gather.Map(bg, 0, []int{1}, each)
		}},
		{"Ordered", "nil function", func() { gather.Ordered(bg, 1, in, noEach) }},
		{"Ordered", "at most -1 calls", func() { gather.Ordered(bg, -1, in, each) }},
		{"Ordered", "nil sequence; pass one", func() { gather.Ordered(bg, 1, noIn, each) }},
		{"Ordered", "nil context; pass", func() { gather.Ordered(noCtx, 1, in, each) }},
		{"Completed", "nil function", func() { gather.Completed(bg, 1, in, noEach) }},
		{"Completed", "at most 0 calls", func() { gather.Completed(bg, 0, in, each) }},
		{"Completed", "nil sequence", func() { gather.Completed(bg, 1, noIn, each) }},
		{"Completed", "nil context", func() { gather.Completed(noCtx, 1, in, each) }},
	}
	for _, m := range misuses {
		t.Run(m.name+" "+m.want, func(t *testing.T) {
			defer func() {
				text, _ := recover().(string)
				if !strings.HasPrefix(text, "gather: ") || !strings.Contains(text, m.want) {
					t.Errorf("panic is %q, want %q", text, m.want)
				}
			}()
			m.call()
		})
	}
}
