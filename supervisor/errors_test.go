package supervisor_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	sup "github.com/supervisorscope/scope/supervisor"
)

func TestErrors_Text(t *testing.T) {
	failure := fmt.Errorf("db: %w", errBoom)
	for _, tc := range []struct {
		err  error
		text string
		is   bool // errBoom
	}{
		{
			err:  &sup.SpecError{Child: "a", Field: "Grace", Problem: "is negative"},
			text: `supervisor: child "a": Grace is negative`,
		},
		{
			err:  &sup.SpecError{Field: "Options.Limit", Problem: "is negative"},
			text: `supervisor: Options.Limit is negative`,
		},
		{
			err:  &sup.ChildError{Child: "a", Err: failure},
			text: `supervisor: child "a": db: boom`, is: true,
		},
		{
			err:  &sup.ChildError{Child: "a", Start: true, Err: failure},
			text: `supervisor: start "a": db: boom`, is: true,
		},
		{
			err: &sup.IntensityError{
				Child: "a", Restarts: 6, Span: 28400 * time.Millisecond, Err: failure,
				Limit: sup.Intensity{Restarts: 5, Period: 30 * time.Second},
			},
			text: `supervisor: child "a": 6 restarts in 28.4s, limit 5 in 30s: db: boom`, is: true,
		},
		{
			err: &sup.IntensityError{
				Child: "a", All: true, Restarts: 1, Err: failure,
				Limit: sup.Intensity{Period: time.Second},
			},
			text: `supervisor: child "a": 1 restart of all children in 0s, limit 0 in 1s: db: boom`,
			is:   true,
		},
		{
			err:  &sup.RepeatedError{Failures: 8, New: 3, Err: failure},
			text: `supervisor: 3 more failures since 00:00:00, 8 in all, the last: db: boom`,
			is:   true,
		},
	} {
		if got := tc.err.Error(); got != tc.text {
			t.Errorf("text is %q, want %q", got, tc.text)
		}
		if got := errors.Is(tc.err, errBoom); got != tc.is {
			t.Errorf("%v Is boom: %v, want %v", tc.err, got, tc.is)
		}
	}
}

// %+v shows the stack of a panic that was escalated.
func TestErrors_Stack(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.onStart["a"] = func(context.Context, int) error { panic("in the start") }
		l.run(l.specs("a"), sup.Options{})
		err := l.ended()
		if text := fmt.Sprintf("%+v", err); !strings.Contains(text, "TestErrors_Stack") {
			t.Errorf("%%+v is %s", text)
		}
		if text := fmt.Sprintf("%v", err); strings.Contains(text, "TestErrors_Stack") {
			t.Errorf("%%v is %s", text)
		}
		if text := fmt.Sprintf("%q", err); !strings.HasPrefix(text, `"supervisor: start `) {
			t.Errorf("%%q is %s", text)
		}
	})
}

func TestStrings(t *testing.T) {
	for got, want := range map[fmt.Stringer]string{
		sup.Permanent: "permanent", sup.RestartType(9): "RestartType(9)",
		sup.RestForOne: "rest_for_one", sup.Strategy(9): "Strategy(9)",
		sup.AllSignificant: "all_significant", sup.AutoShutdown(9): "AutoShutdown(9)",
		sup.Park: "park", sup.Action(9): "Action(9)",
		sup.Intensity{}:                               "no limit",
		sup.Intensity{Restarts: 5, Period: 3e9}:       "5 in 3s",
		sup.Intensity{Restarts: 1, Period: time.Hour}: "1 in 1h0m0s",
	} {
		if got.String() != want {
			t.Errorf("%v, want %s", got, want)
		}
	}
}
