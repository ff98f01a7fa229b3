package supervisor_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/supervisorscope/scope"
	sup "github.com/supervisorscope/scope/supervisor"
)

func TestOTP_child_adm(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.run(l.specs("a"), sup.Options{})
		// Add: already started, already present.
		err := l.s.Add(bg, l.spec("a"))
		l.is(err, sup.ErrAlreadyPresent)
		l.is(err, sup.ErrRunning)
		l.ok(l.s.Terminate(bg, "a"))
		err = l.s.Add(bg, l.spec("a"))
		l.is(err, sup.ErrAlreadyPresent)
		if errors.Is(err, sup.ErrRunning) {
			t.Errorf("Add() = %v for a child that is stopped", err)
		}
		l.count(1, 0, 0, 1)
		// Terminate twice is fine; restart; restart of a running one is not.
		l.ok(l.s.Terminate(bg, "a"))
		l.ok(l.s.Restart(bg, "a"))
		l.is(l.s.Restart(bg, "a"), sup.ErrRunning)
		l.lived("a2")
		// Nobody of that name.
		l.is(l.s.Terminate(bg, "x"), sup.ErrNotFound)
		l.is(l.s.Restart(bg, "x"), sup.ErrNotFound)
		l.is(l.s.Remove(bg, "x"), sup.ErrNotFound)
		l.is(l.s.Replace(l.spec("x")), sup.ErrNotFound)
		_, err = l.s.Child("x")
		l.is(err, sup.ErrNotFound)
		// Remove, of a running one, too.
		l.ok(l.s.Remove(bg, "a"))
		l.is(l.s.Restart(bg, "a"), sup.ErrNotFound)
		l.count(0, 0, 0, 0)
		l.ok(l.s.Add(bg, l.spec("a")))
		l.lived("a3")
		l.ok(l.stop())
		l.is(l.s.Add(bg, l.spec("b")), sup.ErrNotRunning)
		l.is(l.s.Terminate(bg, "a"), sup.ErrNotRunning)
		l.is(l.s.Remove(bg, "a"), sup.ErrNotRunning)
		l.is(l.s.Restart(bg, "a"), sup.ErrNotRunning)
	})
}

func TestOTP_child_adm_simple(t *testing.T) {
	inBubble(t, func(l *lab) {
		run := untilDone
		p, err := sup.NewPool(sup.Spec{}, sup.Options{Limit: 2})
		l.ok(err)
		l.is(p.Add(bg, "a", run), sup.ErrNotRunning)
		l.is(p.TryAdd(bg, "a", run), sup.ErrNotRunning)
		l.launch(p.Run)
		var bad *sup.SpecError
		if err := p.Add(bg, "a", nil); !errors.As(err, &bad) {
			t.Errorf("Add(nil) = %v", err)
		}
		l.ok(p.Add(bg, "a", run))
		l.is(p.Add(bg, "a", run), sup.ErrAlreadyPresent)
		l.is(p.Restart(bg, "a"), sup.ErrRunning)
		l.is(p.Restart(bg, "x"), sup.ErrNotFound)
		l.is(p.Remove(bg, "x"), sup.ErrNotFound)
		l.ok(p.Add(bg, "", run))
		l.is(p.TryAdd(bg, "c", run), scope.ErrLimit)
		for _, spec := range []sup.Spec{{Name: "a"}, {Run: run}} {
			if _, err := sup.NewPool(spec, sup.Options{}); !errors.As(err, &bad) {
				t.Errorf("NewPool(%+v) = %v", spec, err)
			}
		}
		_, err = sup.NewPool(sup.Spec{}, sup.Options{Strategy: sup.OneForAll})
		if !errors.As(err, &bad) {
			t.Errorf("NewPool with a group strategy = %v", err)
		}
	})
}

