module github.com/supervisorscope/scope/verify

go 1.26.0

require (
	github.com/anishathalye/porcupine v1.3.1
	github.com/supervisorscope/scope v0.0.0
	pgregory.net/rapid v1.3.0
)

replace github.com/supervisorscope/scope => ../
