package supervisor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/supervisorscope/scope"
)

// A Supervisor starts its children in order, restarts those that fail, and
// stops them in reverse order. Make one with [New]. All methods are safe for
// concurrent use, and none holds up another.
type Supervisor struct {
	pool     bool
	template Spec // of a pool's children

	mu sync.Mutex // guards what follows

	specs   []Spec // as given to New: what each Run begins with
	opts    Options
	machine *machine // while Run runs, else nil
}

// New checks the children and the options and returns a supervisor of them. It
// starts nothing; see [Supervisor.Run]. What is wrong is returned as a
// [*SpecError] that names child and field, several joined.
//
// New refuses budgets and backoffs that do not go together, where a child that
// fails at once would be given up before the backoff has helped, or by luck, or
// never.
func New(children []Spec, opts Options) (*Supervisor, error) {
	s := &Supervisor{opts: opts.withDefaults()}
	errs := []error{s.opts.check(), opts.checkLimit(len(children))}
	names := map[string]bool{}
	for i, spec := range children {
		spec = spec.withDefaults(false)
		err := spec.check(s.opts)
		if err == nil && names[spec.Name] {
			err = &SpecError{Child: spec.Name, Field: "Name", Problem: "is used twice"}
		}
		if e, ok := err.(*SpecError); ok && e.Child == "" {
			e.Child = fmt.Sprintf("#%d", i)
		}
		errs = append(errs, err)
		names[spec.Name] = true
		s.specs = append(s.specs, spec)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return s, nil
}

// Run starts the children in order, each when the one before is ready, and
// supervises them until ctx is done, until a failure is escalated, or until
// significant children have ended. Then it stops them in reverse order, and
// returns when all have returned, however long that takes.
//
// If a child fails to start, those before it are stopped and Run returns a
// [*ChildError]: the first start is all or nothing. Run returns an
// [*IntensityError] if a budget was exceeded, a *ChildError if a failure was
// escalated by a classifier or is marked by [scope.Fatal], the cause of ctx if
// that is done, and nil after an automatic shutdown. Children that overran their
// grace in the stop are joined to that as [*StuckError].
//
// Run is a task function: supervisors nest in scopes, and in supervisors by
// [Supervisor.ChildSpec]. It describes the task it runs in, with an [Info]. It may
// be called again after it has returned, and starts with the children given to
// New then; while it runs, a second call returns [ErrRunning].
func (s *Supervisor) Run(ctx context.Context) error {
	return s.Start(ctx, func() {})
}

// Start blocks until the end, as [Supervisor.Run] does, and calls ready on the
// way, when all children are ready. Pass it to [scope.Scope.Start], which returns
// then, or set it as the [Spec.Start] of a child.
func (s *Supervisor) Start(ctx context.Context, ready func()) error {
	if ready == nil {
		panic("supervisor: Start with a nil ready; use Run")
	}
	s.mu.Lock()
	opts := s.opts
	s.mu.Unlock()
	scopeOpts := []scope.Option{}
	switch {
	case opts.Name != "":
		scopeOpts = append(scopeOpts, scope.Name(opts.Name))
	case scope.From(ctx) == nil:
		scopeOpts = append(scopeOpts, scope.Name("supervisor"))
	}
	if opts.OnFailure != nil {
		scopeOpts = append(scopeOpts, scope.OnFailure(opts.OnFailure))
	}
	scope.Describe(ctx, func() any { return s.Info() })
	return scope.Supervise(ctx, func(ctx context.Context, root *scope.Scope) error {
		m, err := s.open(ctx, root)
		if err != nil {
			return err
		}
		defer s.close(m)
		if s.pool { // a child's own keeper does it in a supervisor
			root.Defer("sum up failures", m.sumUp)
		}
		return m.run(ctx, ready)
	}, scopeOpts...)
}

// open makes the machine of a run.
func (s *Supervisor) open(ctx context.Context, root *scope.Scope) (*machine, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.machine != nil {
		return nil, fmt.Errorf("%w: one Run at a time", ErrRunning)
	}
	s.machine = newMachine(ctx, root, s.specs, s.opts, s.pool)
	return s.machine, nil
}

func (s *Supervisor) close(m *machine) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.machine = nil
	m.hasten(nil) // releases the context
}

