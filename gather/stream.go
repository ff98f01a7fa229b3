package gather

import (
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/supervisorscope/scope"
)

// errLeft is why tasks are cancelled that a loop has no more use for.
var errLeft = errors.New("gather: the loop over the results was left")

// Ordered returns a sequence of the inputs with the results of f for them, in the
// order of in. At most n calls of f are in progress at a time.
//
// The input is pulled while the loop goes on, on its goroutine, and may have no
// end: at most n inputs are in progress, or done and waiting for those before
// them. So a slow one holds up what comes after it; [Completed] does not wait. A
// failure leaves the others alone, and its input stands beside it.
//
// Leaving the loop, by break, return, panic or Goexit, cancels the calls that are
// in progress and waits for them; so does a panic or Goexit of in. If ctx is
// cancelled they are cancelled, too, and yielded; at most one more input is then
// pulled, and yielded with an error that Is [scope.ErrClosed]. If none is, in was
// at its end. What in waits for is not interrupted: let it look at ctx.
//
// Each loop over the sequence is a new call. If its body panics beside a fatal
// failure, the panic goes on with an error that wraps both.
func Ordered[In, Out any](
	ctx context.Context, n int, in iter.Seq[In], f func(context.Context, In) (Out, error),
) iter.Seq2[In, Result[Out]] {
	st := newStream(ctx, "gather.Ordered", n, in, f)
	return func(yield func(In, Result[Out]) bool) {
		st.run(ctx, &inOrder[In, Out]{}, yield)
	}
}

// Completed is [Ordered], but yields the results in the order in which the calls
// of f have ended. At most n inputs are in progress, or done and not yielded.
func Completed[In, Out any](
	ctx context.Context, n int, in iter.Seq[In], f func(context.Context, In) (Out, error),
) iter.Seq2[In, Result[Out]] {
	st := newStream(ctx, "gather.Completed", n, in, f)
	return func(yield func(In, Result[Out]) bool) {
		q := &asEnded[In, Out]{}
		q.init()
		st.run(ctx, q, yield)
	}
}

// A stream is what a call of Ordered or Completed was given.
type stream[In, Out any] struct {
	name string
	n    int
	in   iter.Seq[In]
	f    func(context.Context, In) (Out, error)
}

func newStream[In, Out any](
	ctx context.Context, name string, n int, in iter.Seq[In],
	f func(context.Context, In) (Out, error),
) stream[In, Out] {
	mustLimit(n)
	mustCall(f == nil)
	if in == nil {
		panic("gather: nil sequence; pass one, such as slices.Values(inputs)")
	}
	if ctx == nil {
		panic("gather: nil context; pass context.Background() if there is no other")
	}
	return stream[In, Out]{name: name, n: n, in: in, f: f}
}

// run is one loop over the sequence. The loop's body and the input run inside the
// body of a scope, so that their end, whatever it is, is the end of that.
func (st stream[In, Out]) run(
	ctx context.Context, q queue[In, Out], yield func(In, Result[Out]) bool,
) {
	var l *loop[In, Out]
	returned := false
	err := scope.Supervise(ctx, func(ctx context.Context, s *scope.Scope) error {
		l = &loop[In, Out]{stream: st, ctx: ctx, s: s, queue: q, yield: yield}
		l.run()
		returned = true
		return nil
	}, scope.Name(st.name))
	if !returned {
		panic(err) // with a fatal failure before it, the loop's panic is returned
	}
	if f := fatalOf(ctx, err); f != nil && !slices.Contains(l.fatal, f) {
		scope.Report(ctx, f) // the loop was left without having seen it
	}
}

// An item is an input and the call of the function for it.
type item[In, Out any] struct {
	in In
	call[Out]
}

// A loop is a stream on its way.
type loop[In, Out any] struct {
	stream[In, Out]

	ctx   context.Context // of the scope's body
	s     *scope.Scope
	queue queue[In, Out]
	yield func(In, Result[Out]) bool

	started int              // inputs that were pulled
	pending int              // of those, how many were not yielded
	fatal   []*scope.Failure // that were yielded
}

func (l *loop[In, Out]) run() {
	name := nameOf(l.f)
	for v := range l.in {
		if !l.start(name, v) {
			break
		}
		// At most one result for one input, as soon as there is one: then a slow
		// input holds up no result for long, and a slow loop body no start.
		if (l.pending == l.n || l.queue.ready()) && !l.next() {
			return
		}
	}
	for l.pending > 0 && l.next() {
	}
}

// start begins the work on v, and reports false if the scope starts nothing more.
func (l *loop[In, Out]) start(name taskName, v In) bool {
	it := &item[In, Out]{in: v}
	it.call = begin(l.ctx, l.s, name.at(l.started), func(ctx context.Context) (Out, error) {
		defer l.queue.land(it)
		return l.f(ctx, v)
	})
	l.started++
	l.pending++
	l.queue.push(it)
	return it.future != nil
}

// next yields a result, and reports false if the loop was left.
func (l *loop[In, Out]) next() bool {
	it := l.queue.take()
	l.pending--
	r := it.result(l.ctx)
	if scope.IsFatal(r.Err) {
		l.fatal = append(l.fatal, failureOf(r.Err))
	}
	if l.yield(it.in, r) {
		return true
	}
	l.s.Cancel(errLeft)
	return false
}
