package supervisor

import (
	"fmt"
	"time"

	"github.com/supervisorscope/scope"
)

// Strategy says which children are restarted when one of them fails. The zero
// Strategy is [OneForOne].
type Strategy int

const (
	// OneForOne restarts the child that failed, and no other.
	OneForOne Strategy = iota
	// OneForAll stops all others in reverse order, then starts all in order.
	OneForAll
	// RestForOne does this with the child that failed and those after it.
	RestForOne
)

// String returns OTP's word for s.
func (s Strategy) String() string {
	switch s {
	case OneForOne:
		return "one_for_one"
	case OneForAll:
		return "one_for_all"
	case RestForOne:
		return "rest_for_one"
	default:
		return fmt.Sprintf("Strategy(%d)", int(s))
	}
}

// AutoShutdown says whether a supervisor ends when significant children end by
// themselves and are not restarted. A child that is stopped by its supervisor,
// because of a sibling or by hand, does not count. The zero AutoShutdown is
// [Never].
type AutoShutdown int

const (
	// Never leaves the supervisor running, with no children if need be.
	Never AutoShutdown = iota
	// AnySignificant ends it with the first significant child that ends.
	AnySignificant
	// AllSignificant ends it with the last one.
	AllSignificant
)

// String returns OTP's word for a.
func (a AutoShutdown) String() string {
	switch a {
	case Never:
		return "never"
	case AnySignificant:
		return "any_significant"
	case AllSignificant:
		return "all_significant"
	default:
		return fmt.Sprintf("AutoShutdown(%d)", int(a))
	}
}

// Action is what a classifier answers to an error, and what a supervisor does
// about a budget that is exceeded.
type Action int

const (
	// ByType leaves the decision to the restart type.
	ByType Action = iota
	// Restart starts the child again, within its budget. A temporary child is
	// never restarted, whatever the classifier says.
	Restart
	// Stop lets the child be: it has ended for good. Its spec is kept, unless
	// it is temporary.
	Stop
	// Park stops this child only. It stays in the tree as parked, with the
	// reason, until it is restarted by hand; its siblings run without it.
	Park
	// Escalate ends the supervisor: all children are stopped in reverse order,
	// and Run returns the reason as an error.
	Escalate
)

// String returns the word for a.
func (a Action) String() string {
	switch a {
	case ByType:
		return "by type"
	case Restart:
		return "restart"
	case Stop:
		return "stop"
	case Park:
		return "park"
	case Escalate:
		return "escalate"
	default:
		return fmt.Sprintf("Action(%d)", int(a))
	}
}

// Options set up a supervisor or a pool. The zero Options are those of a
// one-for-one supervisor that escalates.
type Options struct {
	// Name is the supervisor's name in paths and reports. Optional; zero means
	// the name of the task that runs it.
	Name string

	// Strategy says which children a failure restarts. Optional; a pool is
	// always one-for-one.
	Strategy Strategy

	// AutoShutdown says whether significant children end the supervisor.
	// Optional.
	AutoShutdown AutoShutdown

	// Budget limits the restarts of all children together. Optional; zero
	// means that only each child's own budget counts.
	Budget Budget

	// OnExceed says what to do when Budget is exceeded: Escalate, or Park for
	// the child whose restart was one too many. Optional; zero means Escalate.
	OnExceed Action

	// Limit is the largest number of children at a time; those that are
	// stopped, restarting or parked count. Optional; zero means any number.
	Limit int

	// Total is the time for stopping all children in order. When it is over
	// the children that are left are asked at once. Optional; zero means 25 s,
	// [Infinity] no limit.
	Total time.Duration

	// OnFailure is told of failures, as in [scope.OnFailure]. Optional; zero
	// means the handler of the scope around it.
	OnFailure scope.Handler
}

const (
	defaultTotal = 25 * time.Second
	// hurriedGrace is the longest grace of a child that is asked when Total is
	// over.
	hurriedGrace = 5 * time.Second
)

// withDefaults returns o with its zero fields filled in.
func (o Options) withDefaults() Options {
	if o.OnExceed == ByType {
		o.OnExceed = Escalate
	}
	if o.Total == 0 {
		o.Total = defaultTotal
	}
	return o
}

// check returns what is wrong with o, defaults filled in.
func (o Options) check() error {
	fail := func(field, text string) error {
		return &SpecError{Field: "Options." + field, Problem: text}
	}
	switch {
	case o.Strategy < OneForOne || o.Strategy > RestForOne:
		return fail("Strategy", "is unknown; use OneForOne, OneForAll or RestForOne")
	case o.AutoShutdown < Never || o.AutoShutdown > AllSignificant:
		return fail("AutoShutdown", "is unknown; use Never, AnySignificant or AllSignificant")
	case o.OnExceed != Escalate && o.OnExceed != Park:
		return fail("OnExceed", "must be Escalate or Park")
	case o.Limit < 0:
		return fail("Limit", "is negative; leave it out for any number of children")
	case o.Total < 0:
		return fail("Total", "is negative; leave it out for 25s, or use Infinity")
	}
	if field, text := o.Budget.problem(); field != "" {
		return fail(field, text)
	}
	return nil
}

// checkLimit returns what is wrong with Limit for the children given to New.
func (o Options) checkLimit(children int) error {
	if o.Limit <= 0 || children <= o.Limit {
		return nil
	}
	text := fmt.Sprintf("is below the number of children, %d", children)
	return &SpecError{Field: "Options.Limit", Problem: text}
}
