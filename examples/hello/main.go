// Command hello is the program of the README.
package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/supervisorscope/scope"
)

func main() {
	err := scope.Run(context.Background(), func(ctx context.Context, s *scope.Scope) error {
		s.Go("clock", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		s.Go("fetch", func(ctx context.Context) error { return errors.New("connection refused") })
		return nil
	})
	fmt.Println(err)
}
