package main

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
)

// sample returns mutants of all files, in an order by chance.
func sample(o options) ([]mutant, error) {
	files, err := sources(o)
	if err != nil {
		return nil, err
	}
	var all []mutant
	for _, file := range files {
		found, err := mutants(o.core, file)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	if o.at != "" {
		lines := strings.Split(o.at, ",")
		all = slices.DeleteFunc(all, func(m mutant) bool {
			return !slices.Contains(lines, fmt.Sprintf("%s:%d", m.file, m.line))
		})
		return number(all), nil
	}
	rnd := rand.New(rand.NewPCG(o.seed, 0)) //nolint:gosec // a sample that can be repeated
	rnd.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	if o.n > 0 && o.n < len(all) {
		all = all[:o.n]
	}
	return number(all), nil
}

// number gives each mutant its id; 0 is the core as it is.
func number(all []mutant) []mutant {
	for i := range all {
		all[i].id = i + 1
	}
	return all
}

// sources returns the names of the files to change. Without a choice they are all
// of the core that every build has: what depends on the race detector or on the
// processor is for tests that build it.
func sources(o options) ([]string, error) {
	if o.files != "" {
		return strings.Split(o.files, ","), nil
	}
	paths, err := filepath.Glob(filepath.Join(o.core, "*.go"))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, path := range paths {
		name := filepath.Base(path)
		if !strings.HasSuffix(name, "_test.go") &&
			!strings.HasPrefix(name, "race_") && !strings.HasPrefix(name, "callerpc_") {
			names = append(names, name)
		}
	}
	return names, nil
}
