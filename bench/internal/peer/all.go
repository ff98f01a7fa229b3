package peer

// Base is the peer that all ratios refer to.
const Base = "raw"

// All returns every peer, in the order of the report: the base, ours, and the
// others from the barest to the richest.
func All() []Peer {
	return []Peer{
		raw(),
		scopeRun(),
		scopeSupervise(),
		scopeOpen(),
		waitGroup(),
		errGroup(),
		concWaitGroup(),
		concPool(),
		concContextPool(),
		antsPool(),
		pondGroup(),
		tombGo(),
		diyList(),
		diyFull(),
		sutureSupervisor(),
	}
}
