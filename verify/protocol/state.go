package protocol

// A Phase is one of the core's.
type Phase int8

// The phases.
const (
	None Phase = iota // the zero Scope, not used here
	Open
	Draining
	Closed
	Cleaning
	Ended
)

// A Role says what a process does.
type Role int8

// The roles. Plain ends when it likes, cancelled or not, so it is also the
// straggler. Server ends only when its context is done. Both are tasks, as are
// Daemon, Waited, which somebody joins, Parent, whose function starts the next
// process, Nester, whose function opens the second scope, and Deferred, which the
// scope starts.
const (
	Nobody Role = iota
	Plain
	Server
	Daemon
	Waited
	Parent
	Nester
	Deferred
	Body
	Canceller
	Drainer
	Stopper
	Waiter
)

// MaxProcs bounds how many processes a configuration has.
const MaxProcs = 5

// Outer is the scope that every configuration has, and Inner the one that a
// Nester opens with its context.
const (
	Outer = iota
	Inner
)

// A State is that of the scopes, as far as their end goes, with the processes. It
// is comparable, and so its own key.
type State struct { //nolint:recvcheck // a step copies; its parts change the copy
	Scopes [2]Scope
	Flaw   Flaw
	Procs  [MaxProcs]Proc
}

// A Scope is one scope's part of a State.
type Scope struct {
	Phase                            Phase
	Lexical, InBody, Told, Finishing bool
	Cancelled                        bool
	Nested                           bool // the inner scope hangs below a task
	Live, Others, Ending             int8
	Armed                            int8
	Cleanups                         int8 // deferred functions left
	Left                             bool // the latch of a lexical scope
	Ends                             int8
	Idle, Over                       Channel
}

// A Channel counts how often it was made, and says whether the last one is still
// in the ledger. Those before, and one that is not, are as good as closed: who
// took it out closes it with its next steps.
type Channel struct {
	Made, Closed int8
	In           bool
}

// A Proc is a process: where it is, and what it still has to do.
type Proc struct {
	Role  Role
	In    int8 // the scope whose task it is, or that it calls
	At    place
	Calls int8    // of the function
	Do    [2]Todo // about each scope
	On    int8    // the channel it waits for

	Published, Armed, Asked bool // the task's own context
	Listed, Inside          bool
	Broken                  bool // its wait returned too early
}

// A Todo is what is due after the unlock.
type Todo struct {
	Idle, Over             int8 // channels to close
	Daemons, Cleanup, Left bool
	Detach, End            bool
	Walk                   bool // bring the cancellation to what is listed
	Below                  bool // and to the inner scope
	Release                bool // wake who waits for the task, then settle again
}

// A place is where a process stands.
type place int8

const (
	begin place = iota
	admit       // looked for a cancellation, will take the lock
	inCall
	armed   // has published its context
	checks  // will look whether the scope is cancelled
	waits   // for its context
	listens // has attached a scope, will look whether it is cancelled
	leaves  // will take itself off the list
	ends    // has found a scope below it, will cancel that
	joins   // waits for the end of that
	looks   // will ask what to wait for
	onIdle  // waits for the tasks
	onOver  // waits for all
	atLatch // a lexical scope's body, after its function
	atEnd   // makes the end
	over
	dormant // is started by another
)

func (p Proc) isTask() bool  { return p.Role >= Plain && p.Role <= Deferred }
func (p Proc) running() bool { return p.isTask() && p.At >= inCall && p.At <= joins }
func (p Proc) ordinary() bool {
	return p.Role != Daemon && p.Role != Deferred
}

// closes reports whether p brings its scope to an end.
func (p Proc) closes() bool {
	return p.Role == Body || p.Role == Canceller || p.Role == Drainer || p.Role == Stopper
}

// Config returns the state in which all processes begin. A process behind a
// Parent is the one that it starts.
func Config(lexical bool, roles ...Role) State {
	s := State{Scopes: [2]Scope{{Phase: Open, Lexical: lexical, InBody: lexical}, {Phase: Open}}}
	for i, role := range roles {
		p := &s.Procs[i]
		p.Role = role
		switch {
		case role == Deferred:
			s.Scopes[Outer].Cleanups++
			p.At = dormant
		case i > 0 && roles[i-1] == Parent:
			p.At = dormant
		}
	}
	if lexical {
		s.Procs[len(roles)].Role = Body
	}
	return s
}

// Below adds processes to s that belong to the inner scope.
func (s State) Below(roles ...Role) State {
	for _, role := range roles {
		for i, p := range s.Procs {
			if p.Role == Nobody {
				s.Procs[i] = Proc{Role: role, In: Inner, At: dormant}
				break
			}
		}
	}
	return s
}

// A Flaw is something wrong with the protocol, for the checker to find.
type Flaw int8

// The flaws, each a line of the core left out or turned round.
const (
	NoFlaw      Flaw = iota
	NoLook           // a task does not look for a cancellation after publishing
	NoHold           // a task with waiters does not hold the scope while it wakes them
	LostIdle         // the last end does not wake who waits for it
	LateAdmit        // a closed scope admits
	DaemonsLeft      // nobody cancels the daemons
	NoListen         // a scope does not look for a cancellation after it was attached
	NoJoin           // a task ends without the scope below it
)
