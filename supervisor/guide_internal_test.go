package supervisor // the tables are computed by functions that are not exported

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

const guide = "../docs/guide/supervisor.md"

// The tables of the guide are what the code computes.
func TestGuide_Tables(t *testing.T) {
	text, err := os.ReadFile(guide)
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{backoffTable(), windowTable()} {
		if !strings.Contains(string(text), "\n"+table+"\n") {
			t.Errorf("%s lacks this table, or has it otherwise:\n%s", guide, table)
		}
	}
}

// backoffTable is the default budget for some backoffs.
func backoffTable() string {
	rows := []string{
		"| `Backoff` | delays | burst | sustained | given up after |",
		"|---|---|---|---|---|",
	}
	for _, tc := range []struct {
		literal string
		backoff Backoff
	}{
		{literal: "{}"},
		{
			literal: "{Base: 50ms, Cap: 5s}",
			backoff: Backoff{Base: 50 * time.Millisecond, Cap: 5 * time.Second},
		},
		{literal: "{Cap: 5s}", backoff: Backoff{Cap: 5 * time.Second}},
		{literal: "{Base: 1s, Cap: 1m}", backoff: Backoff{Base: time.Second, Cap: time.Minute}},
		{
			literal: "{Base: 5s, Cap: 5m}",
			backoff: Backoff{Base: 5 * time.Second, Cap: 5 * time.Minute},
		},
		{literal: "{Off: true}", backoff: Backoff{Off: true}},
	} {
		b := tc.backoff.withDefaults()
		g := Budget{}.withDefaults(b)
		delays, given := "none", "at once"
		if !b.Off {
			delays = fmt.Sprintf("%v, ×%v, up to %v", b.Base, b.Factor, b.Cap)
			shortest, longest := downtime(b, g.Sustained)
			given = fmt.Sprintf("%v to %v", shortest.Round(time.Second), longest.Round(time.Second))
		}
		burst := "–"
		if g.Burst != (Intensity{}) {
			burst = g.Burst.String()
		}
		rows = append(rows, fmt.Sprintf("| `%s` | %s | %s | %v | %s |",
			tc.literal, delays, burst, g.Sustained, given))
	}
	return strings.Join(rows, "\n")
}

// windowTable is how some windows go with the default backoff.
func windowTable() string {
	words := map[fit]string{
		fitGuard: "guard: never exceeded while the backoff works; as `Burst`, beside a limit",
		fitLimit: "limit",
		fitRamp:  "refused: exceeded while the delays are short, later never",
		fitLuck:  "refused: a matter of luck",
	}
	rows := []string{"| window | with the default backoff | given up after |", "|---|---|---|"}
	b := Backoff{}.withDefaults()
	for _, i := range []Intensity{
		{Restarts: 5, Period: 5 * time.Second},
		{Restarts: 5, Period: 10 * time.Second},
		{Restarts: 5, Period: 30 * time.Second},
		{Restarts: 5, Period: 150 * time.Second},
		{Restarts: 10, Period: 5 * time.Minute},
		{Restarts: 20, Period: 10 * time.Minute},
		{Restarts: 100, Period: time.Hour},
	} {
		f, given := fitOf(b, i), ""
		if f == fitLimit {
			shortest, longest := downtime(b, i)
			given = fmt.Sprintf("%v to %v", shortest.Round(time.Second), longest.Round(time.Second))
		}
		rows = append(rows, fmt.Sprintf("| %v | %s | %s |", i, words[f], given))
	}
	return strings.Join(rows, "\n")
}
