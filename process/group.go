package process

import (
	"syscall"
	"time"

	"github.com/supervisorscope/scope"
)

// The end of a group is no event that a process can wait for, so it is looked
// for: soon at first, then less and less often.
const (
	firstPause   = time.Millisecond
	longestPause = 50 * time.Millisecond
)

// endGroup ends the group: the stop signal, the grace, SIGKILL. It returns when
// the process has ended and nothing else runs in its group.
//
// The signals can reach no stranger. The number of the group is that of the
// process, and the system keeps it for as long as nobody has waited for the
// process, even if that has ended; reap comes later.
func (p *proc) endGroup(leader *scope.Task) {
	pgid := p.exit.PID
	if !isOurs(pgid) {
		return
	}
	grace := time.NewTimer(p.Grace)
	defer grace.Stop()
	e := ending{p: p, asked: time.Now(), graceOver: grace.C, killNow: p.Kill}
	askGroup(pgid, p.StopSignal)

	// The rest of the group is not asked again when the process ends: to many
	// programs a second signal means "never mind your work".
	await(&e, leader.Done())
	if !isOurs(pgid) {
		return
	}
	for pause := firstPause; !groupGone(pgid); pause = min(2*pause, longestPause) {
		if e.killed {
			signalGroup(pgid, syscall.SIGKILL) // somebody joined after the first
		}
		await(&e, time.After(pause))
	}
}

// ending is a group that has been asked.
type ending struct {
	p         *proc
	asked     time.Time
	graceOver <-chan time.Time
	killNow   <-chan struct{}
	killed    bool
}

// await blocks until event. It kills the group if that is due meanwhile.
func await[T any](e *ending, event <-chan T) {
	for {
		select {
		case <-event:
			return
		case <-e.graceOver:
			e.kill()
		case <-e.killNow:
			e.kill()
		}
	}
}

// kill sends SIGKILL to the group, once, if anybody is left in it.
func (e *ending) kill() {
	e.graceOver, e.killNow = nil, nil
	p := e.p
	if p.StopSignal == syscall.SIGKILL {
		return // it has had it
	}
	if hasExited(p.exit.PID) && !othersIn(p.exit.PID) {
		return
	}
	e.killed = true
	p.exit.Killed, p.exit.Waited = true, time.Since(e.asked)
	signalGroup(p.exit.PID, syscall.SIGKILL)
}

// groupGone reports whether nothing runs in the group pgid, whose leader has
// ended.
//
// To look is not enough: a process forked meanwhile can be missed. A signal
// misses nobody, for the system does not let a fork slip past it. So when
// nobody is seen SIGKILL makes sure, and the second look is the last.
func groupGone(pgid int) bool {
	if othersIn(pgid) {
		return false
	}
	signalGroup(pgid, syscall.SIGKILL)
	return !othersIn(pgid)
}
