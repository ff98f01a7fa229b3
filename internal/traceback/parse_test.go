package traceback_test

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/supervisorscope/scope/internal/traceback"
)

// run is the marker method in the captured dumps.
const run = "example.com/app.(*Task).run"

// The dumps in testdata were printed by Go 1.26, built with -trimpath.
func TestParse_CapturedDumps(t *testing.T) {
	const (
		bubbleBody = "example.com/app.TestBubble.func1"
		longTest   = "example.com/app.TestLong"
		oddTest    = "example.com/app.TestOdd"
		testRun    = "testing.(*T).Run"
	)
	tests := []struct {
		file string
		want []traceback.Goroutine
	}{
		{
			// Header attributes of a synctest bubble.
			file: "bubble.txt",
			want: []traceback.Goroutine{
				{ID: 9, Wait: "running",
					CreatedBy: "testing/synctest.testingSynctestTest", CreatedIn: 8},
				{ID: 1, Wait: "chan receive"},
				{ID: 7, Wait: "synctest.Run", CreatedBy: testRun, CreatedIn: 1},
				{ID: 8, Wait: "chan receive", CreatedBy: "testing/synctest.Test", CreatedIn: 7},
				{ID: 10, Wait: "chan receive", Receivers: []uintptr{0xbc858e18178},
					CreatedBy: bubbleBody, CreatedIn: 9},
				{ID: 11, Wait: "sync.WaitGroup.Wait", Receivers: []uintptr{0xbc858e18190},
					CreatedBy: bubbleBody, CreatedIn: 9},
				{ID: 12, Wait: "sleep", Receivers: []uintptr{0xbc858e18198},
					CreatedBy: bubbleBody, CreatedIn: 9},
			},
		},
		{
			// With GODEBUG=tracebacklabels=1,tracebackancestors=3. Goroutine 8 has
			// labels and a marker within a marker, 9 elided frames, 10 its own
			// thread, 17 an ancestor that runs a marker.
			file: "ancestors.txt",
			want: []traceback.Goroutine{
				{ID: 7, Wait: "running", CreatedBy: testRun, CreatedIn: 1},
				{ID: 8, Wait: "chan receive", Receivers: []uintptr{0x2a23584e6ea0, 0x2a23584e6f08},
					CreatedBy: oddTest, CreatedIn: 7},
				{ID: 9, Wait: "chan receive", Receivers: []uintptr{0x2a235848a168},
					CreatedBy: oddTest, CreatedIn: 7},
				{ID: 10, Wait: "chan receive", Receivers: []uintptr{0x2a235848a170},
					CreatedBy: oddTest, CreatedIn: 7},
				{ID: 11, Wait: "sync.Mutex.Lock", Receivers: []uintptr{0x2a235848a180},
					CreatedBy: oddTest, CreatedIn: 7},
				{ID: 12, Wait: "chan receive (nil chan)", Receivers: []uintptr{0x2a235848a188},
					CreatedBy: oddTest, CreatedIn: 7},
				{ID: 17, Wait: "select (no cases)", Receivers: []uintptr{0x2a2358596000},
					CreatedBy: oddTest + ".func3", CreatedIn: 10},
			},
		},
		{
			// Blocked since the garbage collector saw them a minute before.
			file: "minutes.txt",
			want: []traceback.Goroutine{
				{ID: 7, Wait: "running", CreatedBy: testRun, CreatedIn: 1},
				{ID: 1, Wait: "chan receive", Minutes: 1},
				{ID: 8, Wait: "chan receive", Minutes: 1, Receivers: []uintptr{0x256cad878170},
					CreatedBy: longTest, CreatedIn: 7},
				{ID: 9, Wait: "chan receive", Minutes: 1, Receivers: []uintptr{0x256cad878178},
					CreatedBy: longTest, CreatedIn: 7},
				{ID: 10, Wait: "sync.RWMutex.RLock", Minutes: 1,
					Receivers: []uintptr{0x256cad878180}, CreatedBy: longTest, CreatedIn: 7},
			},
		},
		{
			// A crash with GOTRACEBACK=system: a panic message in front,
			// addresses in the headers, runtime frames.
			file: "crash.txt",
			want: []traceback.Goroutine{
				{ID: 7, Wait: "running", Receivers: []uintptr{0x544f7afee8},
					CreatedBy: testRun, CreatedIn: 1},
				{ID: 2, Wait: "force gc (idle)", CreatedBy: "runtime.init.7", CreatedIn: 1},
				{ID: 10, Wait: "chan receive", Receivers: []uintptr{0x544f74e180},
					CreatedBy: oddTest, CreatedIn: 7},
				{ID: 17, Wait: "select (no cases)", Receivers: []uintptr{0x544f826000},
					CreatedBy: oddTest + ".func3", CreatedIn: 10},
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			got := withoutText(traceback.Parse(readDump(t, tt.file), run))
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("Parse() =\n%+v, want\n%+v", got, tt.want)
			}
		})
	}
}

