//go:build !linux && !darwin

package process_test

import (
	"errors"
	"testing"

	"github.com/supervisorscope/scope/process"
)

func TestRun_SaysWhatTheSystemCannotDo(t *testing.T) {
	err := process.Run(t.Context(), process.Spec{Args: []string{"anything"}})
	if !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Run() = %v, want ErrUnsupported", err)
	}
}
