package supervisor

import (
	"fmt"
	"strings"
	"time"

	"github.com/supervisorscope/scope"
)

// Info describes a supervisor or a pool at one moment. It is the Detail of the
// task that runs it, made of plain data so that a view of the tree can show it
// without knowing this package.
type Info struct {
	Kind         string `json:"kind"`  // supervisor or pool
	State        string `json:"state"` // created, starting, running, stopping
	Strategy     string `json:"strategy"`
	AutoShutdown string `json:"auto_shutdown"`

	// Specs counts the children, whatever their state; Active those with a
	// live incarnation; Supervisors and Workers share Specs between them.
	Specs       int `json:"specs"`
	Active      int `json:"active"`
	Supervisors int `json:"supervisors"`
	Workers     int `json:"workers"`

	// Restarts is how many there were in this run; a group's counts once.
	Restarts uint64 `json:"restarts"`
	// The budget of all children together; Left is -1 for a window without
	// a limit.
	InBurst       int `json:"in_burst"`
	BurstLeft     int `json:"burst_left"`
	InSustained   int `json:"in_sustained"`
	SustainedLeft int `json:"sustained_left"`
}

// String returns the description in one line.
func (i Info) String() string {
	return fmt.Sprintf("%s %s, %s, %d of %d children live, %d restarts",
		i.Kind, i.State, i.Strategy, i.Active, i.Specs, i.Restarts)
}

// ChildInfo describes a child at one moment. It is the Detail of the child's
// task under the supervisor, made of plain data like [Info].
type ChildInfo struct {
	Name        string `json:"name"`
	Kind        string `json:"kind"` // worker or supervisor
	Restart     string `json:"restart"`
	Significant bool   `json:"significant,omitzero"`

	// State is queued, starting, ready, stopping, stuck, backoff, stopped or
	// parked.
	State string `json:"state"`
	// Note says why it is stopped or parked.
	Note string `json:"note,omitzero"`

	// Incarnation is the number of the live incarnation, or of the last one;
	// 0 if there was none. Restarts is how many there were in this run.
	Incarnation uint64 `json:"incarnation"`
	Restarts    uint64 `json:"restarts"`

	// How many restarts are in the windows of the child's budget now, and how
	// many are left; Left is -1 for a window without a limit.
	InBurst       int `json:"in_burst"`
	BurstLeft     int `json:"burst_left"`
	InSustained   int `json:"in_sustained"`
	SustainedLeft int `json:"sustained_left"`

	// NextRestart is when the delay before the next restart is over, zero if
	// none is due.
	NextRestart time.Time `json:"next_restart,omitzero"`
	// ReadySince is when the live incarnation became ready, or zero.
	ReadySince time.Time `json:"ready_since,omitzero"`

	// LastFailure is the last failure's text, and when it was.
	LastFailure   string    `json:"last_failure,omitzero"`
	LastFailureAt time.Time `json:"last_failure_at,omitzero"`

	// Detail is what the live incarnation tells of itself by [scope.Describe],
	// or nil.
	Detail any `json:"detail,omitzero"`
}

// String returns the description in one line.
func (i ChildInfo) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", i.Restart, i.State)
	if i.Incarnation > 0 {
		fmt.Fprintf(&b, ", incarnation %d, %d restarts", i.Incarnation, i.Restarts)
	}
	if !i.NextRestart.IsZero() {
		fmt.Fprintf(&b, ", next at %s", i.NextRestart.Format(time.TimeOnly))
	}
	if i.Note != "" {
		fmt.Fprintf(&b, ", %s", i.Note)
	}
	if i.LastFailure != "" {
		at := i.LastFailureAt.Format(time.TimeOnly)
		fmt.Fprintf(&b, ", last failure at %s: %s", at, i.LastFailure)
	}
	return b.String()
}

