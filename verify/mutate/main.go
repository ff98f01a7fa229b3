package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/supervisorscope/scope/verify/internal/overlay"
)

// concurrent are the files that hold what is hard.
const concurrent = "state.go,ledger.go,settle.go,spawn.go,exit.go,cancel.go,wait.go,gate.go," +
	"result.go,echo.go,limit.go,start.go,tree.go,scope.go,future.go"

func main() {
	var o options
	flag.StringVar(&o.core, "core", "..", "directory of the core")
	flag.StringVar(&o.files, "files", concurrent, "files to change")
	flag.IntVar(&o.n, "n", 40, "how many mutants to try; 0 for all")
	flag.Uint64Var(&o.seed, "seed", 1, "seed of the sample")
	flag.StringVar(&o.skip, "skip", "^$", "tests of the core to leave out, as one that is flaky")
	flag.DurationVar(&o.limit, "limit", 90*time.Second, "time for one run of tests")
	flag.Parse()
	if err := run(context.Background(), o, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

type options struct {
	core, files string
	skip        string
	n           int
	seed        uint64
	limit       time.Duration
}

// stages are the tests that have to miss a mutant before it is a survivor.
func stages(o options) []overlay.Run {
	verify := filepath.Join(o.core, "verify")
	return []overlay.Run{
		{Dir: o.core, Args: []string{"-short", "-failfast", "-skip", o.skip, "."}},
		{Dir: verify, Args: []string{"-short", "./model", "-rapid.nofailfile"}},
		{Dir: verify, Args: []string{"-short", "-failfast", "./linear", "./stress"}},
	}
}

func run(ctx context.Context, o options, out io.Writer) error {
	all, err := sample(o)
	if err != nil {
		return err
	}
	counts := map[string]int{}
	for _, m := range all {
		fate, err := try(ctx, o, m)
		if err != nil {
			return err
		}
		counts[kind(fate)]++
		if _, err := fmt.Fprintf(out, "%v\n\t%s\n", m, fate); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(out, "%d mutants: %v\n", len(all), counts)
	return err
}

// kind is what a fate counts as: all tests are one.
func kind(fate string) string {
	if strings.HasPrefix(fate, "Test") {
		return "killed"
	}
	return fate
}

// sample returns mutants of all files, in an order by chance.
func sample(o options) ([]mutant, error) {
	var all []mutant
	for file := range strings.SplitSeq(o.files, ",") {
		found, err := mutants(o.core, file)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	rnd := rand.New(rand.NewPCG(o.seed, 0)) //nolint:gosec // a sample that can be repeated
	rnd.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	if o.n > 0 && o.n < len(all) {
		all = all[:o.n]
	}
	return all, nil
}

// try returns what became of m: who killed it, or that it lives.
func try(ctx context.Context, o options, m mutant) (fate string, err error) {
	dir, err := os.MkdirTemp("", "mutant")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // what is left is in the system's temporary files
	text, err := m.apply(o.core)
	if err != nil {
		return "", err
	}
	path, err := overlay.Write(dir, o.core, map[string]string{m.file: text})
	if err != nil {
		return "", err
	}
	for _, stage := range stages(o) {
		stage.Overlay, stage.Limit = path, o.limit
		if killer := kill(ctx, stage); killer != "" {
			return killer, nil
		}
	}
	return "SURVIVED", nil
}

// kill returns what fails in stage, or an empty string. A test that passes when it
// is run again, alone, has failed by chance.
func kill(ctx context.Context, stage overlay.Run) string {
	verdict, out := overlay.Test(ctx, stage)
	if verdict == overlay.Passed {
		return ""
	}
	test := regexp.MustCompile(`(?m)^--- FAIL: (\w+)`).FindStringSubmatch(out)
	if verdict != overlay.Failed || test == nil {
		return verdict.String() // does not build, is stuck, or died of a panic
	}
	stage.Args = append([]string{"-run", "^" + test[1] + "$"}, stage.Args...)
	if again, _ := overlay.Test(ctx, stage); again == overlay.Passed {
		return ""
	}
	return test[1]
}
