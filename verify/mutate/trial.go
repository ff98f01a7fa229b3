package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/supervisorscope/scope/verify/internal/overlay"
)

// A fate is what became of a mutant, and by what: the tests that failed, or that
// were running when it had to be stopped, or what the runtime said.
type fate struct {
	kind  string
	tests []string
	last  string
}

func (f fate) String() string {
	return strings.TrimSpace(f.kind + " " + strings.Join(f.tests, " ") + f.last)
}

// The kinds of fates. Fatal is a test binary that a panic or the runtime ended,
// stuck one that had to be stopped; both are noticed as much as a failed test is.
const (
	killed   = "killed"
	fatal    = "fatal"
	stuck    = "stuck"
	survived = "SURVIVED"
)

// A stage is a run of tests that a mutant has to face.
type stage struct {
	module, pkg string // directories, the second in the first
	args        []string
	binary      string
	flags       string        // GOFLAGS, for tests that build something themselves
	limit       time.Duration // for a run
}

// stages are the tests that have to miss a mutant before it is a survivor: first
// those that take seconds and find most.
func stages(o options) []stage {
	verify := filepath.Join(o.core, "verify")
	return []stage{
		{module: o.core, pkg: ".", args: []string{"-test.short", "-test.skip", o.skip}},
		{module: verify, pkg: "model", args: []string{"-test.short", "-rapid.nofailfile"}},
		{module: verify, pkg: "linear", args: []string{"-test.short"}},
		{module: verify, pkg: "stress", args: []string{"-test.short"}},
		{module: o.core, pkg: ".", args: []string{"-test.skip", o.skip}},
	}
}

// prepare builds the tests, with all mutants in the core, and runs them as none of
// them: they have to pass. Each stage gets a limit, some times what it took, since
// who shares a machine is not stuck yet.
func prepare(ctx context.Context, dir string, o options, all []mutant) ([]stage, error) {
	texts, err := schema(o.core, all)
	if err != nil {
		return nil, err
	}
	path, err := overlay.Write(dir, o.core, texts)
	if err != nil {
		return nil, err
	}
	list := stages(o)
	for i := range list {
		s := &list[i]
		s.flags = strings.TrimSpace(os.Getenv("GOFLAGS") + " -overlay=" + path)
		s.binary = filepath.Join(dir, strconv.Itoa(i)+".test")
		if err := s.build(ctx); err != nil {
			return nil, err
		}
		s.limit = 5 * time.Minute
		began := time.Now()
		if f, out := s.face(ctx, 0, ""); f.kind != survived {
			return nil, fmt.Errorf("mutate: without a change, %s: %v\n%s", s.pkg, f, out)
		}
		s.limit = 3*time.Since(began) + 10*time.Second
	}
	return list, nil
}

func (s stage) build(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-o", s.binary, "./"+s.pkg)
	cmd.Dir = s.module
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS="+s.flags)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("mutate: build of %s: %w\n%s", s.pkg, err, out)
	}
	return nil
}

// try returns what became of m. Tests that pass when they are run again, alone,
// have failed by chance, or on a machine that was busy.
func try(ctx context.Context, list []stage, m mutant) fate {
	for _, s := range list {
		f, _ := s.face(ctx, m.id, "")
		if len(f.tests) > 0 {
			only := "^(" + strings.Join(f.tests, "|") + ")$"
			if again, _ := s.face(ctx, m.id, only); again.kind == survived {
				continue
			}
		}
		if f.kind != survived {
			return f
		}
	}
	return fate{kind: survived}
}

// face runs the tests, or only some, as the mutant with that number.
func (s stage) face(ctx context.Context, id int, only string) (f fate, output string) {
	ctx, cancel := context.WithTimeout(ctx, s.limit+time.Minute)
	defer cancel()
	args := []string{"-test.failfast", "-test.timeout", s.limit.String(), "-test.run", only}
	cmd := exec.CommandContext(ctx, s.binary, append(args, s.args...)...)
	cmd.Dir = filepath.Join(s.module, s.pkg)
	cmd.Env = append(os.Environ(),
		"GOWORK=off", "GOFLAGS="+s.flags, variable+"="+strconv.Itoa(id))
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	if err == nil {
		return fate{kind: survived}, string(out)
	}
	return judge(string(out)), string(out)
}

// judge says what the output of tests that did not pass tells.
func judge(out string) fate {
	found := func(pattern string) (all []string) {
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(out, -1) {
			all = append(all, m[1])
		}
		return all
	}
	if strings.Contains(out, "panic: test timed out") {
		running := found(`(?m)^\t\t(\w+)[\w/]* \(\S+\)$`) // the list that package testing prints
		return fate{kind: stuck, tests: running}
	}
	if failed := found(`(?m)^--- FAIL: (\w+)`); len(failed) > 0 {
		return fate{kind: killed, tests: failed}
	}
	said := found(`(?m)^((?:panic|fatal error): .*)`)
	return fate{kind: fatal, last: strings.Join(said[:min(1, len(said))], "")}
}
