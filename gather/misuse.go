package gather

import (
	"context"
	"fmt"
)

func mustHave[T any](fs []func(context.Context) (T, error)) {
	for i, f := range fs {
		if f == nil {
			panic(fmt.Sprintf("gather: function %d is nil; leave it out", i))
		}
	}
}

func mustCall(isNil bool) {
	if isNil {
		panic("gather: nil function; pass the one to be called for each input")
	}
}

func mustLimit(n int) {
	if n < 1 {
		panic(fmt.Sprintf("gather: at most %d calls at a time; pass 1 or more", n))
	}
}
