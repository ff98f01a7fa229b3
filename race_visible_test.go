package scope_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supervisorscope/scope"
)

// The tests in this file are issue item 5: the scope hides no data race from
// the race detector, and has it report none in a correct program. The programs
// with a race are run in a child process: the test binary itself, built with
// -race.

const raceEnv = "SCOPE_TEST_RACE"

// raceBinary returns a test binary that was built with -race: this one, or one
// built for the purpose.
func raceBinary(t *testing.T) string {
	t.Helper()
	if builtWithRace() {
		return os.Args[0]
	}
	name := filepath.Join(t.TempDir(), "scope.test")
	build := exec.CommandContext(t.Context(), "go", "test", "-race", "-c", "-o", name, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Skipf("NOT TESTED: cannot build with -race here: %v\n%s", err, out)
	}
	return name
}

// raceChild runs one test of the race-enabled binary and returns its output.
func raceChild(t *testing.T, binary, name, env string) (output string, passed bool) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, "-test.run", "^"+name+"$", "-test.v")
	cmd.Env = append(os.Environ(), raceEnv+"="+env,
		"GORACE=suppress_equal_stacks=0 suppress_equal_addresses=0 atexit_sleep_ms=0")
	out, err := cmd.CombinedOutput()
	return string(out), err == nil
}

// A raceScene starts two tasks that both write to x, the second one when the
// first has ended, which it learns in no way that synchronizes.
type raceScene struct {
	name string
	play func(touch func())
}

// raceGap lets what has been started come to its end. Virtual time that passes
// does not order one goroutine behind another; synctest.Wait would.
func raceGap() { time.Sleep(time.Second) }

// raceSpawns lists the ways to run touch as a task.
func raceSpawns() map[string]func(s *scope.Scope, touch func()) {
	return map[string]func(s *scope.Scope, touch func()){
		"Go": func(s *scope.Scope, touch func()) {
			s.Go("x", func(context.Context) error {
				touch()
				return nil
			})
		},
		"TryGo": func(s *scope.Scope, touch func()) {
			_, _ = s.TryGo("x", func(context.Context) error {
				touch()
				return nil
			})
		},
		"Daemon": func(s *scope.Scope, touch func()) {
			s.Daemon("x", func(context.Context) error {
				touch()
				return nil
			})
		},
		"Async": func(s *scope.Scope, touch func()) {
			scope.Async(s, "x", func(context.Context) (int, error) {
				touch()
				return 0, nil
			})
		},
		"Start": func(s *scope.Scope, touch func()) {
			_, _ = s.Start(context.Background(), "x",
				func(_ context.Context, ready func()) error {
					ready()
					time.Sleep(time.Millisecond) // so that Start waits for ready, not for the end
					touch()
					return nil
				})
		},
		"Do": func(s *scope.Scope, touch func()) {
			go func() {
				_ = s.Do(context.Background(), "x", func(context.Context) error {
					touch()
					return nil
				})
			}()
		},
		"Go, asks for Done": func(s *scope.Scope, touch func()) {
			s.Go("x", func(ctx context.Context) error {
				ctx.Done()
				touch()
				return nil
			})
		},
		"Go, derives a context": func(s *scope.Scope, touch func()) {
			s.Go("x", func(ctx context.Context) error {
				_, cancel := context.WithTimeout(ctx, time.Hour)
				defer cancel()
				touch()
				return nil
			})
		},
		"Go, fails": func(s *scope.Scope, touch func()) {
			s.Go("x", func(context.Context) error {
				touch()
				return errors.ErrUnsupported
			})
		},
		"Go, panics": func(s *scope.Scope, touch func()) {
			s.Go("x", func(context.Context) error {
				touch()
				panic("aua")
			})
		},
		"nested": func(s *scope.Scope, touch func()) {
			s.Go("x", func(ctx context.Context) error {
				return scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
					s.Go("y", func(context.Context) error {
						touch()
						return nil
					})
					return nil
				})
			})
		},
	}
}

// A raceForm opens a scope, has use use it, and ends it.
type raceForm struct {
	name string
	run  func(use func(*scope.Scope))
}

func raceForms() []raceForm {
	ctx, quiet := context.Background(), scope.OnFailure(scope.Ignore)
	body := func(use func(*scope.Scope)) func(context.Context, *scope.Scope) error {
		return func(ctx context.Context, s *scope.Scope) error {
			use(s)
			return ctx.Err()
		}
	}
	object := func(s *scope.Scope, use func(*scope.Scope)) {
		use(s)
		_ = s.Shutdown(ctx)
	}
	return []raceForm{
		{"Run", func(use func(*scope.Scope)) { _ = scope.Run(ctx, body(use), quiet) }},
		{"Supervise", func(use func(*scope.Scope)) { _ = scope.Supervise(ctx, body(use), quiet) }},
		{"Open", func(use func(*scope.Scope)) { object(scope.Open(ctx, quiet), use) }},
		{"OpenSupervised", func(use func(*scope.Scope)) {
			object(scope.OpenSupervised(ctx, quiet), use)
		}},
		{"Limit", func(use func(*scope.Scope)) {
			object(scope.OpenSupervised(ctx, quiet, scope.Limit(1)), use)
		}},
		{"Timeout", func(use func(*scope.Scope)) {
			object(scope.OpenSupervised(ctx, quiet, scope.Timeout(time.Hour)), use)
		}},
	}
}

