package supervisor

import (
	"context"
)

// Add adds a child, last in order, starts it, and returns when it is ready. If
// its start fails, nothing of it is left and Add returns a [*ChildError]. If ctx
// is done first, the child is removed and Add returns the cause of ctx, without
// waiting for it; the supervisor does.
//
// While the supervisor is starting its children, or restarting a group, the new
// child waits for its turn. A child that calls Add before it is ready would
// wait for itself, and so would the handler of a failure that restarts a group:
// Add then returns nil at once, and a failed start is told to the handler. It
// returns [ErrAlreadyPresent], [ErrNotRunning], a [*SpecError],
// or [scope.ErrLimit].
//
// What is added belongs to this run: the next one begins with New's children.
func (s *Supervisor) Add(ctx context.Context, spec Spec) error {
	s.mu.Lock()
	spec = spec.withDefaults(s.pool)
	err, m := spec.check(s.opts), s.machine
	s.mu.Unlock()
	if err != nil {
		return err
	}
	if m == nil {
		return ErrNotRunning
	}
	return m.add(ctx, spec, false)
}

// Terminate asks a child to end and returns when it has: [scope.ErrSelfWait] at
// once, having asked, if called from inside that child, or by a handler with the
// context of a report about it, and the cause of ctx if that is done first. The
// child is kept as stopped and not restarted, other than by [Supervisor.Restart],
// and its siblings are left alone. A temporary child is removed. Terminating a
// child that waits for a restart, or is stopped or parked, takes effect at once.
// Whatever the child returns does not count.
func (s *Supervisor) Terminate(ctx context.Context, name string) error {
	return s.end(ctx, name, whyHand)
}

// Remove is [Supervisor.Terminate] that also removes the child.
func (s *Supervisor) Remove(ctx context.Context, name string) error {
	return s.end(ctx, name, whyRemove)
}

func (s *Supervisor) end(ctx context.Context, name string, why reason) error {
	m := s.running()
	if m == nil {
		return ErrNotRunning
	}
	return m.end(ctx, name, why)
}

// Restart starts a child that is stopped or parked and returns when it is
// ready, as [Supervisor.Add] does; at once if called by the handler that is told
// of it. Its backoff and its budget begin anew. If the
// start fails, the child stays stopped and Restart returns a [*ChildError].
// Restart returns [ErrRunning] for a child that runs, [ErrRestarting] for one
// that is to be started anyhow, [ErrNotFound], or [ErrNotRunning].
func (s *Supervisor) Restart(ctx context.Context, name string) error {
	m := s.running()
	if m == nil {
		return ErrNotRunning
	}
	return m.restart(ctx, name)
}

// reconfigure takes over new options.
func (m *machine) reconfigure(o Options) {
	m.mu.Lock()
	defer m.unlock()
	if o.Budget != m.opts.Budget {
		m.counter = newCounter(o.Budget)
	}
	m.opts = o
	m.settle()
}

// replace takes over a new spec. It reports false if there is no such child.
func (m *machine) replace(spec Spec) bool {
	m.mu.Lock()
	defer m.unlock()
	c := m.children[spec.Name]
	if c == nil || c.state == stateGone {
		return false
	}
	if c.spec.Budget != spec.Budget {
		c.counter = newCounter(spec.Budget)
	}
	if spec.Restart == Temporary && c.inc != nil {
		spec.Run, spec.Start = nil, nil // as incarnate does
	}
	c.spec = spec
	return true
}

// check returns what is wrong with options o for the children.
func (m *machine) check(o Options) error {
	m.mu.Lock()
	defer m.unlock()
	for c := m.first; c != nil; c = c.next {
		spec := c.spec
		if spec.Run == nil && spec.Start == nil { // as incarnate leaves it
			spec.Run = func(context.Context) error { return nil }
		}
		if err := spec.check(o); err != nil {
			return err
		}
	}
	return nil
}
