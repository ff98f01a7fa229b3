package model

import "maps"

// A Derived is a context that was derived from a worker's.
type Derived struct {
	Name     string
	Of       *Worker
	Detached bool // by WithoutCancel: it is never done
	Deadline int  // of WithTimeout; 0 for none
	Cause    Set  // why it is done; nil while it is live
}

// Derive notes a context that is derived now.
func (m *World) Derive(d *Derived) {
	m.Derived = append(m.Derived, d)
	m.inherit()
}

// CancelDerived cancels a derived context, and all that hangs in it.
func (m *World) CancelDerived(d *Derived, tag string) {
	if d.Detached || d.Cause != nil {
		return
	}
	if tag == "" {
		tag = Canceled
	}
	d.Cause = setOf(tag)
	m.inherit()
}

func (m *World) expireDerived() {
	for _, d := range m.Derived {
		if d.Deadline != 0 && d.Deadline <= m.Now {
			m.CancelDerived(d, Expired)
		}
	}
}

// inherit brings the end of workers' contexts to what was derived from them, and
// from there to the scopes below. It reports whether there was anything to do.
func (m *World) inherit() (moved bool) {
	for _, d := range m.Derived {
		if !d.Detached && d.Cause == nil && (d.Of.Done() || d.Of.gone) {
			d.Cause = d.Of.lastCause()
			moved = true
		}
	}
	for _, s := range m.Scopes {
		if s.Via != nil && s.Via.Cause != nil && s.Cause == nil && s.Phase != Ended {
			m.cancel(s, s.Via.Cause)
			moved = true
		}
	}
	return moved
}

// lastCause returns why the context of w, which is done, is done: it was
// cancelled, or w has ended, or, if that came in one step, either.
func (w *Worker) lastCause() Set {
	if w.Done() && (!w.gone || w.wasDone) {
		return w.Cause() // the very set, which may still grow in this step
	}
	cause := setOf(Canceled)
	maps.Copy(cause, w.Cause())
	return cause
}

// leaveCare lets the scopes go that w has detached from its context: they become
// roots.
func (w *Worker) leaveCare() {
	var below []*Scope
	for _, s := range w.Below {
		if s.Via != nil && s.Via.Detached {
			s.Parent = nil
		} else {
			below = append(below, s)
		}
	}
	w.Below = below
}