// raceScenes returns the ways to spawn in the forms of a scope, and the control.
func raceScenes() (scenes []raceScene) {
	scenes = append(scenes, raceScene{"plain go", func(touch func()) {
		go touch()
		raceGap()
		go touch()
		raceGap()
	}})
	scenes = append(scenes, raceLooks()...)
	for verb, spawn := range raceSpawns() {
		twice := func(touch func()) func(*scope.Scope) {
			return func(s *scope.Scope) {
				spawn(s, touch)
				raceGap()
				spawn(s, touch)
				raceGap()
			}
		}
		for _, form := range raceForms() {
			if raceIsNoScene(form.name, verb) {
				continue
			}
			scenes = append(scenes, raceScene{form.name + "/" + verb, func(touch func()) {
				form.run(twice(touch))
			}})
		}
	}
	return scenes
}

// raceLooks returns what a task may call that joins no other task.
func raceLooks() (scenes []raceScene) {
	for name, look := range map[string]func(s *scope.Scope, other *scope.Task){
		"Scope.Cancel": func(s *scope.Scope, _ *scope.Task) { s.Cancel(nil) },
		"Task.Cancel":  func(_ *scope.Scope, other *scope.Task) { other.Cancel(nil) },
		"Scope.Tasks":  func(s *scope.Scope, _ *scope.Task) { s.Tasks() },
		"Task.Scopes":  func(_ *scope.Scope, other *scope.Task) { other.Scopes() },
		"Scope.Info":   func(s *scope.Scope, _ *scope.Task) { s.Info() },
	} {
		scenes = append(scenes, raceScene{"look/" + name, func(touch func()) {
			s := scope.OpenSupervised(context.Background())
			other := s.Go("other", func(ctx context.Context) error {
				<-ctx.Done()
				return nil
			})
			s.Go("x", func(context.Context) error { touch(); return nil })
			raceGap()
			s.Go("y", func(context.Context) error { look(s, other); touch(); return nil })
			raceGap()
			_ = s.Shutdown(context.Background())
		}})
	}
	return scenes
}

// raceIsNoScene reports whether there is no race to be seen.
func raceIsNoScene(form, verb string) bool {
	switch verb {
	case "Go, fails", "Go, panics":
		// In a fail-fast scope the first failure is the end.
		return form == "Run" || form == "Open"
	case "Go, derives a context", "nested":
		// Package context orders those who derive from one context that has a
		// deadline, with plain go, too.
		return form == "Timeout"
	default:
		return false
	}
}

// TestRaceScenes has races on purpose, and runs in a child process only.
func TestRaceScenes(t *testing.T) {
	if os.Getenv(raceEnv) != "scenes" {
		t.Skip("run by TestRace_InABuildWithRace")
	}
	for _, scene := range raceScenes() {
		t.Run(scene.name, func(t *testing.T) {
			synctest.Test(t, func(*testing.T) {
				x := 0
				scene.play(func() { x++ })
			})
		})
	}
}

// A data race between two tasks of a scope is reported, as one between two
// goroutines is; in a correct program none is.
// Guarantee 8.
func TestRace_InABuildWithRace(t *testing.T) {
	if testing.Short() {
		t.Skip("builds with -race")
	}
	binary := raceBinary(t)
	t.Run("is seen as with plain go", func(t *testing.T) {
		output, _ := raceChild(t, binary, "TestRaceScenes", "scenes")
		for _, scene := range raceScenes() {
			name := "TestRaceScenes/" + strings.ReplaceAll(scene.name, " ", "_")
			if !strings.Contains(output, "--- FAIL: "+name+" ") {
				t.Errorf("%s: the race was not reported", scene.name)
			}
		}
		if t.Failed() {
			t.Logf("output of the child process:\n%s", output)
		}
	})
	t.Run("none in correct programs", func(t *testing.T) {
		if builtWithRace() {
			t.Skip("the tests of joins are run with -race as it is")
		}
		output, passed := raceChild(t, binary, "TestJoin_.*", "")
		if !passed || !strings.Contains(output, "--- PASS: TestJoin_ByTheScope") {
			t.Errorf("with -race:\n%s", output)
		}
	})
}
