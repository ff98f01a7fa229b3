package protocol

import "fmt"

// explore visits all states that config can reach. It returns how many there are,
// and the first fault with the steps that lead to it.
func explore(config State) (states int, fault error) {
	from := map[State]State{config: config}
	queue := []State{config}
	for len(queue) > 0 {
		s := queue[0]
		queue = queue[1:]
		moved := false
		for i := range s.Procs {
			for _, next := range s.step(i) {
				moved = true
				if _, seen := from[next]; !seen {
					from[next] = s
					queue = append(queue, next)
				}
			}
		}
		if err := s.check(moved); err != nil {
			return len(from), fmt.Errorf("%w\n%s", err, trace(from, s))
		}
	}
	return len(from), nil
}

// trace prints the states that lead to s.
func trace(from map[State]State, s State) string {
	text := ""
	for {
		text = fmt.Sprintf("%+v\n", s) + text
		if from[s] == s {
			return text
		}
		s = from[s]
	}
}

// check returns what is wrong with s. A state without a move is the end, where
// all must be over.
func (s *State) check(moved bool) error { //nolint:gocognit // a table of cases
	below := s.Scopes[Outer].Cancelled && s.Scopes[Outer].Nested && !s.Scopes[Inner].Cancelled
	for _, p := range s.Procs {
		in := s.Scopes[p.In]
		below = below && p.At != listens && !p.Do[Outer].Walk && !p.Do[Outer].Below
		switch {
		case p.running() && (in.Phase == Ended || s.Scopes[Outer].Phase == Ended):
			return fmt.Errorf("a task runs after the end")
		case p.running() && p.Calls != 1:
			return fmt.Errorf("a task was called %d times", p.Calls)
		case p.Do[p.In].Release && in.Ends > 0:
			return fmt.Errorf("ended before who waits for a task was woken")
		case p.Broken:
			return fmt.Errorf("a wait returned while something ran")
		case p.Role == Nester && p.At == over && p.Calls > s.Scopes[Inner].Ends:
			return fmt.Errorf("a task ended before the scope below it")
		case !moved && p.Role != Nobody && p.At != over && p.At != dormant:
			return fmt.Errorf("deadlock")
		case !moved && p.closes() && p.At != dormant && in.Phase != Ended:
			return fmt.Errorf("no end")
		case p.Role == Deferred && p.Calls == 0 && in.Phase == Ended:
			return fmt.Errorf("a deferred function was not called")
		}
	}
	for _, in := range s.Scopes {
		switch {
		case below && !s.Scopes[Inner].Finishing: // nobody is on the way to it
			return fmt.Errorf("a scope below was not cancelled")
		case in.Ends > 1:
			return fmt.Errorf("ended %d times", in.Ends)
		case in.Ends > 0 && in.Cleanups > 0:
			return fmt.Errorf("ended before the deferred functions")
		}
	}
	return nil
}
