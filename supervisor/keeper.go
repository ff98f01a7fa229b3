package supervisor

import (
	"context"
	"errors"
	"time"

	"github.com/supervisorscope/scope"
)

var errKeeper = errors.New("supervisor: the child's keeper has ended; this is a bug of the package")

// A turn is what a keeper is to do next.
type turn struct {
	quit   bool
	run    *incarnation
	notice error         // to be reported
	wait   time.Duration // until the delay is over; 0 for until there is news
}

// keep is the child's keeper: it runs the incarnations, one after the other, so
// that there is never more than one, and waits out the delays between them. It
// ends when the child is removed or the supervisor is over. It does not look at
// ctx: a cancellation comes through the machine, in order.
func (c *child) keep(ctx context.Context) error {
	told := false
	defer func() {
		if !told {
			c.m.lost(c, errKeeper)
		}
	}()
	scope.Describe(ctx, func() any { return c.info() })
	// Handlers run on this goroutine: what they wait for with ctx must not be c.
	ctx = withSeat(ctx, c)
	for {
		switch t := c.m.turn(c); {
		case t.quit:
			told = true
			if !c.m.pool {
				c.m.tell(ctx, c.flood.flush())
			}
			return nil
		case t.run != nil:
			c.run(ctx, t.run)
		case t.notice != nil:
			scope.Report(ctx, &scope.Failure{Task: scope.TaskFrom(ctx).Info(), Err: t.notice})
		default:
			c.sleep(t.wait)
		}
	}
}

// sleep waits for news, or for d if that is not 0.
func (c *child) sleep(d time.Duration) {
	if d == 0 {
		<-c.wake
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-c.wake:
	case <-timer.C:
	}
}

// turn tells the keeper of c what to do.
func (m *machine) turn(c *child) turn {
	m.mu.Lock()
	defer m.unlock()
	if c.state == stateBackoff {
		if wait := c.nextAt - m.now(); wait > 0 {
			return turn{wait: wait}
		}
		if err := m.due(c); err != nil {
			return turn{notice: err}
		}
	}
	switch {
	case c.inc != nil && c.inc.start != nil:
		return turn{run: c.inc}
	case c.state == stateGone || m.phase == phaseOver:
		return turn{quit: true}
	default:
		return turn{}
	}
}

// run runs an incarnation to its end and reports its failure.
func (c *child) run(ctx context.Context, inc *incarnation) {
	out := inc.live(ctx)
	out.examine()
	if c.m.undecided(inc, out) {
		out.action = c.consult(ctx, out.err)
	}
	if c.m.ended(inc, out) {
		c.m.tell(ctx, c.flood.add(out.failure(), c.quiet()))
	}
}

// tell hands failures to the handler.
func (m *machine) tell(ctx context.Context, fs []*scope.Failure) {
	for _, f := range fs {
		scope.Report(ctx, f)
	}
}

// consult asks the child's classifier about a failure. It runs as a task: what it
// does, panic and Goexit included, does not touch the keeper.
func (c *child) consult(ctx context.Context, err error) (action Action) {
	classify := c.classifier()
	if classify == nil {
		return ByType
	}
	if f, ok := err.(*scope.Failure); ok {
		err = f.Err
	}
	failed := scope.Run(context.WithoutCancel(ctx), func(_ context.Context, s *scope.Scope) error {
		s.Go("classify", func(context.Context) error {
			action = classify(err)
			return nil
		})
		return nil
	})
	var f *scope.Failure
	if errors.As(failed, &f) {
		scope.Report(ctx, f)
		return ByType
	}
	return action
}
