package traceback

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
)

// Goroutine is what one block of a dump says about one goroutine.
type Goroutine struct {
	// ID is the goroutine's number, unique in the life of the process.
	ID int64
	// Wait is the wait reason or the status: "chan receive", "running". The
	// runtime's additions "(durable)", "(leaked)" and "(scan)" are left out.
	Wait string
	// Minutes is for how long it has been waiting, in whole minutes.
	Minutes int
	// Receivers holds the receivers of the marker frames, innermost first.
	Receivers []uintptr
	// CreatedBy is the function whose go statement started the goroutine,
	// empty for the main goroutine.
	CreatedBy string
	// CreatedIn is the ID of the goroutine that started it. Zero means unknown.
	CreatedIn int64
	// Text is the block as printed, the header included.
	Text string
}

// Parse returns the goroutines of dump in the order in which they were printed.
//
// Markers are full names of methods, as the runtime prints them:
// "example.com/pkg.(*Task).run", with "[...]" for type arguments. A marker
// frame that was inlined shows no receiver, and one marked with "?" may be
// stale; neither is used. Frames of the goroutine's ancestors, which
// GODEBUG=tracebackancestors adds, are not its own and are passed over.
//
// A block without a proper header is skipped. A last line without its newline
// was cut off by a full buffer and is not believed, but stays in Text.
// Parse keeps no reference to dump.
func Parse(dump []byte, markers ...string) []Goroutine {
	var parsed []Goroutine
	for len(dump) > 0 {
		block := dump
		if i := bytes.Index(dump, []byte("\n\n")); i >= 0 {
			block = dump[:i+1]
		}
		dump = bytes.TrimLeft(dump[len(block):], "\n")
		if !bytes.HasPrefix(block, []byte(headerPrefix)) {
			continue
		}
		// A copy per block: whoever keeps one goroutine does not keep the dump.
		if g, ok := parseBlock(string(block), markers); ok {
			parsed = append(parsed, g)
		}
	}
	return parsed
}

const headerPrefix = "goroutine "

func parseBlock(text string, markers []string) (Goroutine, bool) {
	header, rest, whole := strings.Cut(text, "\n")
	if !whole {
		return Goroutine{}, false
	}
	g, ok := parseHeader(header)
	if !ok {
		return Goroutine{}, false
	}
	g.Text = text
	for {
		var line string
		line, rest, whole = strings.Cut(rest, "\n")
		if !whole || strings.HasPrefix(line, "[originating from goroutine ") {
			return g, true
		}
		if creator, ok := strings.CutPrefix(line, "created by "); ok {
			g.CreatedBy, g.CreatedIn = parseCreator(creator)
			return g, true
		}
		if r, ok := receiver(line, markers); ok {
			g.Receivers = append(g.Receivers, r)
		}
	}
}

// parseHeader reads a line such as
//
//	goroutine 35 [select (durable), 3 minutes, synctest bubble 1 labels:{"a": "b"}]:
//
// Crash dumps print "gp=… m=… mp=…" before the bracket; that is passed over.
func parseHeader(line string) (Goroutine, bool) {
	id, rest, ok := strings.Cut(strings.TrimPrefix(line, headerPrefix), " ")
	if !ok {
		return Goroutine{}, false
	}
	_, rest, open := strings.Cut(rest, "[")
	state, closed := strings.CutSuffix(rest, "]:")
	number, ok := parseID(id)
	if !ok || !open || !closed {
		return Goroutine{}, false
	}
	// Labels come last and hold any text, commas and brackets, too.
	state, _, _ = strings.Cut(state, " labels:{")
	wait, attributes, _ := strings.Cut(state, ", ")
	return Goroutine{ID: number, Wait: bareReason(wait), Minutes: minutes(attributes)}, true
}

// bareReason strips the additions that may follow a wait reason. Others, as in
// "select (no cases)", belong to the reason itself.
func bareReason(wait string) string {
	additions := []string{" (durable)", " (leaked)", " (scan)"}
	for {
		i := slices.IndexFunc(additions, func(a string) bool { return strings.HasSuffix(wait, a) })
		if i < 0 {
			return wait
		}
		wait = strings.TrimSuffix(wait, additions[i])
	}
}

func minutes(attributes string) int {
	for attribute := range strings.SplitSeq(attributes, ", ") {
		if digits, ok := strings.CutSuffix(attribute, " minutes"); ok {
			n, err := strconv.Atoi(digits)
			if err == nil && n > 0 {
				return n
			}
		}
	}
	return 0
}

func parseCreator(creator string) (name string, in int64) {
	name, id, ok := strings.Cut(creator, " in goroutine ")
	if ok {
		in, _ = parseID(id)
	}
	return name, in
}

func parseID(digits string) (int64, bool) {
	// 63 bits: what fits an int64 that is not negative.
	n, err := strconv.ParseUint(digits, 10, 63)
	return int64(n), err == nil
}

// receiver returns the first argument of a frame line such as
//
//	example.com/pkg.(*Task).run(0xc000123080, 0x1?, {0x2, ...})
//
// if it is a frame of a marker and the argument is a live value. The comma or
// parenthesis behind the value shows that the number is whole.
func receiver(line string, markers []string) (uintptr, bool) {
	for _, marker := range markers {
		arguments, ok := strings.CutPrefix(line, marker)
		if !ok {
			continue
		}
		digits, ok := strings.CutPrefix(arguments, "(0x")
		end := strings.IndexAny(digits, ",)")
		if !ok || end < 0 {
			continue
		}
		value, err := strconv.ParseUint(digits[:end], 16, strconv.IntSize)
		if err == nil {
			return uintptr(value), true
		}
	}
	return 0, false
}
