module github.com/supervisorscope/scope/bench

go 1.26.0

require (
	github.com/alitto/pond/v2 v2.7.1
	github.com/panjf2000/ants/v2 v2.12.1
	github.com/sourcegraph/conc v0.3.0
	github.com/supervisorscope/scope v0.0.0
	github.com/thejerf/suture/v4 v4.0.6
	golang.org/x/sync v0.24.0
	gopkg.in/tomb.v2 v2.0.0-20161208151619-d5d1b5820637
)

require (
	go.uber.org/atomic v1.7.0 // indirect
	go.uber.org/multierr v1.9.0 // indirect
	golang.org/x/net v0.62.0 // indirect
)

replace github.com/supervisorscope/scope => ../
