package supervisor

// Break corrupts the state of a child, so that the next transition of it
// panics in its keeper. No test can do that from outside, which is as it should
// be.
func Break(s *Supervisor, name string) {
	m := s.running()
	m.mu.Lock()
	defer m.unlock()
	m.children[name].state = stateGone
}
