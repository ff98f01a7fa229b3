package supervisor

import (
	"context"
	"errors"
	"time"

	"github.com/supervisorscope/scope"
)

// An incarnation is one call of a child's function, and all that it starts.
type incarnation struct {
	child   *child
	number  uint64
	start   startFunc     // the keeper's, until it is called
	timeout time.Duration // for the start
	owed    bool          // it was promised to be called, asked to end or not

	stop    chan struct{} // closed when it is asked to end
	isReady chan struct{} // closed when it is ready

	// Guarded by the machine's lock.

	cause   error         // for its context, when asked
	grace   time.Duration // to return in, when asked
	ready   bool
	asked   bool
	readyAt time.Duration
	overAt  time.Duration // when its function had returned, or it was asked to
	task    *scope.Task   // nil until it runs
}

type startFunc func(ctx context.Context, ready func()) error

// live runs an incarnation and returns when all of it has returned.
func (inc *incarnation) live(ctx context.Context) outcome {
	start := inc.start
	inc.start = nil
	select {
	case <-inc.stop:
		if !inc.owed {
			return outcome{} // asked to end before it began
		}
	default:
	}
	// Not cancelled with the supervisor's context: children stop in order.
	s := scope.Open(context.WithoutCancel(ctx))
	began := make(chan context.Context, 1)
	task := s.Go("run", inc.body(start, began))
	inc.child.m.attach(inc, task)
	inc.await(task, (<-began).Done())
	return inc.join(ctx, s, task)
}

// body returns the task of the incarnation. It is a function of its own so that
// the keeper does not hold on to start, and what it refers to.
func (inc *incarnation) body(
	start startFunc, began chan<- context.Context,
) func(context.Context) error {
	return func(ctx context.Context) error {
		began <- ctx
		return start(ctx, func() { inc.child.m.ready(inc) })
	}
}

// await returns when the incarnation has ended, or is to end: because it was
// asked to, because its start takes too long, or because something in its scope
// has cancelled it.
func (inc *incarnation) await(task *scope.Task, cancelled <-chan struct{}) {
	var late <-chan time.Time
	isReady := inc.isReady
	if inc.timeout != Infinity {
		timer := time.NewTimer(inc.timeout)
		defer timer.Stop()
		late = timer.C
	}
	for {
		select {
		case <-task.Done():
			return
		case <-inc.stop:
			return
		case <-cancelled:
			return
		case <-isReady:
			isReady, late = nil, nil
		case <-late:
			inc.child.m.timedOut(inc)
			late = nil
		}
	}
}

// join cancels what is left of an incarnation, waits for it, reports it if it
// is stuck, and returns how it ended.
func (inc *incarnation) join(ctx context.Context, s *scope.Scope, task *scope.Task) outcome {
	end := inc.child.m.farewell(inc)
	// If it turns out to be cancelled, in a scope that is open, then by somebody
	// who has its handle. Info is dear, and so comes last.
	alone := end.cause == nil && task.Err() != nil && s.Info().State == "open"
	if end.cause != nil {
		s.Cancel(end.cause)
	}
	out := outcome{task: task}
	switch err := inc.shutdown(ctx, s, end); {
	case err != nil && err != end.cause:
		out.err = err
	case err == nil && alone && errors.Is(task.Err(), scope.ErrCancelled):
		out.err = task.Err()
	}
	return out
}

// A farewell is how an incarnation is to be ended.
type farewell struct {
	cause error           // nil if it ends by itself
	grace time.Duration   // to return in
	bound context.Context // what bounds the grace
}

// shutdown ends the incarnation's scope and returns its result. When the grace
// is over it reports what is still there, and goes on waiting.
func (inc *incarnation) shutdown(ctx context.Context, s *scope.Scope, end farewell) error {
	asked := time.Now()
	err := end.shutdown(s)
	if late, _ := err.(*scope.StragglersError); late != nil && end.grace == NoGrace {
		inc.child.m.overrun(inc, nil)
		select {
		case <-s.Done():
		case <-end.bound.Done():
		}
		err = end.shutdown(s)
	}
	late, _ := err.(*scope.StragglersError)
	if late == nil {
		return err
	}
	had := min(max(end.grace, 0), time.Since(asked)) // less if Total was over before
	stuck := &StuckError{Child: inc.child.name, Grace: had, Report: late}
	inc.child.m.overrun(inc, stuck)
	scope.Report(ctx, &scope.Failure{Task: scope.TaskFrom(ctx).Info(), Err: stuck})
	return s.Shutdown(context.Background())
}

// shutdown is s.Shutdown within the grace.
func (end farewell) shutdown(s *scope.Scope) error {
	if end.grace == Infinity {
		return s.Shutdown(end.bound)
	}
	ctx, cancel := context.WithTimeout(end.bound, max(end.grace, 0))
	defer cancel()
	return s.Shutdown(ctx)
}

// A seat says which child a context belongs to, and, through its parents, which
// children of the supervisors around it. It tells a caller that would wait for
// itself.
type seat struct {
	child *child
	up    *seat
}

type seatKey struct{}

func withSeat(ctx context.Context, c *child) context.Context {
	return context.WithValue(ctx, seatKey{}, &seat{child: c, up: seatOf(ctx)})
}

func seatOf(ctx context.Context) *seat {
	s, _ := ctx.Value(seatKey{}).(*seat)
	return s
}

// inside reports whether ctx belongs to a child for which is holds.
func inside(ctx context.Context, is func(*child) bool) bool {
	for s := seatOf(ctx); s != nil; s = s.up {
		if is(s.child) {
			return true
		}
	}
	return false
}
