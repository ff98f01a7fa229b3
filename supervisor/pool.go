package supervisor

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/supervisorscope/scope"
)

// A Pool supervises many children of one spec, such as one per connection.
// They have no order: each starts at once, and when the pool stops all are asked
// to end together. By default they are [Temporary], and one that exceeds its
// budget is parked and leaves the pool running. The normal end of a child never
// counts against a budget. Failures of the same text are reported together.
//
// Make one with [NewPool]. All methods are safe for concurrent use.
type Pool struct{ s *Supervisor }

// NewPool returns a pool whose children have the given spec; its Name, Run and
// Start are each child's own, and must be zero. [Options.Strategy] must be
// OneForOne. Errors are those of [New].
func NewPool(child Spec, opts Options) (*Pool, error) {
	o := opts.withDefaults()
	err := o.check()
	if err == nil && o.Strategy != OneForOne {
		err = &SpecError{Field: "Options.Strategy", Problem: "must be OneForOne in a pool"}
	}
	if err != nil {
		return nil, err
	}
	if child.Name != "" || child.Run != nil || child.Start != nil {
		text := "and Name are those of each child; pass them to Add"
		return nil, &SpecError{Child: child.Name, Field: "Run", Problem: text}
	}
	child = child.withDefaults(true)
	probe := child
	probe.Name, probe.Run = "of the pool", func(context.Context) error { return nil }
	if err := probe.check(o); err != nil {
		return nil, err
	}
	return &Pool{s: &Supervisor{pool: true, opts: o, template: child}}, nil
}

// Run supervises the children that are added, as [Supervisor.Run] does.
func (p *Pool) Run(ctx context.Context) error { return p.s.Run(ctx) }

// Start blocks until the end, as [Pool.Run] does. Pass it to [scope.Scope.Start]
// or set it as a [Spec.Start], as with [Supervisor.Start]. A pool is ready at
// once.
func (p *Pool) Start(ctx context.Context, ready func()) error { return p.s.Start(ctx, ready) }

// String returns the pool's name in the form of error texts: pool "sessions".
func (p *Pool) String() string { return p.s.String() }

// ChildSpec returns the spec of p as a child of a supervisor; see
// [Supervisor.ChildSpec].
func (p *Pool) ChildSpec(name string) Spec {
	return p.s.ChildSpec(name)
}

// Add adds a child that runs run; name "" stands for a number. At the Limit of
// the pool it waits for a place, first come first served. If ctx is done before
// the child runs, it is not added, and Add returns the cause of ctx. Other errors
// are those of [Supervisor.Add].
func (p *Pool) Add(ctx context.Context, name string, run func(context.Context) error) error {
	if run == nil {
		return &SpecError{Child: name, Field: "Run", Problem: "is nil; pass what the child does"}
	}
	return p.add(ctx, name, func(c *Spec) { c.Run = run })
}

// AddStart is [Pool.Add] for a child that is not ready at once; it returns when
// the child is ready. See [Spec.Start].
func (p *Pool) AddStart(
	ctx context.Context, name string, start func(ctx context.Context, ready func()) error,
) error {
	if start == nil {
		return &SpecError{Child: name, Field: "Start", Problem: "is nil; pass what the child does"}
	}
	return p.add(ctx, name, func(c *Spec) { c.Start = start })
}

// TryAdd is [Pool.Add] that does not wait: at the Limit it returns
// [scope.ErrLimit].
func (p *Pool) TryAdd(ctx context.Context, name string, run func(context.Context) error) error {
	if run == nil {
		return &SpecError{Child: name, Field: "Run", Problem: "is nil; pass what the child does"}
	}
	m := p.s.running()
	if m == nil {
		return ErrNotRunning
	}
	spec := p.s.spec(name)
	spec.Run = run
	return m.addNamed(ctx, spec, false)
}

func (p *Pool) add(ctx context.Context, name string, set func(*Spec)) error {
	m := p.s.running()
	if m == nil {
		return ErrNotRunning
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	spec := p.s.spec(name)
	set(&spec)
	granted := false
	for {
		err := m.addNamed(ctx, spec, granted)
		if !errors.Is(err, scope.ErrLimit) {
			return err
		}
		if err := m.awaitRoom(ctx); err != nil {
			return err
		}
		granted = true
	}
}

// Remove asks a child to end and returns when it has; see [Supervisor.Remove].
func (p *Pool) Remove(ctx context.Context, name string) error { return p.s.Remove(ctx, name) }

// Restart starts a child that is parked or has ended for good; see
// [Supervisor.Restart].
func (p *Pool) Restart(ctx context.Context, name string) error { return p.s.Restart(ctx, name) }

// Children describes the children, oldest first.
func (p *Pool) Children() []ChildInfo { return p.s.Children() }

// Info describes the pool.
func (p *Pool) Info() Info { return p.s.Info() }

// spec returns the spec of one child of a pool.
func (s *Supervisor) spec(name string) Spec {
	spec := s.template
	spec.Name = name
	return spec
}

// addNamed is add for a child that may go without a name.
func (m *machine) addNamed(ctx context.Context, spec Spec, granted bool) error {
	if spec.Name == "" {
		spec.Name = m.newName()
	}
	return m.add(ctx, spec, granted)
}

func (m *machine) newName() string {
	m.mu.Lock()
	defer m.unlock()
	for {
		m.names++
		name := fmt.Sprintf("child-%d", m.names)
		if m.children[name] == nil {
			return name
		}
	}
}

// full reports whether the Limit is reached.
func (m *machine) full() bool {
	return m.opts.Limit > 0 && len(m.children)+m.granted >= m.opts.Limit
}

// awaitRoom waits for a place, which is then kept for the caller.
func (m *machine) awaitRoom(ctx context.Context) error {
	ch, err := m.queueForRoom()
	if ch == nil {
		return err
	}
	select {
	case err := <-ch:
		return err
	case <-ctx.Done():
	}
	if !m.leaveRoomQueue(ch) {
		if err := <-ch; err != nil { // decided just now
			return err
		}
		m.returnRoom()
	}
	return context.Cause(ctx)
}

func (m *machine) queueForRoom() (chan error, error) {
	m.mu.Lock()
	defer m.unlock()
	switch {
	case m.phase >= phaseStopping:
		return nil, ErrNotRunning
	case !m.full():
		m.granted++
		return nil, nil
	}
	ch := make(chan error, 1)
	m.room = append(m.room, ch)
	return ch, nil
}

func (m *machine) leaveRoomQueue(ch chan error) bool {
	m.mu.Lock()
	defer m.unlock()
	i := slices.Index(m.room, ch)
	if i >= 0 {
		m.room = slices.Delete(m.room, i, i+1)
	}
	return i >= 0
}

func (m *machine) returnRoom() {
	m.mu.Lock()
	defer m.unlock()
	m.granted--
	m.grantRoom()
}

// grantRoom gives free places to those who wait for one.
func (m *machine) grantRoom() {
	for len(m.room) > 0 && !m.full() {
		ch := m.room[0]
		m.room = m.room[1:]
		m.granted++
		m.later(func() { ch <- nil })
	}
}
