package supervisor_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	sup "github.com/supervisorscope/scope/supervisor"
)

// A model is a supervisor as a list: what every call and every end does to the
// states of the children, and in what order they are started and stopped. It
// has no time: pass stands for a while in which every delay is over once.
type model struct {
	strategy sup.Strategy
	children []*modelChild
	trigger  *modelChild // whose delay a group waits for
	broken   map[string]bool
	events   []string
}

type modelChild struct {
	name    string
	restart sup.RestartType
	state   string // ready, stopped, backoff, queued
	hand    string // add or restart: who waits for the start
}

func (m *model) find(name string) *modelChild {
	for _, c := range m.children {
		if c.name == name {
			return c
		}
	}
	return nil
}

func (m *model) index(c *modelChild) int {
	for i, other := range m.children {
		if other == c {
			return i
		}
	}
	return -1
}

func (m *model) drop(c *modelChild) {
	i := m.index(c)
	m.children = append(m.children[:i:i], m.children[i+1:]...)
}

func (m *model) grouped() bool { return m.strategy != sup.OneForOne }

// attempt starts c and reports whether it is up.
func (m *model) attempt(c *modelChild) bool {
	m.events = append(m.events, "+"+c.name)
	if !m.broken[c.name] {
		c.state, c.hand = "ready", ""
		return true
	}
	m.events = append(m.events, "-"+c.name)
	switch c.hand {
	case "add":
		m.drop(c)
	case "restart":
		c.state, c.hand = "stopped", ""
	default:
		m.fail(c)
	}
	return false
}

// fail is the failure of c, which has ended already.
func (m *model) fail(c *modelChild) {
	if c.restart == sup.Temporary {
		m.drop(c)
		return
	}
	c.state = "backoff"
	if !m.grouped() {
		return
	}
	if old := m.trigger; old != nil && old != c && old.state == "backoff" {
		old.state = "queued"
	}
	m.trigger = c
	from := m.index(c)
	for i := len(m.children) - 1; i >= 0; i-- {
		s := m.children[i]
		if s.state != "ready" || m.strategy == sup.RestForOne && i < from {
			continue
		}
		m.events = append(m.events, "-"+s.name)
		if s.state = "queued"; s.restart == sup.Temporary {
			m.drop(s)
		}
	}
}

// startGroup starts what is queued, in order.
func (m *model) startGroup() {
	m.trigger = nil
	for _, c := range append([]*modelChild{}, m.children...) {
		if c.state != "queued" || m.index(c) < 0 {
			continue
		}
		if !m.attempt(c) && m.trigger != nil {
			return
		}
	}
}

// end is the end of an incarnation by itself.
func (m *model) end(c *modelChild, failed bool) {
	m.events = append(m.events, "-"+c.name)
	switch {
	case failed || c.restart == sup.Permanent:
		m.fail(c)
	case c.restart == sup.Temporary:
		m.drop(c)
	default:
		c.state = "stopped"
	}
}

// conclude is Terminate and Remove.
func (m *model) conclude(name string, remove bool) error {
	c := m.find(name)
	if c == nil {
		return sup.ErrNotFound
	}
	if c.state == "ready" {
		m.events = append(m.events, "-"+c.name)
	}
	if c.state, c.hand = "stopped", ""; remove || c.restart == sup.Temporary {
		m.drop(c)
	}
	if m.trigger == c {
		m.startGroup()
	}
	return nil
}

// start is Add and Restart, of a child that is queued. It reports whether the
// outcome is known at once.
func (m *model) start(c *modelChild, hand string) (known bool, err error) {
	c.hand = hand
	if m.trigger != nil {
		return false, nil // takes its turn
	}
	if !m.attempt(c) {
		return true, errBoom
	}
	return true, nil
}

// pass lets every delay pass.
func (m *model) pass() {
	if m.trigger != nil {
		m.trigger.state = "queued"
		m.startGroup()
		return
	}
	for _, c := range append([]*modelChild{}, m.children...) {
		if c.state == "backoff" {
			m.attempt(c)
		}
	}
}

func (m *model) String() string {
	var all []string
	for _, c := range m.children {
		all = append(all, c.name+":"+c.state)
	}
	return strings.Join(all, " ")
}

// Random calls, ends and failing starts against the model: the same answers,
// the same states, the same order. It covers child administration as a whole.
//
// Guarantee 2.
func TestModel(t *testing.T) {
	for _, strategy := range strategies {
		t.Run(strategy.String(), func(t *testing.T) {
			for range 150 {
				seed := rand.Uint64()
				inBubble(t, func(l *lab) { newDuel(l, strategy, seed).run(60) })
				if t.Failed() {
					return
				}
			}
		})
	}
}

