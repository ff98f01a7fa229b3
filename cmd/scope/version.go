package main

import (
	"fmt"
	"runtime/debug"
	"strings"
)

// versionCommand is scope version.
type versionCommand struct{}

func (versionCommand) run(out *output) int {
	if _, err := fmt.Fprintln(out.stdout, version()); err != nil {
		return statusOther
	}
	return 0
}

// version describes this build: "scope v1.2.3 go1.26.8", with the revision if
// the build knows it.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "scope (unknown build)"
	}
	words := []string{"scope", info.Main.Version, info.GoVersion}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			words = append(words, s.Value)
		}
	}
	return strings.Join(words, " ")
}
