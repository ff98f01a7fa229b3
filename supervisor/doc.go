// Package supervisor restarts tasks that fail, by the rules of Erlang/OTP.
//
// A [Supervisor] has children, each a function described by a [Spec]. It starts
// them in order, each when the one before is ready, starts again what fails,
// after a delay that grows and within a budget, and stops them in reverse
// order. When the budget is exceeded it stops all and returns an error: its own
// supervisor then decides, up to the root.
//
//	s, err := supervisor.New([]supervisor.Spec{
//		{Name: "db", Start: connect},
//		{Name: "http", Run: serve},
//	}, supervisor.Options{Strategy: supervisor.RestForOne})
//	if err != nil {
//		return err
//	}
//	return s.Run(ctx)
//
// A [Pool] supervises many children of one spec that come and go, without
// order; a [Partitioned] is several pools, chosen by key.
//
// # Guarantees
//
//  1. A child never has two live incarnations. What does not return is stuck:
//     it is reported with its stack, waited for, and not started again before
//     it has returned.
//  2. Children start in list order, each when the one before is ready, and stop
//     in the reverse order, on every path: cancellation, escalation, automatic
//     shutdown, failed start, restart of a group. Each has its grace, and all
//     have one total.
//  3. In any window there are at most as many restarts as its budget allows. A
//     restart of a group counts once, and so does each attempt to start; what
//     the supervisor stopped itself never counts.
//  4. A budget that is exceeded is an [*IntensityError], never a clean end.
//  5. Every failure is either returned to somebody or told to the handler, not
//     both. Repeated failures are summed up: a thousand of them make some
//     fifteen reports, which stand for all.
//  6. Add, Remove, Terminate, Restart, Children and Info are answered at once,
//     whatever the children do: what a call waits for is its own child alone,
//     as long as its context allows.
//  7. When Run returns, nothing of the supervisor runs.
//
// # Failure
//
// An incarnation ends in one of five ways: it returns nil or an error, panics,
// calls runtime.Goexit, or was asked to end, which never counts, whatever it
// returns. The restart type decides what then becomes of the child, or the
// classifier of its spec. An error marked by [scope.Fatal] is escalated at once.
//
// Each incarnation runs in a fail-fast scope of its own, which ends with it: what
// the child starts with scope.From(ctx) belongs to it, and fails with it. The
// failures of a child reach the handler of the scope around the supervisor; those
// that Run, Add or Restart return do not. A child that is stuck is told as a
// [*StuckError].
//
// # Concurrency
//
// All methods are safe for concurrent use, and may be called from children,
// handlers and classifiers. A call from inside a child, or from a handler with the
// context of a report about it, that would wait for that child returns
// [scope.ErrSelfWait], having asked. A classifier has no context to tell it by, and
// must not wait for its own child. No code of the user's runs
// under a lock. The lock of a Supervisor is taken before that of its run.
//
// # Cost
//
// A live child holds about 11 KB, most of it the stacks of two goroutines
// (BenchmarkSupervisor_Memory). A failure, the decision and the next start take
// some 35 µs together (BenchmarkSupervisor_Restart).
//
// # When not to use it
//
// A failure that the next try will meet again is not for a supervisor: return
// it. A request that fails belongs to who made it. A task that must not be
// repeated belongs in a scope. A fatal error of the runtime, such as a
// concurrent map write, ends the process, and no supervisor sees it.
//
// # Prior art
//
// OTP's supervisor, whose words and rules these are
// (https://www.erlang.org/doc/system/sup_princ.html); its test-suite is carried
// over in CASES.md. Elixir's DynamicSupervisor and PartitionSupervisor; suture;
// the backoff is AWS's "equal jitter".
package supervisor