// Every bad field is refused, with its name.
func TestOTP_child_specs(t *testing.T) {
	run := func(context.Context) error { return nil }
	start := func(context.Context, func()) error { return nil }
	for _, tc := range []struct {
		field string
		spoil func(*sup.Spec)
	}{
		{field: "Name", spoil: func(s *sup.Spec) { s.Name = "" }},
		{field: "Run", spoil: func(s *sup.Spec) { s.Run = nil }},
		{field: "Run", spoil: func(s *sup.Spec) { s.Start = start }},
		{field: "Restart", spoil: func(s *sup.Spec) { s.Restart = 4 }},
		{field: "Restart", spoil: func(s *sup.Spec) { s.Restart = -1 }},
		{field: "Significant", spoil: func(s *sup.Spec) { s.Significant = true }},
		{field: "StartTimeout", spoil: func(s *sup.Spec) { s.StartTimeout = -1 }},
		{field: "Grace", spoil: func(s *sup.Spec) { s.Grace = -2 }},
		{field: "OnExceed", spoil: func(s *sup.Spec) { s.OnExceed = sup.Restart }},
		{field: "OnExceed", spoil: func(s *sup.Spec) { s.OnExceed = 9 }},
		{field: "Backoff.Base", spoil: func(s *sup.Spec) { s.Backoff.Base = -1 }},
		{field: "Backoff.Factor", spoil: func(s *sup.Spec) { s.Backoff.Factor = 0.5 }},
		{field: "Backoff.Cap", spoil: func(s *sup.Spec) { s.Backoff.Cap = 1 }},
		{field: "Backoff.ResetAfter", spoil: func(s *sup.Spec) { s.Backoff.ResetAfter = -1 }},
		{field: "Budget.Burst", spoil: func(s *sup.Spec) { s.Budget = budget(-1, time.Second) }},
		{field: "Budget.Burst", spoil: func(s *sup.Spec) { s.Budget = budget(1, 0) }},
		{field: "Budget.Burst", spoil: func(s *sup.Spec) {
			s.Budget = budget(5, 5*time.Second)
			s.Budget.Unlimited = true
		}},
		{field: "Budget.Sustained", spoil: func(s *sup.Spec) {
			s.Budget.Sustained = sup.Intensity{Restarts: 3, Period: -1}
		}},
		// Pairs of budget and backoff that do not go together.
		{field: "Budget.Burst", spoil: func(s *sup.Spec) { s.Budget = budget(5, 10*time.Second) }},
		{field: "Budget.Burst", spoil: func(s *sup.Spec) { s.Budget = budget(5, 30*time.Second) }},
		{field: "Budget", spoil: func(s *sup.Spec) { s.Budget = budget(5, 5*time.Second) }},
	} {
		spec := sup.Spec{Name: "a", Run: run}
		tc.spoil(&spec)
		_, err := sup.New([]sup.Spec{spec}, sup.Options{})
		var e *sup.SpecError
		if !errors.As(err, &e) || e.Field != tc.field {
			t.Errorf("New(%+v) = %v, want an error about %s", spec, err, tc.field)
		}
	}
	twice := sup.Spec{Name: "a", Run: run}
	if _, err := sup.New([]sup.Spec{twice, twice}, sup.Options{}); err == nil {
		t.Error("a name that is used twice is accepted")
	}
	// A significant child is refused unless it can end, and ends something.
	for _, mode := range autoModes {
		for r := sup.Permanent; r <= sup.Temporary; r++ {
			spec := sup.Spec{Name: "a", Run: run, Restart: r, Significant: true}
			_, err := sup.New([]sup.Spec{spec}, sup.Options{AutoShutdown: mode})
			if want := mode != sup.Never && r != sup.Permanent; (err == nil) != want {
				t.Errorf("New with a significant %v child, %v: %v", r, mode, err)
			}
		}
	}
}

