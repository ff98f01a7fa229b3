package stress_test

import (
	"os"
	"testing"

	"github.com/supervisorscope/scope/verify/internal/leak"
)

func TestMain(m *testing.M) { os.Exit(leak.Main(m, os.Stderr)) }
