package supervisor_test

import (
	"testing"

	sup "github.com/supervisorscope/scope/supervisor"
)

var (
	autoModes  = []sup.AutoShutdown{sup.Never, sup.AnySignificant, sup.AllSignificant}
	strategies = []sup.Strategy{sup.OneForOne, sup.OneForAll, sup.RestForOne}
)

// exitWays are the ways in which a child can come to an end for good.
func exitWays() map[string]func(l *lab, name string) {
	ways := map[string]func(l *lab, name string){
		"ok":        func(l *lab, name string) { l.end(name, ok) },
		"terminate": func(l *lab, name string) { l.ok(l.s.Terminate(bg, name)) },
	}
	for kind, how := range failures {
		ways[kind] = func(l *lab, name string) { l.end(name, how) }
	}
	return ways
}

func nonsignificant(t *testing.T, r sup.RestartType) {
	t.Helper()
	for _, mode := range autoModes {
		for way, exit := range exitWays() {
			t.Run(mode.String()+"/"+way, func(t *testing.T) {
				inBubble(t, func(l *lab) {
					l.run(l.specs("a b", restart(r)), sup.Options{AutoShutdown: mode})
					exit(l, "a")
					exit(l, "b")
					l.running()
				})
			})
		}
	}
}

func TestOTP_nonsignificant_temporary(t *testing.T) { nonsignificant(t, sup.Temporary) }
func TestOTP_nonsignificant_transient(t *testing.T) { nonsignificant(t, sup.Transient) }

func TestOTP_significant_temporary(t *testing.T) {
	for way, exit := range exitWays() {
		t.Run(way, func(t *testing.T) {
			natural := way != "terminate"
			significantRun(t, sup.Temporary, exit, natural)
		})
	}
}

// significantRun ends two significant children, with one that is not beside
// them, and checks when the supervisor ends.
func significantRun(t *testing.T, r sup.RestartType, exit func(*lab, string), natural bool) {
	t.Helper()
	inBubble(t, func(l *lab) {
		l.run(append(l.specs("a b", restart(r), significant), l.spec("c")),
			sup.Options{AutoShutdown: sup.AnySignificant})
		exit(l, "a")
		if !natural {
			l.running()
			return
		}
		l.ok(l.ended())
		l.lived("a0 b0 c0")
	})
	inBubble(t, func(l *lab) {
		l.run(append(l.specs("a b", restart(r), significant), l.spec("c")),
			sup.Options{AutoShutdown: sup.AllSignificant})
		exit(l, "a")
		l.running()
		exit(l, "b")
		if !natural {
			l.running()
			return
		}
		l.ok(l.ended())
		l.lived("a0 b0 c0")
	})
}

func TestOTP_significant_transient(t *testing.T) {
	ways := exitWays()
	t.Run("ok", func(t *testing.T) { significantRun(t, sup.Transient, ways["ok"], true) })
	t.Run("terminate", func(t *testing.T) {
		significantRun(t, sup.Transient, ways["terminate"], false)
	})
	t.Run("crash", func(t *testing.T) { // is restarted instead
		for _, mode := range autoModes[1:] {
			inBubble(t, func(l *lab) {
				specs := l.specs("a", restart(sup.Transient), significant)
				l.run(specs, sup.Options{AutoShutdown: mode})
				l.end("a", boom)
				l.lived("a2")
				l.end("a", ok)
				l.ok(l.ended())
			})
		}
	})
	t.Run("last one was terminated", func(t *testing.T) {
		inBubble(t, func(l *lab) {
			l.run(l.specs("a b", restart(sup.Transient), significant),
				sup.Options{AutoShutdown: sup.AllSignificant})
			l.ok(l.s.Terminate(bg, "a"))
			l.running()
			l.end("b", ok) // none is left
			l.ok(l.ended())
		})
	})
}

func TestOTP_significant_simple(t *testing.T) {
	for _, mode := range autoModes[1:] {
		t.Run(mode.String(), func(t *testing.T) {
			inBubble(t, func(l *lab) {
				p := l.pool(sup.Spec{Significant: true}, sup.Options{AutoShutdown: mode})
				l.ok(p.AddStart(bg, "a", l.start("a")))
				l.ok(p.AddStart(bg, "b", l.start("b")))
				l.ok(p.AddStart(bg, "c", l.start("c")))
				l.ok(p.Remove(bg, "a")) // by hand: does not count
				l.running()
				l.end("b", boom)
				if mode == sup.AllSignificant {
					l.running()
					l.end("c", ok)
				}
				l.ok(l.ended())
			})
		})
	}
}

