package broken

import "github.com/supervisorscope/scope/verify/internal/overlay"

// A Variant is the core with one thing wrong, and the checks that notice.
type Variant struct {
	Name  string
	Edits []overlay.Edit
	// Checks are arguments of go test in this module, one list per check; with
	// Core they are for the tests of the core itself.
	Checks []Check
}

// A Check is a run of tests that fails with the variant.
type Check struct {
	Core bool
	Args []string
}

func check(args ...string) Check { return Check{Args: args} }
func core(args ...string) Check  { return Check{Core: true, Args: args} }

// Variants returns the three. What changes in the core so that an edit does not
// apply any more has to be changed here, too.
func Variants() []Variant {
	return []Variant{
		{
			Name: "lost wake-up",
			// A waiter that has registered meanwhile is not woken by the last end.
			Edits: []overlay.Edit{{
				File: "settle.go",
				Old:  "	if s.live+s.ending == 0 && s.late != nil && s.late.idle != nil {\n",
				New: "	if s.live+s.ending == 0 && s.late != nil && s.late.idle != nil &&\n" +
					"		s.phase != phaseOpen {\n",
			}},
			Checks: []Check{
				check("./model", "-run", "TestModel", "-rapid.nofailfile"),
				check("./stress", "-run", "TestRaces/last_end_against_wait", "-short"),
				core("-run", "TestScope_Wait(DoesNotClose|R)", "."),
			},
		},
		{
			Name: "early end",
			// A scope ends while daemons and deferred functions still run.
			Edits: []overlay.Edit{{
				File: "settle.go",
				Old:  "	if s.phase < phaseClosed || s.live+s.others+s.ending > 0 {\n",
				New:  "	if s.phase < phaseClosed || s.live+s.ending > 0 {\n",
			}},
			Checks: []Check{
				check("./model", "-run", "TestModel", "-rapid.nofailfile"),
				core("-run", "TestScope_DaemonEndsAfter|TestScope_Deferred", "."),
			},
		},
		{
			Name: "error dropped in the cancel race",
			// A real error is dropped if the task's context is done by then.
			Edits: []overlay.Edit{{
				File: "exit.go",
				Old:  "	case t.echoes(e.err):\n",
				New:  "	case t.context().Err() != nil:\n",
			}},
			Checks: []Check{
				check("./model", "-run", "TestModel", "-rapid.nofailfile"),
				check("./stress", "-run", "TestRaces/(handler|failure)", "-short"),
				core("-run", "TestTask_RealErrorUnder|TestScope_ErrorAtTheInstant", "."),
			},
		},
	}
}
