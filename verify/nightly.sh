#!/usr/bin/env bash
# Runs the heavy evidence at length, about half an hour on two cores; the figures
# are printed at the end of each step. With an argument, a number, all is divided by
# it: nightly.sh 100 is a first look.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
part=${1:-1}
export GOWORK=off

step() {
	local began=$SECONDS
	printf '\n== %s\n' "$1"
	shift
	"$@"
	printf -- '-- %d s\n' $((SECONDS - began))
}

step 'random programs against the model' \
	go test ./model -run TestModel -v -timeout 1h -rapid.checks=$((60000 / part))
step 'the same under the race detector' \
	go test -race ./model -run TestModel -v -timeout 1h -rapid.checks=$((6000 / part))
step 'the same from bytes' \
	go test ./model -run '^$' -fuzz FuzzModel -fuzztime $((60 / part + 1))s
step 'random supervisors against their model' \
	go test ./supmodel -run 'TestSupervisor|TestPool' -v -timeout 1h -rapid.checks=$((15000 / part))
step 'the same from bytes' \
	go test ./supmodel -run '^$' -fuzz FuzzSupervisor -fuzztime $((30 / part + 1))s
step 'all states of the end, five processes' \
	go test ./protocol -v -timeout 1h -procs 5
step 'histories' go test -race ./linear -v -timeout 1h -histories $((100000 / part))
step 'both sides of each race' \
	go test -race ./stress -v -timeout 2h -rounds $((1000000 / part))
step 'panics, exits and blocks in every callback' \
	go test -race ./faults -timeout 1h -count $((6 / part + 1))
step 'programs that end badly, and big ones' \
	go test ./faults/programs -v -timeout 1h -live $((1000000 / part)) \
	-churn $((200000 / part)) -ended $((10000000 / part)) -depth 20000
step 'what the suites of the peers prove' go test -race ./peers -count $((2 / part + 1))
step 'leaked goroutines, over all tests' \
	go test ./leaks -v -timeout 2h -all
step 'broken variants' go test ./broken -v -timeout 30m -all
step 'mutants' go run ./mutate -n $((6 / part + 1)) -seed "$(date +%j)"
