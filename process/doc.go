// Package process runs an operating system process as a task.
//
// [Run] is a task function: it starts the process a [Spec] describes and
// returns when the process is over. The process leads a process group of its
// own, and the group is what Run owns: cancelling the task asks the whole
// group to end, waits the grace, and kills what is left.
//
//	s.Go("web", func(ctx context.Context) error {
//		return process.Run(ctx, process.Spec{
//			Args:   []string{"web", "--port", "8080"},
//			Stdout: os.Stdout,
//			Stderr: os.Stderr,
//		})
//	})
//
// # Guarantees
//
//  1. When Run returns, the process has been waited for and nothing that is
//     still in its process group runs, on every path: its own end, a
//     cancellation, a sink that fails, a function of the Spec that panics.
//  2. The group gets the stop signal before it gets SIGKILL, and the grace
//     between the two. A stopped process (SIGSTOP) is continued, so that it
//     can obey.
//  3. Every byte that a member of the group wrote to its standard output and
//     standard error has been written to the sink when Run returns, in order.
//  4. A sink gets whole lines, so that processes sharing one never tear each
//     other's lines. Memory is bounded: at most [MaxLine] bytes a stream are
//     held; only a line longer than that is handed over in pieces.
//  5. No signal is ever sent to a process group that is not the task's: the
//     process is waited for only after the last signal, and until then the
//     system does not give its number to another.
//
// # Failure
//
// A command that cannot be started gives a [*StartError], before anything runs;
// see [Spec.Check]. A process that ends with a status other
// than zero, or by a signal, gives an [*ExitError]. If it ended after the task
// was cancelled, that error wraps the cause, so that a scope takes it as a
// cancellation. If SIGKILL was needed it wraps nothing: a scope takes it as a
// failure and reports it even while it is being cancelled.
//
// # Concurrency
//
// Run may be called from any number of goroutines. It opens a scope under the
// task of its ctx with a task that waits for the process, one for each stream
// and one for Started, and returns after they have ended. One thread a process is blocked
// in the system's wait call, as with package os/exec.
//
// # Limits
//
// A process that leaves the group (setsid, setpgid; a daemon, or a job of an
// interactive shell) leaves the task: it is neither signalled nor waited for.
// If it holds on to the output, what it writes after the group's end is not
// read, and gives it a broken pipe.
//
// On Linux the process is killed if this program dies without stopping it
// (SIGKILL, a crash); the rest of its group is not.
//
// Linux and darwin only. Elsewhere Run returns an error that wraps
// [errors.ErrUnsupported] and starts nothing, because the first guarantee
// could not be kept there.
package process