// The whole product of good fields is accepted.
func TestOTP_child_specs_map(t *testing.T) {
	graces := []time.Duration{0, 1, sup.Infinity, sup.NoGrace}
	timeouts := []time.Duration{0, 1, sup.Infinity}
	exceeds := []sup.Action{sup.ByType, sup.Escalate, sup.Park}
	backoffs := []sup.Backoff{{}, {Off: true}, {Base: time.Hour}, {Factor: 1, Cap: time.Second}}
	forms := []sup.Spec{
		{Name: "a", Run: untilDone},
		{Name: "a", Start: func(context.Context, func()) error { return nil }},
	}
	n := 4 * len(graces) * len(timeouts) * len(exceeds) * len(backoffs) * len(forms)
	for code := range n {
		pick := func(of int) int { // the next digit of code
			digit := code % of
			code /= of
			return digit
		}
		spec := forms[pick(len(forms))]
		spec.Restart = sup.RestartType(pick(4)) // 0 is the default
		spec.Grace = graces[pick(len(graces))]
		spec.StartTimeout = timeouts[pick(len(timeouts))]
		spec.OnExceed = exceeds[pick(len(exceeds))]
		spec.Backoff = backoffs[pick(len(backoffs))]
		if _, err := sup.New([]sup.Spec{spec}, sup.Options{}); err != nil {
			t.Fatalf("New(%+v) = %v", spec, err)
		}
	}
}

func TestOTP_sup_flags(t *testing.T) {
	for field, o := range map[string]sup.Options{
		"Strategy":         {Strategy: 3},
		"AutoShutdown":     {AutoShutdown: -1},
		"OnExceed":         {OnExceed: sup.Stop},
		"Limit":            {Limit: -1},
		"Total":            {Total: -1},
		"Budget.Burst":     {Budget: budget(-1, time.Second)},
		"Budget.Sustained": {Budget: sup.Budget{Sustained: sup.Intensity{Restarts: 1}}},
	} {
		_, err := sup.New(nil, o)
		var e *sup.SpecError
		if !errors.As(err, &e) || e.Field != "Options."+field || e.Child != "" {
			t.Errorf("New(%+v) = %v, want an error about %s", o, err, field)
		}
	}
	for _, s := range strategies {
		for _, mode := range autoModes {
			o := sup.Options{Strategy: s, AutoShutdown: mode, Total: sup.Infinity}
			o.Budget = budget(0, 1)
			if _, err := sup.New(nil, o); err != nil {
				t.Errorf("New(%+v) = %v", o, err)
			}
		}
	}
}

func TestOTP_count_children(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.run(l.specs("a b", restart(sup.Temporary)), sup.Options{})
		l.count(2, 2, 0, 2)
		l.ok(l.s.Add(bg, l.spec("c")))
		l.count(3, 3, 0, 3)
		l.end("a", boom)
		l.count(2, 2, 0, 2)
		l.ok(l.s.Terminate(bg, "c"))
		l.count(2, 1, 0, 2)
		p := l.s
		l.ok(l.stop())
		if i := p.Info(); i.State != "created" || i.Active != 0 {
			t.Errorf("supervisor after its end is %+v", i)
		}
	})
}

func TestOTP_count_children_supervisor(t *testing.T) {
	inBubble(t, func(l *lab) {
		inner, err := sup.New(l.specs("x y z"), sup.Options{})
		l.ok(err)
		pool, err := sup.NewPool(sup.Spec{}, sup.Options{})
		l.ok(err)
		l.run([]sup.Spec{
			inner.ChildSpec("inner"), l.spec("a"), pool.ChildSpec("pool"), l.spec("b"),
		}, sup.Options{})
		l.count(4, 4, 2, 2)
		l.ok(l.s.Terminate(bg, "inner"))
		l.count(4, 3, 2, 2)
		if c, _ := l.s.Child("pool"); c.Kind != "supervisor" {
			t.Errorf("child is %+v, want a supervisor", c)
		}
	})
}

func TestOTP_count_restarting_children(t *testing.T) {
	inBubble(t, func(l *lab) {
		p := l.pool(sup.Spec{
			Restart: sup.Permanent, Backoff: sup.Backoff{Base: time.Minute},
		}, sup.Options{})
		for i := range 5 {
			name := fmt.Sprint("a", i)
			l.ok(p.AddStart(bg, name, l.start(name)))
		}
		for i := range 5 {
			l.end(fmt.Sprint("a", i), boom)
			if got := p.Info(); got.Specs != 5 || got.Active != 4-i {
				t.Errorf("%d children, %d live, want 5 and %d", got.Specs, got.Active, 4-i)
			}
		}
		time.Sleep(time.Minute)
		if got := p.Info(); got.Active != 5 || got.Restarts != 5 {
			t.Errorf("after the delay: %+v", got)
		}
	})
}