// A duel is a supervisor and the model of it, doing the same.
type duel struct {
	*lab
	m       *model
	rnd     *rand.Rand
	seed    uint64
	history []string
	pending sync.WaitGroup // calls that wait for their turn

	onBreak sync.Mutex // guards m.broken, which the children read
}

const modelNames = "abcdef"

func newDuel(l *lab, strategy sup.Strategy, seed uint64) *duel {
	d := &duel{
		lab: l, seed: seed, rnd: rand.New(rand.NewPCG(seed, 0)),
		m: &model{strategy: strategy, broken: map[string]bool{}},
	}
	var specs []sup.Spec
	for i, letter := range modelNames {
		name := string(letter)
		l.onStart[name] = func(context.Context, int) error {
			d.onBreak.Lock()
			defer d.onBreak.Unlock()
			if d.m.broken[name] {
				return errBoom
			}
			return nil
		}
		if i < 4 {
			r := d.restartType()
			specs = append(specs, d.spec(name, r))
			d.m.children = append(d.m.children, &modelChild{name: name, restart: r, state: "ready"})
		}
	}
	l.run(specs, sup.Options{Strategy: strategy})
	l.events()
	return d
}

func (d *duel) restartType() sup.RestartType {
	kinds := []sup.RestartType{sup.Permanent, sup.Permanent, sup.Transient, sup.Temporary}
	return kinds[d.rnd.IntN(len(kinds))]
}

// spec describes a child whose restarts take up to a second.
func (d *duel) spec(name string, r sup.RestartType) sup.Spec {
	return d.lab.spec(name, restart(r), func(s *sup.Spec) {
		s.Backoff = sup.Backoff{Base: time.Second, Cap: time.Second}
	})
}

func (d *duel) run(steps int) {
	for range steps {
		timed := d.step()
		if got, want := d.states(), d.m.String(); got != want {
			d.t.Errorf("children are\n  %s, want\n  %s", got, want)
		}
		got, want := d.events(), strings.Join(d.m.events, " ")
		if d.m.events = nil; !timed && got != want { // a delay may pass twice in a while
			d.t.Errorf("events are\n  %s, want\n  %s", got, want)
		}
		if d.t.Failed() {
			d.t.Logf("%v, seed %d, after %s", d.m.strategy, d.seed, strings.Join(d.history, " "))
			return
		}
	}
	d.ok(d.stop())
	d.pending.Wait() // nobody is left waiting
}

// step does one thing to both. It reports whether time has passed.
func (d *duel) step() (timed bool) {
	name := string(modelNames[d.rnd.IntN(len(modelNames))])
	c := d.m.find(name)
	op := d.rnd.IntN(9)
	d.history = append(d.history, fmt.Sprint(name, op))
	switch op {
	case 0, 1:
		if c != nil && c.state == "ready" {
			d.m.end(c, op == 0)
			d.end(name, []ending{boom, ok}[op])
		}
	case 2:
		want := d.m.conclude(name, false)
		d.check("Terminate", d.s.Terminate(bg, name), want)
	case 3:
		want := d.m.conclude(name, true)
		d.check("Remove", d.s.Remove(bg, name), want)
	case 4:
		d.restart(name, c)
	case 5:
		d.add(name, c)
	case 6, 7:
		d.onBreak.Lock()
		d.m.broken[name] = op == 6
		d.onBreak.Unlock()
	default:
		d.m.pass()
		time.Sleep(time.Second)
		return true
	}
	return false
}

func (d *duel) restart(name string, c *modelChild) {
	restart := func() error { return d.s.Restart(bg, name) }
	switch {
	case c == nil:
		d.check("Restart", restart(), sup.ErrNotFound)
	case c.state == "ready":
		d.check("Restart", restart(), sup.ErrRunning)
	case c.state != "stopped":
		d.check("Restart", restart(), sup.ErrRestarting)
	default:
		c.state = "queued"
		known, want := d.m.start(c, "restart")
		d.call("Restart", known, want, restart)
	}
}

func (d *duel) add(name string, c *modelChild) {
	r := d.restartType()
	spec := d.spec(name, r)
	add := func() error { return d.s.Add(bg, spec) }
	if c != nil {
		d.check("Add", add(), sup.ErrAlreadyPresent)
		return
	}
	c = &modelChild{name: name, restart: r, state: "queued"}
	d.m.children = append(d.m.children, c)
	known, want := d.m.start(c, "add")
	d.call("Add", known, want, add)
}

// call makes a call whose answer is known, or one that waits for its turn.
func (d *duel) call(what string, known bool, want error, f func() error) {
	if known {
		d.check(what, f(), want)
		return
	}
	d.pending.Go(func() { _ = f() })
}

func (d *duel) check(what string, got, want error) {
	d.t.Helper()
	if !errors.Is(got, want) || want == nil && got != nil {
		d.t.Errorf("%s = %v, want %v", what, got, want)
	}
}