func TestParse_Header(t *testing.T) {
	none := traceback.Goroutine{}
	tests := []struct {
		header string
		want   traceback.Goroutine
	}{
		{"goroutine 1 [running]:", traceback.Goroutine{ID: 1, Wait: "running"}},
		{"goroutine 22 [IO wait, 7 minutes]:",
			traceback.Goroutine{ID: 22, Wait: "IO wait", Minutes: 7}},
		{"goroutine 22 [select, 1500 minutes, locked to thread]:",
			traceback.Goroutine{ID: 22, Wait: "select", Minutes: 1500}},
		{"goroutine 35 [chan send (scan) (durable), 3 minutes, synctest bubble 12]:",
			traceback.Goroutine{ID: 35, Wait: "chan send", Minutes: 3}},
		{"goroutine 35 [select (no cases) (durable), synctest bubble 1]:",
			traceback.Goroutine{ID: 35, Wait: "select (no cases)"}},
		{"goroutine 5 [chan receive (leaked)]:", traceback.Goroutine{ID: 5, Wait: "chan receive"}},
		{"goroutine 5 [???]:", traceback.Goroutine{ID: 5, Wait: "???"}},
		{`goroutine 20 [select labels:{"scope": "srv, 9 minutes"}]:`,
			traceback.Goroutine{ID: 20, Wait: "select"}},
		{`goroutine 20 [sleep, 2 minutes labels:{"a]": "[\"b\"]:", "c": " labels:{"}]:`,
			traceback.Goroutine{ID: 20, Wait: "sleep", Minutes: 2}},
		{"goroutine 4 gp=0x0 m=4 mp=0xc1 [syscall]:", traceback.Goroutine{ID: 4, Wait: "syscall"}},
		{"goroutine 1 [select, many minutes]:", traceback.Goroutine{ID: 1, Wait: "select"}},
		{"goroutine 1 [select, -3 minutes]:", traceback.Goroutine{ID: 1, Wait: "select"}},

		{"goroutine 1 [running]", none},
		{"goroutine 1 running]:", none},
		{"goroutine one [running]:", none},
		{"goroutine -1 [running]:", none},
		{"goroutine 9223372036854775808 [running]:", none}, // does not fit an int64
		{"goroutine", none},
		{"goroutine 1", none},
		{" goroutine 1 [running]:", none},
		{"thread 1 [running]:", none},
	}
	for _, tt := range tests {
		got := traceback.Goroutine{}
		if parsed := withoutText(traceback.Parse([]byte(tt.header + "\n"))); len(parsed) > 0 {
			got = parsed[0]
		}
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("Parse(%q) = %+v, want %+v", tt.header, got, tt.want)
		}
	}
}

func TestParse_Receivers(t *testing.T) {
	const generic = "example.com/app.(*Future[...]).run"
	tests := []struct {
		name  string
		lines string
		want  []uintptr
	}{
		{"alone", run + "(0xc000123080)", []uintptr{0xc000123080}},
		{"with arguments", run + "(0xc000123080, {0x1, 0x2}, ...)", []uintptr{0xc000123080}},
		{"stale arguments", run + "(0xc000123080, 0x7?)", []uintptr{0xc000123080}},
		{"generic type", generic + "(0xc1, 0xc2)", []uintptr{0xc1}},
		{"innermost first", run + "(0xc1)\n\tx.go:1\n" + generic + "(0xc2)", []uintptr{0xc1, 0xc2}},
		{"stale", run + "(0xc000123080?)", nil},
		{"stale with arguments", run + "(0xc000123080?, 0x1)", nil},
		{"inlined", run + "(...)", nil},
		{"offset too large", run + "(_, 0x1)", nil},
		{"value receiver", run + "({0xc1, 0x2})", nil},
		{"no arguments", run + "()", nil},
		{"closure of the marker", run + ".func1(0xc1)", nil},
		{"method value", run + "-fm(0xc1)", nil},
		{"longer name", "my" + run + "(0xc1)", nil},
		{"not hexadecimal", run + "(0xtask)", nil},
		{"too large", run + "(0x11112222333344445)", nil},
		{"line not closed", run + "(0xc000", nil},
		{"creator", "created by x.f in goroutine 1\n" + run + "(0xc1)", nil},
		{"ancestor", "[originating from goroutine 1]:\n" + run + "(0xc1)", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dump := "goroutine 1 [running]:\n" + tt.lines + "\n\tapp.go:20 +0x47\n"
			parsed := traceback.Parse([]byte(dump), run, generic)
			if len(parsed) != 1 || !slices.Equal(parsed[0].Receivers, tt.want) {
				t.Errorf("Parse() = %#x, want receivers %#x", parsed, tt.want)
			}
		})
	}
}