// running returns the machine of the current run, or nil.
func (s *Supervisor) running() *machine {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.machine
}

// run drives a machine from its start to its end.
func (m *machine) run(ctx context.Context, ready func()) error {
	defer func() { // whatever goes wrong here, the keepers are told to go
		m.halt(errStopping, errStopping)
		<-m.over
	}()
	m.begin()
	select {
	case <-m.started:
		ready()
	case <-m.stopping:
	case <-ctx.Done():
	}
	select {
	case <-m.stopping:
	case <-ctx.Done():
		m.halt(context.Cause(ctx), context.Cause(ctx))
	}
	m.awaitOver()
	return m.verdict()
}

// sumUp tells what is left of a pool's failures. It runs when all keepers have
// returned: one may be about to tell its last when m is over.
func (m *machine) sumUp(ctx context.Context) error {
	m.tell(ctx, m.flood.flush())
	return nil
}

// awaitOver waits for the end of the stop.
func (m *machine) awaitOver() {
	if total := m.total(); total != Infinity {
		timer := time.NewTimer(total)
		defer timer.Stop()
		select {
		case <-m.over:
		case <-timer.C:
			m.outOfTime()
		}
	}
	<-m.over
}

func (m *machine) total() time.Duration {
	m.mu.Lock()
	defer m.unlock()
	return m.opts.Total
}

// verdict returns what Run returns.
func (m *machine) verdict() error {
	m.mu.Lock()
	defer m.unlock()
	if len(m.overran) == 0 {
		return m.result
	}
	return errors.Join(append([]error{m.result}, m.overran...)...)
}

// ChildSpec returns the spec of s as a child of another supervisor, to be
// changed as needed. It is ready when all its children are, and has all the time
// it wants to stop: its own Total bounds that. A supervisor runs once at a
// time, so it can be one child only.
func (s *Supervisor) ChildSpec(name string) Spec {
	return Spec{
		Name: name, Start: s.Start, Grace: Infinity, StartTimeout: Infinity, supervisor: true,
	}
}

// Reconfigure changes the options, for this run and those that follow. They
// hold from the next decision on; a restart that is under way goes on as it
// began. A Budget that changes begins to count anew. Name and OnFailure hold
// from the next run on. New's checks apply, except that significant children may
// stay when AutoShutdown becomes Never; they then end like others.
func (s *Supervisor) Reconfigure(opts Options) error {
	opts = opts.withDefaults()
	if err := opts.check(); err != nil {
		return err
	}
	m, err := s.adopt(opts)
	if m != nil {
		m.reconfigure(opts)
	}
	return err
}

// adopt takes over the options for later runs, and returns the machine of this.
func (s *Supervisor) adopt(opts Options) (*machine, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := opts.checkLimit(len(s.specs)); err != nil {
		return nil, err
	}
	lenient := opts
	lenient.AutoShutdown = AnySignificant
	for _, spec := range s.specs {
		if err := spec.check(lenient); err != nil {
			return nil, err
		}
	}
	if s.machine != nil {
		if err := s.machine.check(lenient); err != nil {
			return nil, err
		}
	}
	s.opts = opts
	return s.machine, nil
}

// Replace changes the spec of the child of that name, for this run and, if it
// was given to New, those that follow. It holds from the next decision about
// the child on: what runs goes on, and a new Run or Start is for the next
// incarnation. A Budget that changes begins to count anew. Replace returns
// [ErrNotFound] if there is no such child.
func (s *Supervisor) Replace(spec Spec) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	spec = spec.withDefaults(s.pool)
	if err := spec.check(s.opts); err != nil {
		return err
	}
	i := slices.IndexFunc(s.specs, func(old Spec) bool { return old.Name == spec.Name })
	live := s.machine != nil && s.machine.replace(spec)
	if i < 0 && !live {
		return fmt.Errorf("%w: %q", ErrNotFound, spec.Name)
	}
	if i >= 0 {
		s.specs[i] = spec
	}
	return nil
}

// String returns the supervisor's name in the form of error texts: supervisor "db".
func (s *Supervisor) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	word := "supervisor"
	if s.pool {
		word = "pool"
	}
	if s.opts.Name == "" {
		return word
	}
	return fmt.Sprintf("%s %q", word, s.opts.Name)
}
