// SPDX-License-Identifier: Apache-2.0

package figure_test

import (
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"vipd/bench/figure"
)

// of are samples; a negative one is censored.
func of(values ...float64) (s figure.Samples) {
	for _, v := range values {
		s = append(s, figure.Sample{Value: max(v, -v), Censored: v < 0})
	}
	return s
}

func TestStatistics(t *testing.T) {
	for name, tt := range map[string]struct {
		samples figure.Samples
		want    string // min / median / max
	}{
		"none":                       {nil, "0 / 0 / 0"},
		"one":                        {of(3), "3 / 3 / 3"},
		"not in their order":         {of(5, 1, 3), "1 / 3 / 5"},
		"an even number":             {of(4, 1, 2, 3), "1 / 2.5 / 4"},
		"the last one not settled":   {of(1, 2, -20), "1 / 2 / > 20"},
		"a middle one not settled":   {of(1, -20, 2, -20), "1 / > 11 / > 20"},
		"most not settled":           {of(-20, 1, -20), "1 / > 20 / > 20"},
		"none settled":               {of(-20, -20, -20), "> 20 / > 20 / > 20"},
		"given up early":             {of(-1, 2, 3), "> 1 / > 2 / > 3"}, // it may be the greatest
		"settled just at the bound":  {of(-20, 20, 20), "20 / 20 / > 20"},
		"of different sizes":         {of(0.066, 10.26, 3219.4), "0.07 / 10.3 / 3219"},
		"rounded to another decimal": {of(9.999, 99.99, 0.001), "0 / 10 / 100"},
	} {
		got := tt.samples.Min().String() + " / " + tt.samples.Median().String() + " / " + tt.samples.Max().String()
		if got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

func TestPercentile(t *testing.T) {
	values := make([]float64, 100)
	for i := range values {
		values[i] = float64(100 - i)
	}
	for p, want := range map[float64]float64{0: 1, 50: 50, 99: 99, 99.5: 100, 100: 100} {
		if got := figure.Percentile(values, p); got != want {
			t.Errorf("p%v: %v, want %v", p, got, want)
		}
	}
	if got := figure.Percentile(nil, 50); got != 0 {
		t.Errorf("of nothing: %v", got)
	}
}

func TestRatio(t *testing.T) {
	for name, tt := range map[string]struct {
		vipd, keepalived figure.Samples
		want             string
	}{
		"both":                       {of(1, 1, 9), of(4, 4, 4), "0.25"},
		"vipd only":                  {of(1), nil, ""},
		"keepalived only":            {nil, of(1), ""},
		"keepalived's is zero":       {of(1), of(0), ""},
		"vipd's is zero":             {of(0), of(21), "0"},
		"keepalived has not settled": {of(1000), of(-20000), "< 0.05"},
		"vipd has not settled":       {of(-20000), of(1000), "> 20"},
		"neither has settled":        {of(-20000), of(-20000), ""},
	} {
		if got := (figure.Figure{Vipd: tt.vipd, Keepalived: tt.keepalived}).Ratio(); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

func TestMissed(t *testing.T) {
	for name, tt := range map[string]struct {
		vipd figure.Samples
		goal *float64
		want bool
	}{
		"no goal":       {of(5), nil, false},
		"not measured":  {nil, new(0.0), false},
		"reached":       {of(5, 5, 9), new(5.0), false},
		"missed":        {of(6), new(5.0), true},
		"has not ended": {of(-2), new(5.0), true}, // for all we know
	} {
		if got := (figure.Figure{Vipd: tt.vipd, Goal: tt.goal}).Missed(); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// report has a figure of each kind.
func report() figure.Report {
	kill := figure.Figure{Part: "outage", Name: "kill", Setting: "1s", Unit: "ms", Limit: new(3012.0), Goal: new(3112.0)}
	kill.Add(figure.Vipd, figure.Millis(3013*time.Millisecond))
	kill.Add(figure.Keepalived, figure.Beyond(20*time.Second))
	slow := figure.Figure{Part: "scale", Name: "flaps", Setting: "250 routers", Goal: new(0.0), Vipd: of(1, 2)}
	slow.Fail(figure.Keepalived, errors.New("no such file\na|b"))
	slow.Fail(figure.Vipd, errors.New("never told"))
	return figure.Report{Figures: []figure.Figure{kill, slow, {Part: "outage", Name: "stop", Vipd: of(1), Keepalived: of(2)}}}
}

func TestTable(t *testing.T) {
	const want = `|  | setting | limit | goal | vipd | keepalived | ratio | n |
|---|---|---|---|---|---|---|---|
| kill, ms | 1s | 3012 | 3112 | 3013 / 3013 / 3013 | > 20000 / > 20000 / > 20000 | < 0.15 | 1 |
| stop |  | – | – | 1 / 1 / 1 | 2 / 2 / 2 | 0.5 | 1 |
`
	if got := report().Table("outage"); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if got, want := report().Table("scale"), "| flaps | 250 routers | – | 0 | 1 / **1.5** / 2 | – | – | 2, 0 |\n\n"+
		"Not measured, or not each time:\n\n- flaps, 250 routers: keepalived: no such file a/b\n"; !strings.HasSuffix(got, want) {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if got := report().Table("steadiness"); got != "" {
		t.Errorf("a table of nothing: %q", got)
	}
}

func TestMarkdown(t *testing.T) {
	text := report().Markdown()
	outage, scale := strings.Index(text, "\n## Outage\n\n|"), strings.Index(text, "\n## Scale\n\n|")
	if !strings.HasPrefix(text, "## Machine\n\n- ") || outage < 0 || scale < outage {
		t.Errorf("the tables of outage and scale are not there in this order:\n%s", text)
	}
}

func TestJSON(t *testing.T) {
	text, err := report().JSON()
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Figures []struct {
			Name, Problem, Ratio string
			Limit                *float64
			Vipd, Keepalived     *struct{ Median figure.Sample }
		}
	}
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	kill, flaps := got.Figures[0], got.Figures[1]
	if kill.Ratio != "< 0.15" || *kill.Limit != 3012 || kill.Vipd.Median != figure.Is(3013) || !kill.Keepalived.Median.Censored {
		t.Errorf("%s", text)
	}
	if flaps.Limit != nil || flaps.Keepalived != nil || !strings.Contains(flaps.Problem, "no such file") {
		t.Errorf("%s", text)
	}
}

func TestHere(t *testing.T) {
	m := figure.Here("/nonexistent/vipd")
	if m.Vipd != "unknown" || !strings.Contains(m.Keepalived, "2.") || !strings.Contains(m.HAProxy, "HAProxy") {
		t.Errorf("versions: %+v", m)
	}
	if m.CPU == "unknown" || m.Kernel == "unknown" || m.Load == "unknown" || m.Cores < 1 || m.LateMax <= 0 {
		t.Errorf("machine: %+v", m)
	}
	t.Log("\n" + m.Markdown())
}

func TestWants(t *testing.T) {
	f := figure.Figure{Part: "scale", Name: "stop", Setting: "1000 routers, 1s"}
	if !(figure.Run{}).Wants(f) || !(figure.Run{Only: regexp.MustCompile(`scale.*1000.*1s`)}).Wants(f) {
		t.Errorf("%v is not wanted", f)
	}
	if (figure.Run{Only: regexp.MustCompile("outage")}).Wants(f) {
		t.Errorf("%v is wanted", f)
	}
}
