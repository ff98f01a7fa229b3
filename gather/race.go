package gather

import (
	"context"
	"errors"

	"github.com/supervisorscope/scope"
)

var (
	// ErrEmpty is what [Race] returns if it is given no functions.
	ErrEmpty = errors.New("gather: race of no functions; pass at least one")

	// errWon is why the losers of a race are cancelled.
	errWon = errors.New("gather: another function has won the race")
)

// Race calls fs, all at the same time, and returns the value of the first that
// succeeds. The others are cancelled then, and have ended when Race returns.
//
// If none succeeds, Race returns their failures, joined in the order of fs, and
// the cause of ctx if that was cancelled. If one does, the errors of the others
// are dropped, and so is the value of one that succeeds as well, a moment later:
// functions whose values have to be released are for [Completed]. The panics of
// losers go to the handler.
func Race[T any](ctx context.Context, fs ...func(context.Context) (T, error)) (T, error) {
	mustHave(fs)
	var zero T
	if len(fs) == 0 {
		return zero, ErrEmpty
	}
	r := race[T]{errs: make([]error, len(fs))}
	err := scope.Supervise(ctx, func(ctx context.Context, s *scope.Scope) error {
		r.run(ctx, s, fs)
		return nil
	}, scope.Name("gather.Race"))
	switch {
	case r.won && fatalOf(ctx, err) == nil:
		r.reportBugs(ctx)
		return r.value, nil
	default:
		return zero, r.lost(err)
	}
}

// A race is what is known of a call of Race.
type race[T any] struct {
	won   bool
	value T
	errs  []error // in the order of the functions; nil for those that succeeded
}

// run starts fs and waits for all of them.
func (r *race[T]) run(ctx context.Context, s *scope.Scope, fs []func(context.Context) (T, error)) {
	var ends arrivals[int]
	ends.init()
	calls := make([]call[T], len(fs))
	for i, f := range fs {
		calls[i] = begin(ctx, s, nameOf(f).at(i), func(ctx context.Context) (T, error) {
			defer ends.put(i)
			return f(ctx)
		})
		if calls[i].future == nil {
			ends.put(i)
		}
	}
	for range fs {
		i := ends.take()
		res := calls[i].result(ctx)
		r.errs[i] = res.Err
		if res.Err == nil && !r.won {
			r.won, r.value = true, res.Value
			s.Cancel(errWon)
		}
	}
}

// lost returns the error of a race that nobody has won; err is that of its scope.
func (r *race[T]) lost(err error) error {
	var failed []error
	for _, e := range r.errs {
		if failureOf(e) != nil || err == nil && e != nil {
			failed = append(failed, e)
		}
	}
	// Those that were cancelled, or never called, all say why: once will do.
	if err != nil && !errors.Is(errors.Join(failed...), err) {
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}

// reportBugs gives to the handler what no race is run for.
func (r *race[T]) reportBugs(ctx context.Context) {
	for _, err := range r.errs {
		var bug *scope.PanicError
		f := failureOf(err)
		if f != nil && (errors.As(f.Err, &bug) || errors.Is(f.Err, scope.ErrGoexit)) {
			scope.Report(ctx, f)
		}
	}
}
