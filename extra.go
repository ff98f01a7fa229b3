package scope

import (
	"context"
	"sync"
	"time"
	"weak"
)

// An extra is what few scopes have and what must be stopped when they end.
type extra struct {
	stopWatch func() bool // of the callback on the parent's context
	trace     *trace      // of a long-lived scope

	mu    sync.Mutex
	grace *time.Timer // see Grace; guarded by mu
	over  bool        // guarded by mu
}

// listen makes s hear of the cancellation of its own timeout and of a parent
// that it is not linked to.
func (s *Scope) listen() {
	ctx := s.outer
	if s.timing != nil && s.timing.own {
		ctx = s.timing.base
	}
	if ctx.Done() == nil {
		return
	}
	s.watch = ctx
	if s.cancelled() != nil {
		return
	}
	if s.lexical {
		s.needExtra().stopWatch = context.AfterFunc(ctx, func() { s.cancelFrom(ctx) })
		return
	}
	// The parent's context must not keep a forgotten scope alive.
	w := weak.Make(s)
	s.needExtra().stopWatch = context.AfterFunc(ctx, func() {
		if s := w.Value(); s != nil {
			s.cancelFrom(ctx)
		}
	})
}

func (s *Scope) needExtra() *extra {
	if s.extra == nil {
		s.extra = &extra{}
	}
	return s.extra
}

// startGrace starts the clock of the option Grace.
func (s *Scope) startGrace() {
	if s.conf.grace == 0 {
		return
	}
	e := s.extra
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.over {
		e.grace = time.AfterFunc(s.conf.grace, s.reportStragglers)
	}
}

// stop ends what runs by itself for the scope.
func (e *extra) stop() {
	if e == nil {
		return
	}
	if e.stopWatch != nil {
		e.stopWatch()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.over = true
	if e.grace != nil {
		e.grace.Stop()
	}
}
