//go:build linux || darwin

package supervisor_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/supervisorscope/scope"
	"github.com/supervisorscope/scope/process"
	"github.com/supervisorscope/scope/supervisor"
)

// An operating system process as a child: it fails once, is started again, and
// ends well.
func ExampleSupervisor_process() {
	tries := 0
	load := func(ctx context.Context) error {
		tries++
		return process.Run(ctx, process.Spec{
			Name:   "load",
			Args:   []string{"sh", "-c", `echo "try $1"; test "$1" = 2`, "sh", strconv.Itoa(tries)},
			Stdout: os.Stdout,
			Stderr: os.Stderr,
		})
	}
	sup, err := supervisor.New([]supervisor.Spec{{
		Name:        "load",
		Run:         load,
		Restart:     supervisor.Transient, // until its exit status is 0
		Significant: true,                 // and then the supervisor ends
		Backoff:     supervisor.Backoff{Base: time.Millisecond},
	}}, supervisor.Options{
		AutoShutdown: supervisor.AnySignificant,
		OnFailure:    func(_ context.Context, f *scope.Failure) { fmt.Println(f.Err) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(sup.Run(context.Background()))
	// Output:
	// try 1
	// process: "load": exit status 1
	// try 2
	// <nil>
}