// A significant child that its supervisor stops, because a sibling has failed,
// does not end the supervisor.
func TestOTP_significant_bystander(t *testing.T) {
	for _, strategy := range strategies {
		for _, mode := range autoModes[1:] {
			t.Run(strategy.String()+"/"+mode.String(), func(t *testing.T) {
				inBubble(t, func(l *lab) {
					specs := []sup.Spec{
						l.spec("a"),
						l.spec("b", restart(sup.Transient), significant),
						l.spec("c", restart(sup.Temporary), significant),
					}
					l.run(specs, sup.Options{Strategy: strategy, AutoShutdown: mode})
					l.end("a", boom)
					l.running()
					if strategy == sup.OneForOne {
						l.lived("a2 b1 c1")
					} else {
						l.lived("a2 b2 c0")
					}
				})
			})
		}
	}
}

func TestOTP_significant_escalation(t *testing.T) {
	for _, outer := range []bool{true, false} {
		inBubble(t, func(l *lab) {
			inner, err := sup.New(l.specs("a", restart(sup.Transient), significant),
				sup.Options{AutoShutdown: sup.AnySignificant})
			l.ok(err)
			spec := inner.ChildSpec("inner")
			spec.Restart, spec.Significant = sup.Transient, outer
			l.run([]sup.Spec{spec, l.spec("b")}, sup.Options{AutoShutdown: sup.AnySignificant})
			l.end("a", ok)
			if outer {
				l.ok(l.ended())
				return
			}
			l.stand("inner:stopped b:ready")
			l.running()
		})
	}
}

// upgrade changes the mode of a supervisor with two significant children and
// checks whether the end of one, and of both, then ends it.
func upgrade(t *testing.T, from, to sup.AutoShutdown) {
	t.Helper()
	inBubble(t, func(l *lab) {
		o := sup.Options{AutoShutdown: from}
		specs := l.specs("a b", restart(sup.Transient))
		if from != sup.Never {
			specs = l.specs("a b", restart(sup.Transient), significant)
		}
		l.run(specs, o)
		o.AutoShutdown = to
		l.ok(l.s.Reconfigure(o))
		if from == sup.Never { // now they may be
			for _, spec := range l.specs("a b", restart(sup.Transient), significant) {
				l.ok(l.s.Replace(spec))
			}
		}
		if got := l.s.Info().AutoShutdown; got != to.String() {
			t.Errorf("mode is %s, want %s", got, to)
		}
		l.lived("a1 b1") // nothing is disturbed
		l.end("a", ok)
		if to == sup.AnySignificant {
			l.ok(l.ended())
			return
		}
		l.running()
		l.end("b", ok)
		if to == sup.AllSignificant {
			l.ok(l.ended())
			return
		}
		l.running()
	})
}

func TestOTP_significant_upgrade_never_any(t *testing.T) {
	upgrade(t, sup.Never, sup.AnySignificant)
}
func TestOTP_significant_upgrade_any_never(t *testing.T) {
	upgrade(t, sup.AnySignificant, sup.Never)
}
func TestOTP_significant_upgrade_never_all(t *testing.T) {
	upgrade(t, sup.Never, sup.AllSignificant)
}
func TestOTP_significant_upgrade_all_never(t *testing.T) {
	upgrade(t, sup.AllSignificant, sup.Never)
}
func TestOTP_significant_upgrade_any_all(t *testing.T) {
	upgrade(t, sup.AnySignificant, sup.AllSignificant)
}
func TestOTP_significant_upgrade_all_any(t *testing.T) {
	upgrade(t, sup.AllSignificant, sup.AnySignificant)
}

func TestOTP_significant_upgrade_child(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.run(l.specs("a b", restart(sup.Transient)), sup.Options{AutoShutdown: sup.AnySignificant})
		l.end("a", ok)
		l.running()
		l.ok(l.s.Replace(l.spec("b", restart(sup.Transient), significant)))
		if c, _ := l.s.Child("b"); !c.Significant || c.Incarnation != 1 {
			t.Errorf("child is %+v", c)
		}
		l.end("b", ok)
		l.ok(l.ended())
	})
}
