package supervisor

import (
	"context"
	"fmt"
	"math"
	"time"
)

// RestartType says when a child is restarted. The zero RestartType is
// [Permanent] in a supervisor and [Temporary] in a pool.
type RestartType int

const (
	// Permanent children are always restarted: they are not meant to end.
	Permanent RestartType = iota + 1
	// Transient children are restarted when they fail. One that returns nil
	// has done its work.
	Transient
	// Temporary children are never restarted, and forgotten when they end.
	Temporary
)

// String returns OTP's word for r.
func (r RestartType) String() string {
	switch r {
	case Permanent:
		return "permanent"
	case Transient:
		return "transient"
	case Temporary:
		return "temporary"
	default:
		return fmt.Sprintf("RestartType(%d)", int(r))
	}
}

const (
	// Infinity is no limit of time, for [Spec.Grace], [Spec.StartTimeout] and
	// [Options.Total].
	Infinity time.Duration = math.MaxInt64

	// NoGrace asks, as [Spec.Grace], the child to end and does not hold up the
	// stop of its siblings for it: OTP's brutal_kill, as far as Go has it. A
	// goroutine cannot be killed, so the supervisor still waits for the child
	// before it starts it again, or returns.
	NoGrace time.Duration = -1
)

const (
	defaultGrace        = 10 * time.Second
	defaultStartTimeout = time.Minute
)

// Spec describes a child. One of Run and Start is required.
type Spec struct {
	// Name tells the child from its siblings. Required in a supervisor.
	Name string

	// Run is what the child does. Each call is one incarnation, in a scope of
	// its own: what it starts with [scope.From](ctx) is part of the child, is
	// cancelled when Run has returned, and its failure is the child's. Run must
	// return when ctx is done, which it may be from its first line on: the child is
	// ready before that, and what comes after it may have ended the supervisor.
	Run func(ctx context.Context) error

	// Start is Run for a child that is not ready at once: it calls ready when
	// it is, and goes on. The next child in order is started then. Returning
	// before that is a failed start, with nil, too; returning [ErrIgnore]
	// declines. Later calls of ready do nothing.
	Start func(ctx context.Context, ready func()) error

	// Restart says when the child is restarted. Optional.
	Restart RestartType

	// Significant children can end the supervisor; see [AutoShutdown].
	// Optional. Not for permanent children, which do not end.
	Significant bool

	// StartTimeout is how long a start may take, until ready. Optional; zero
	// means 1 min, [Infinity] no limit.
	StartTimeout time.Duration

	// Grace is how long the child may take to return when it is asked to. A
	// child that takes longer is stuck: that is reported, with its stack, and it
	// is waited for. Optional; zero means 10 s. See also [Infinity], [NoGrace].
	Grace time.Duration

	// Backoff is the delay before restarts. Optional.
	Backoff Backoff

	// Budget is how often the child may be restarted. Optional. Budget and
	// Backoff are checked together.
	Budget Budget

	// OnExceed says what to do when Budget is exceeded: Escalate or Park.
	// Optional; zero means Escalate in a supervisor and Park in a pool.
	OnExceed Action

	// Classify may decide about an incarnation that failed, by its error: what
	// Run returned, a [*scope.PanicError], or [scope.ErrGoexit]. It is not asked
	// about a child that returned nil or was stopped. It may be called from
	// several goroutines. Optional; zero leaves all to the restart type.
	Classify func(err error) Action

	supervisor bool // made by ChildSpec: the child is a supervisor or a pool
}

// start returns the child's function in the form of Start.
func (c Spec) start() startFunc {
	if c.Start != nil {
		return c.Start
	}
	run := c.Run
	return func(ctx context.Context, ready func()) error {
		ready()
		return run(ctx)
	}
}

// withDefaults returns c with its zero fields filled in.
func (c Spec) withDefaults(pool bool) Spec {
	if c.Restart == 0 {
		c.Restart = Permanent
		if pool {
			c.Restart = Temporary
		}
	}
	if c.OnExceed == ByType {
		c.OnExceed = Escalate
		if pool {
			c.OnExceed = Park
		}
	}
	if c.StartTimeout == 0 {
		c.StartTimeout = defaultStartTimeout
	}
	if c.Grace == 0 {
		c.Grace = defaultGrace
	}
	c.Backoff = c.Backoff.withDefaults()
	c.Budget = c.Budget.withDefaults(c.Backoff)
	return c
}

// check returns what is wrong with c, defaults filled in, under a supervisor
// with options o.
func (c Spec) check(o Options) error {
	field, text := c.problem(o)
	if field == "" {
		field, text = c.Backoff.problem()
	}
	if field == "" {
		field, text = c.Budget.problem()
	}
	if field == "" && c.Restart != Temporary {
		field, text = jointProblem(c.Backoff, c.Budget, o.Budget)
	}
	if field == "" {
		return nil
	}
	return &SpecError{Child: c.Name, Field: field, Problem: text}
}

func (c Spec) problem(o Options) (field, text string) {
	switch {
	case c.Name == "":
		return "Name", "is empty; every child needs a name of its own"
	case c.Run == nil && c.Start == nil:
		return "Run", "is nil, and so is Start; set one of them"
	case c.Run != nil && c.Start != nil:
		return "Run", "is set, and so is Start; set one of them"
	case c.Restart < Permanent || c.Restart > Temporary:
		return "Restart", "is unknown; use Permanent, Transient or Temporary"
	case c.Significant && c.Restart == Permanent:
		return "Significant", "is set for a permanent child, which never ends; " +
			"make it Transient or Temporary"
	case c.Significant && o.AutoShutdown == Never:
		return "Significant", "is set, but Options.AutoShutdown is Never"
	case c.StartTimeout < 0:
		return "StartTimeout", "is negative; leave it out for 1m, or use Infinity"
	case c.Grace < 0 && c.Grace != NoGrace:
		return "Grace", "is negative; leave it out for 10s, or use NoGrace"
	case c.OnExceed != Escalate && c.OnExceed != Park:
		return "OnExceed", "must be Escalate or Park"
	}
	return "", ""
}
