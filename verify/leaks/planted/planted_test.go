package planted_test

import (
	"context"
	"os"
	"testing"

	"github.com/supervisorscope/scope"
)

// forgotten waits for what nobody can send.
func forgotten(ch <-chan int) error {
	<-ch
	return nil
}

// The task is leaked for the runtime, although its scope lists it. The test
// passes.
func TestPlanted(t *testing.T) {
	if os.Getenv("PLANT_A_LEAK") == "" {
		t.Skip("leaks on purpose, when package leaks runs it")
	}
	started, never := make(chan struct{}), make(chan int)
	s := scope.OpenSupervised(context.Background(), scope.OnFailure(scope.Ignore))
	s.Go("leaks", func(context.Context) error {
		close(started)
		return forgotten(never)
	})
	<-started
}
