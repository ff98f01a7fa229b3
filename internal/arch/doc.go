// Package arch holds the rules of the house, checked by its tests.
//
// [Load] parses all modules of the repository. Each rule is a function of the
// parsed [Repo] that returns a line per violation, "path:line: what to do", and
// none if the rule is kept. The tests run every rule over the repository
// itself, and over small bad trees in which the rule must find its case.
//
// The rules are about what a linter for one package cannot see: which package
// may import which, the exported surface, the conformance list, the code in the
// documents. What golangci-lint can check is in .golangci.yml.
package arch
