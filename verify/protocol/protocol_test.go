package protocol_test

import (
	"flag"
	"slices"
	"strings"
	"testing"

	"github.com/supervisorscope/scope/verify/protocol"
)

var procs = flag.Int("procs", 4, "how many processes a configuration has, at most 5")

// Every order of every configuration: no deadlock, no admission after the end,
// no call of a task twice, no wait that returns while something runs, one end.
func TestProtocol(t *testing.T) {
	size := *procs
	if testing.Short() {
		size = 3
	}
	configs, states := 0, 0
	for _, lexical := range []bool{false, true} {
		room := size
		if lexical {
			room-- // the body is a process, too
		}
		each(room, nil, func(roles []protocol.Role) {
			if !ends(lexical, roles) {
				return
			}
			n, fault := protocol.Explore(protocol.Config(lexical, roles...))
			configs++
			states += n
			if fault != nil {
				t.Fatalf("lexical %v, %v: %v", lexical, roles, fault)
			}
		})
	}
	t.Logf("%d states of %d configurations", states, configs)
}

// The same for two scopes, of which one is opened with the context of a task of
// the other: its end is waited for, and a cancellation goes down.
func TestProtocol_nested(t *testing.T) {
	size := *procs - 1 // beside who opens the scope
	if testing.Short() {
		size = 2
	}
	configs, states := 0, 0
	for outer := range size + 1 {
		each(outer, nil, func(roles []protocol.Role) {
			if !ends(false, roles) {
				return
			}
			each(size-outer, nil, func(below []protocol.Role) {
				if slices.ContainsFunc(below, isOuter) {
					return
				}
				all := append([]protocol.Role{protocol.Nester}, roles...)
				n, fault := protocol.Explore(protocol.Config(false, all...).Below(below...))
				configs++
				states += n
				if fault != nil {
					t.Fatalf("%v, below %v: %v", all, below, fault)
				}
			})
		})
	}
	t.Logf("%d states of %d configurations", states, configs)
}

// isOuter reports whether a role is only for the outer scope.
func isOuter(r protocol.Role) bool { return r == protocol.Deferred || r == protocol.Parent }

// The checker finds what is wrong with a protocol that is.
func TestProtocol_findsFlaws(t *testing.T) {
	for _, tt := range []struct {
		name  string
		flaw  protocol.Flaw
		roles []protocol.Role
		below []protocol.Role
		want  string
	}{
		{
			"no look", protocol.NoLook,
			[]protocol.Role{protocol.Server, protocol.Canceller}, nil, "deadlock",
		},
		{
			"no hold", protocol.NoHold,
			[]protocol.Role{protocol.Waited, protocol.Canceller}, nil, "ended before who waits",
		},
		{
			"lost idle", protocol.LostIdle,
			[]protocol.Role{protocol.Plain, protocol.Waiter}, nil, "deadlock",
		},
		{
			"late admission", protocol.LateAdmit,
			[]protocol.Role{protocol.Plain, protocol.Drainer}, nil, "a task runs after the end",
		},
		{
			"daemons left", protocol.DaemonsLeft,
			[]protocol.Role{protocol.Daemon, protocol.Drainer}, nil, "deadlock",
		},
		{
			"no listen", protocol.NoListen,
			[]protocol.Role{protocol.Nester, protocol.Canceller},
			[]protocol.Role{protocol.Server}, "a scope below was not cancelled",
		},
		{
			"no join", protocol.NoJoin,
			[]protocol.Role{protocol.Nester, protocol.Canceller},
			[]protocol.Role{protocol.Plain}, "a task ended before the scope below it",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			config := protocol.Config(false, tt.roles...).Below(tt.below...)
			config.Flaw = tt.flaw
			_, fault := protocol.Explore(config)
			if fault == nil || !strings.HasPrefix(fault.Error(), tt.want) {
				t.Errorf("fault = %v, want %q", fault, tt.want)
			}
		})
	}
}

// each calls f with every choice of n roles, in one order.
func each(n int, chosen []protocol.Role, f func([]protocol.Role)) {
	if n == 0 {
		f(chosen)
		return
	}
	least := protocol.Plain
	if len(chosen) > 0 {
		least = chosen[len(chosen)-1]
	}
	for role := least; role <= protocol.Waiter; role++ {
		if role == protocol.Body || role == protocol.Nester {
			continue
		}
		if role == protocol.Parent && n < 2 {
			continue
		}
		next := append(append([]protocol.Role{}, chosen...), role)
		if role == protocol.Parent { // with a child that is nobody's elder
			each(n-2, append(next, protocol.Plain), func(all []protocol.Role) { f(all) })
			continue
		}
		each(n-1, next, f)
	}
}

// ends reports whether a configuration has what it needs to come to an end:
// somebody to cancel what waits for it.
func ends(lexical bool, roles []protocol.Role) bool {
	needs, cancels, drains := false, false, lexical
	for _, role := range roles {
		switch role { //nolint:exhaustive // the rest needs nothing
		case protocol.Server:
			needs = true
		case protocol.Canceller, protocol.Stopper:
			cancels = true
		case protocol.Drainer:
			drains = true
		}
	}
	return cancels || drains && !needs
}
