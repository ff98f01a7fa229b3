package overlay

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// An Edit replaces one piece of one file of the core.
type Edit struct {
	File     string // relative to the core
	Old, New string // Old occurs once
}

// Apply writes the edited files and the overlay to dir, and returns the path of
// the overlay. Several edits may be of one file.
func Apply(dir, core string, edits ...Edit) (string, error) {
	texts := map[string]string{}
	for _, e := range edits {
		text, ok := texts[e.File]
		if !ok {
			source, err := os.ReadFile(filepath.Join(core, e.File))
			if err != nil {
				return "", err
			}
			text = string(source)
		}
		if n := strings.Count(text, e.Old); n != 1 {
			return "", fmt.Errorf("overlay: %s has this %d times, want once:\n%s", e.File, n, e.Old)
		}
		texts[e.File] = strings.Replace(text, e.Old, e.New, 1)
	}
	return Write(dir, core, texts)
}

// Write writes whole files of the core and an overlay that puts them in place.
func Write(dir, core string, texts map[string]string) (string, error) {
	core, err := filepath.Abs(core)
	if err != nil {
		return "", err
	}
	replace := map[string]string{}
	for name, text := range texts {
		path := filepath.Join(dir, strings.ReplaceAll(name, "/", "_"))
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return "", err
		}
		replace[filepath.Join(core, name)] = path
	}
	list, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, list, 0o600)
}

// A Verdict is what became of a run of tests.
type Verdict int

// The verdicts. Stuck is a run that had to be stopped, which is a failure, too.
const (
	Passed Verdict = iota
	Failed
	Stuck
	NotBuilt
)

func (v Verdict) String() string {
	return [...]string{"passed", "failed", "stuck", "does not build"}[v]
}

// A Run is a call of go test.
type Run struct {
	Dir     string   // the module's directory
	Overlay string   // or none
	Args    []string // flags and packages
	Limit   time.Duration
}

// Test runs the tests and returns what became of them, with their output.
func Test(ctx context.Context, r Run) (Verdict, string) {
	ctx, cancel := context.WithTimeout(ctx, r.Limit)
	defer cancel()
	args := []string{"test", "-vet=off", "-timeout", r.Limit.String()}
	if r.Overlay != "" {
		args = append(args, "-overlay", r.Overlay)
	}
	cmd := exec.CommandContext(ctx, "go", append(args, r.Args...)...)
	cmd.Dir = r.Dir
	cmd.Env = append(os.Environ(), "GOWORK=off")
	cmd.WaitDelay = time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	text := out.String()
	switch {
	case err == nil:
		return Passed, text
	case strings.Contains(text, "[build failed]"), strings.Contains(text, "[setup failed]"):
		return NotBuilt, text
	case errors.Is(ctx.Err(), context.DeadlineExceeded),
		strings.Contains(text, "panic: test timed out"):
		return Stuck, text
	default:
		return Failed, text
	}
}
