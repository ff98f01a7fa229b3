package model

// A Phase is where a scope stands, in the words of its published state.
type Phase int

// The phases. Closing stands for all that is between Draining and Ended.
const (
	Open Phase = iota
	Draining
	Closing
	Ended
)

func (p Phase) String() string { return [...]string{"open", "draining", "closing", "ended"}[p] }

// A Kind says by which call a worker was started.
type Kind int

// The kinds of workers. A Body belongs to a lexical scope.
const (
	Task Kind = iota
	Daemon
	Async
	Start
	Do
	Body
)

func (k Kind) String() string {
	return [...]string{"task", "daemon", "async", "start", "do", "body"}[k]
}

// An End is how a function ends, of itself or because it was cancelled.
type End int

// The ends. Echo is to return just the cancellation, and Ignore not to end when
// cancelled: both are about cancellation alone.
const (
	OK End = iota
	Error
	Panic
	Goexit
	Fatal
	Echo
	Ignore
)

func (e End) String() string {
	return [...]string{"ok", "error", "panic", "goexit", "fatal", "echo", "ignore"}[e]
}

func (e End) fails() bool { return e >= Error && e <= Fatal }

// An Action is what a handler does beside taking note.
type Action int

// The actions of handlers.
const (
	Note Action = iota
	Crash
	Exit
	CancelScope
	ShutdownInside
	Respawn
	actions
)

// Actions is how many there are.
const Actions = int(actions)

// Canceled and Expired are the tags of context.Canceled and of a scope's own
// deadline. All other tags are made by the program.
const (
	Canceled = "canceled"
	Expired  = "expired"
	// Further stands for the failures that KeepErrors had no room for.
	Further = "further"
)

// A Set holds what one of may be the case.
type Set map[string]bool

func setOf(tags ...string) Set {
	s := Set{}
	for _, tag := range tags {
		s[tag] = true
	}
	return s
}

// A Worker is a task, or the body of a lexical scope.
type Worker struct {
	Name     string
	Kind     Kind
	Scope    *Scope
	OnCancel End
	Climbs   bool // the failure of a lexical scope within becomes its own

	Live     bool // counts as live: its function, handler or a scope below runs
	Returned bool // its function is over
	Own      Set  // why it alone was cancelled; nil if it was not
	ownAt    int  // the step of that
	Ready    bool // of a Start
	GaveUp   bool // of a Start: who called it has
	Outcome  End
	Within   *Scope   // the lexical scope it is in a call of
	Below    []*Scope // open scopes below it, Within included
	queued   bool
	gone     bool // its context is over, since it has ended or is about to
	wasDone  bool // its context was done when its function returned
	at       int  // the step in which a body ended
}

// Done reports whether the worker's context is done.
func (w *Worker) Done() bool { return w.Own != nil || w.Scope.Cause != nil }

// Cause returns what the cause of the worker's context may be, nil if it is
// live. Of two that came in one step either may have been first.
func (w *Worker) Cause() Set {
	if w.Own != nil {
		return w.Own
	}
	return w.Scope.Cause
}

// Free reports whether the worker can be told to do something.
func (w *Worker) Free() bool { return w.Live && !w.Returned && w.Within == nil }

// A Scope is what the model knows of a scope.
type Scope struct {
	Name     string
	FailFast bool
	Lexical  bool
	Limit    int
	Deadline int // in virtual time; 0 for none
	MoveOn   bool
	Does     Action // of its handler
	Keep     int    // of KeepErrors; 0 for none
	Grace    int    // 0 for none
	Contain  bool
	Observed bool // has an observer of its own

	Parent  *Worker  // nil for a root
	Via     *Derived // the context between Parent and the scope, or nil
	Body    *Worker  // of a lexical scope
	Watcher string   // the scope whose observer hears of it, or ""
	Phase   Phase
	Cause   Set // nil while it is not cancelled
	Given   string
	Workers []*Worker // live ones, oldest first
	Queue   []*Worker // who waits for a slot
	Defers  []*Deferred
	Ran     []string // deferred functions, in the order they ran

	Claims  Set       // which failures may be in the result; nil if nothing failed
	claimed int       // the step of the first claim
	Perhaps Set       // what else may be in the result
	kept    int       // how many failures KeepErrors has kept
	keptAt  int       // the step of the last one
	unsure  bool      // whether a failure of the step of a fatal one needed a place
	graceAt int       // when the grace is over
	endedAt int       // the step in which it has ended
	idleAt  int       // the step in which the last ordinary worker went
	fatalAt int       // the step of the first fatal claim; 0 for none
	caused  int       // the step of the cancellation
	Unseen  []*Worker // failed futures that nobody has fetched
	Result  Result    // once it has ended
	Passed  bool      // its call did not return the result: a panic or Goexit went on

	Failed, Panicked, Cancelled, Refused int
}

// A Result says what a scope's result may consist of.
type Result struct {
	May  Set  // tags that may be in it
	Some bool // it is not nil
}

// A Deferred is a deferred function.
type Deferred struct {
	Name string
	End  End
}

// A Verb is a call that waits.
type Verb int

// The verbs, and those for who waits in Start and in Do.
const (
	Wait Verb = iota
	Drain
	Shutdown
	StartVerb
	DoVerb
)

func (v Verb) String() string {
	return [...]string{"Wait", "Drain", "Shutdown", "Start", "Do"}[v]
}

// A Waiter is a call that waits.
type Waiter struct {
	Maybe    bool // may have returned: there was a moment in this step at which it could
	Hasty    bool // out of time from the start: may still see the end
	Verb     Verb
	Scope    *Scope
	Worker   *Worker // of a Start or Do
	Deadline int     // in virtual time; 0 for none
	Over     bool
	TimedOut bool
	Want     Result
}