// Children describes the children, in start order. It may be called at any
// time, also while children start, back off, or refuse to stop.
func (s *Supervisor) Children() []ChildInfo {
	if m := s.running(); m != nil {
		return m.infos()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var infos []ChildInfo
	for _, spec := range s.specs {
		idle := child{
			name: spec.Name, spec: spec, state: stateQueued, counter: newCounter(spec.Budget),
		}
		infos = append(infos, idle.describe(0, time.Time{}))
	}
	return infos
}

// Child describes the child of that name. It returns [ErrNotFound] if there is
// none.
func (s *Supervisor) Child(name string) (ChildInfo, error) {
	for _, info := range s.Children() {
		if info.Name == name {
			return info, nil
		}
	}
	return ChildInfo{}, fmt.Errorf("%w: %q", ErrNotFound, name)
}

// Info describes the supervisor. It may be called at any time.
func (s *Supervisor) Info() Info {
	if m := s.running(); m != nil {
		return m.info()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	info := newInfo(s.opts, s.pool)
	info.State = "created"
	for _, spec := range s.specs {
		info = info.with(spec.supervisor, false)
	}
	c := newCounter(s.opts.Budget)
	info.BurstLeft, info.SustainedLeft = c.burst.left(0), c.sustained.left(0)
	return info
}

func newInfo(o Options, pool bool) Info {
	info := Info{
		Kind: "supervisor", Strategy: o.Strategy.String(), AutoShutdown: o.AutoShutdown.String(),
	}
	if pool {
		info.Kind = "pool"
	}
	return info
}

// with returns i with one child more.
func (i Info) with(supervisor, live bool) Info {
	i.Specs++
	if live {
		i.Active++
	}
	if supervisor {
		i.Supervisors++
	} else {
		i.Workers++
	}
	return i
}

// String returns the word for p that [Info] uses.
func (p phase) String() string {
	switch p {
	case phaseStarting:
		return "starting"
	case phaseRunning:
		return "running"
	case phaseStopping, phaseOver:
		return "stopping"
	default:
		panic(fmt.Sprintf("supervisor: unknown phase %d", int(p)))
	}
}

func (m *machine) info() Info {
	m.mu.Lock()
	defer m.unlock()
	info := newInfo(m.opts, m.pool)
	info.State = m.phase.String()
	for c := m.first; c != nil; c = c.next {
		info = info.with(c.spec.supervisor, c.inc != nil)
	}
	now := m.now()
	info.Restarts = m.restarts
	burst, sustained := m.counter.burst, m.counter.sustained
	info.InBurst, info.BurstLeft = burst.used(now), burst.left(now)
	info.InSustained, info.SustainedLeft = sustained.used(now), sustained.left(now)
	return info
}

func (m *machine) infos() []ChildInfo {
	m.mu.Lock()
	var children []*child
	for c := m.first; c != nil; c = c.next {
		children = append(children, c)
	}
	m.unlock()
	infos := make([]ChildInfo, 0, len(children))
	for _, c := range children {
		if info := c.info(); info.State != stateGone.String() { // removed meanwhile
			infos = append(infos, info)
		}
	}
	return infos
}

// info describes a child of a running machine.
func (c *child) info() ChildInfo {
	c.m.mu.Lock()
	info := c.describe(c.m.now(), c.m.epoch)
	var task *scope.Task
	if c.inc != nil {
		task = c.inc.task
	}
	c.m.unlock()
	if task != nil {
		info.Detail = task.Info().Detail // the user's code: without the lock
	}
	return info
}

func (c *child) describe(now time.Duration, epoch time.Time) ChildInfo {
	info := ChildInfo{
		Name: c.name, Kind: "worker", State: c.state.String(), Restart: c.spec.Restart.String(),
		Significant: c.spec.Significant, Note: c.note,
		Incarnation: c.incarnations, Restarts: c.restarts,
		InBurst: c.counter.burst.used(now), BurstLeft: c.counter.burst.left(now),
		InSustained: c.counter.sustained.used(now), SustainedLeft: c.counter.sustained.left(now),
		LastFailure: c.lastText, LastFailureAt: c.lastAt,
	}
	if c.spec.supervisor {
		info.Kind = "supervisor"
	}
	if c.state == stateBackoff {
		info.NextRestart = epoch.Add(c.nextAt)
	}
	if c.inc != nil && c.inc.ready {
		info.ReadySince = epoch.Add(c.inc.readyAt)
	}
	return info
}
