package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"time"
)

func main() {
	var o options
	flag.StringVar(&o.core, "core", "..", "directory of the core")
	flag.StringVar(&o.files, "files", "", "files to change; none for all of the core")
	flag.StringVar(&o.at, "at", "", "only mutants of these lines, as in settle.go:57,exit.go:12")
	flag.IntVar(&o.n, "n", 40, "how many mutants to try; 0 for all")
	flag.IntVar(&o.after, "after", 0, "leave out the first, to go on with a run that was stopped")
	flag.Uint64Var(&o.seed, "seed", 1, "seed of the sample")
	flag.StringVar(&o.skip, "skip", "^$", "tests of the core to leave out, as one that is flaky")
	flag.BoolVar(&o.list, "list", false, "print the mutants and try none")
	flag.Parse()
	if err := run(context.Background(), o, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

type options struct {
	core, files, at string
	skip            string
	n, after        int
	seed            uint64
	list            bool
}

// run tries the mutants one after the other and prints what becomes of each as
// soon as it is known: a run that is stopped was not for nothing.
func run(ctx context.Context, o options, out io.Writer) error {
	all, err := sample(o)
	if err != nil {
		return err
	}
	p := printer{out: out}
	if o.list {
		for _, m := range all {
			p.printf("%v\n", m)
		}
		return p.err
	}
	dir, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // what is left is in the system's temporary files
	began := time.Now()
	list, err := prepare(ctx, dir, o, all)
	if err != nil {
		return err
	}
	counts := map[string]int{}
	for i, m := range all[min(o.after, len(all)):] {
		f := try(ctx, list, m)
		counts[f.kind]++
		p.printf("%4d/%d %v\n\t%v\n", o.after+i+1, len(all), m, f)
	}
	p.printf("%v in %v\n", counts, time.Since(began).Round(time.Second))
	return p.err
}

// A printer keeps the first error, so that its user asks once.
type printer struct {
	out io.Writer
	err error
}

func (p *printer) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.out, format, args...)
	}
}