func TestParse_Creator(t *testing.T) {
	tests := []struct {
		line   string
		wantBy string
		wantIn int64
	}{
		{"created by main.f.func1 in goroutine 12", "main.f.func1", 12},
		{"created by main.(*S[...]).f in goroutine 1", "main.(*S[...]).f", 1},
		{"created by main.f", "main.f", 0},
		{"created by main.f in goroutine many", "main.f", 0},
	}
	for _, tt := range tests {
		dump := "goroutine 20 [select]:\nmain.g()\n\tx.go:1 +0x1\n" + tt.line + "\n\tx.go:2 +0x2\n"
		parsed := traceback.Parse([]byte(dump))
		if len(parsed) != 1 {
			t.Fatalf("Parse(%q) = %+v, want one goroutine", tt.line, parsed)
		}
		if g := parsed[0]; g.CreatedBy != tt.wantBy || g.CreatedIn != tt.wantIn {
			t.Errorf("Parse(%q) = %+v, want %q in %d", tt.line, g, tt.wantBy, tt.wantIn)
		}
	}
}

func TestParse_TextIsTheBlock(t *testing.T) {
	dump := readDump(t, "bubble.txt")
	var blocks []string
	for _, g := range traceback.Parse(dump) {
		blocks = append(blocks, g.Text)
	}
	if got := strings.Join(blocks, "\n"); got != string(dump) {
		t.Errorf("the texts joined = %q, want %q", got, dump)
	}
}

// Whatever byte the dump is cut off at, nothing false is said: what is parsed
// is what the whole dump says, or less.
func TestParse_CutOff(t *testing.T) {
	for _, file := range []string{"bubble.txt", "ancestors.txt", "minutes.txt", "crash.txt"} {
		dump := readDump(t, file)
		whole := withoutText(traceback.Parse(dump, run))
		for n := range dump {
			cut := withoutText(traceback.Parse(dump[:n], run))
			if len(cut) > 0 {
				checkPrefix(t, file, n, cut, whole)
			}
		}
	}
}

func checkPrefix(t *testing.T, file string, n int, cut, whole []traceback.Goroutine) {
	t.Helper()
	last := len(cut) - 1
	if last >= len(whole) || !reflect.DeepEqual(cut[:last], whole[:last]) {
		t.Fatalf("%s cut at %d: %+v, want a prefix of %+v", file, n, cut, whole)
	}
	got, want := cut[last], whole[last]
	seen := min(len(got.Receivers), len(want.Receivers))
	if !slices.Equal(got.Receivers, want.Receivers[:seen]) {
		t.Fatalf("%s cut at %d: receivers %#x, want a prefix of %#x",
			file, n, got.Receivers, want.Receivers)
	}
	if got.CreatedBy == "" {
		got.CreatedBy, got.CreatedIn = want.CreatedBy, want.CreatedIn
	}
	got.Receivers = want.Receivers
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%s cut at %d: the last goroutine is %+v, want %+v or less", file, n, got, want)
	}
}

func TestParse_Garbage(t *testing.T) {
	for _, dump := range []string{
		"", "\n", "\n\n\n\n", "exit status 2\n", "goroutine", "goroutine 1 [running]:",
		"\x00\xff\n\n\xfe", "rax 0x0\nrbx 0x0\n\ngoroutine\n\n",
	} {
		if got := traceback.Parse([]byte(dump), run, ""); got != nil {
			t.Errorf("Parse(%q) = %+v, want nil", dump, got)
		}
	}
}

func TestParse_KeepsNoReference(t *testing.T) {
	dump := []byte("goroutine 1 [select]:\nmain.f()\n\tx.go:1 +0x1\n")
	g := traceback.Parse(dump)[0]
	clear(dump)
	if g.Wait != "select" || !strings.HasPrefix(g.Text, "goroutine 1 ") {
		t.Errorf("after the dump was overwritten: %+v", g)
	}
}

func readDump(tb testing.TB, file string) []byte {
	tb.Helper()
	dump, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		tb.Fatal(err)
	}
	return dump
}

func withoutText(parsed []traceback.Goroutine) []traceback.Goroutine {
	bare := slices.Clone(parsed)
	for i := range bare {
		bare[i].Text = ""
	}
	return bare
}
