// SPDX-License-Identifier: Apache-2.0

package figure

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Daemon is one of the two that are measured.
type Daemon string

// The daemons, in the order in which they are measured.
const (
	Vipd       Daemon = "vipd"
	Keepalived Daemon = "keepalived"
)

// Figure is one quantity in one setting, measured of both daemons.
type Figure struct {
	Part    string // the table that it stands in: "outage"
	Name    string // what happens, or what is looked at: "kill -9"
	Setting string // with what: "1s, IPv4, 254/253"
	Unit    string // of all values: "ms", "MB", "% of a core"; empty: a number

	Limit *float64 // what RFC 9568's timers allow; nil: they say nothing of it
	Goal  *float64 // vipd's, for its median; nil: none

	Vipd, Keepalived Samples
	Problem          string // why it is not measured, or not as often as it should
}

// String is the figure's name, for -only and for progress: "outage: kill -9: 1s, IPv4".
func (f Figure) String() string {
	return strings.Join([]string{f.Part, f.Name, f.Setting}, ": ")
}

// Of are a daemon's samples.
func (f *Figure) Of(d Daemon) *Samples {
	if d == Vipd {
		return &f.Vipd
	}
	return &f.Keepalived
}

// Add adds a sample of a daemon.
func (f *Figure) Add(d Daemon, s Sample) { *f.Of(d) = append(*f.Of(d), s) }

// Fail tells why a measurement of a daemon failed. The first reason is kept.
func (f *Figure) Fail(d Daemon, err error) {
	if f.Problem == "" {
		f.Problem = fmt.Sprintf("%s: %v", d, err)
	}
}

// Missed tells whether vipd's median is beyond its goal.
func (f Figure) Missed() bool {
	m := f.Vipd.Median()
	return f.Goal != nil && len(f.Vipd) > 0 && (m.Value > *f.Goal || m.Censored)
}

// Ratio is vipd : keepalived, of the medians: "0.43", "< 0.05" when keepalived's has not
// settled, "> 2" when vipd's has not. It is empty when there is none: one of them was
// not measured, keepalived's is 0, or both have not settled.
func (f Figure) Ratio() string {
	v, k := f.Vipd.Median(), f.Keepalived.Median()
	if len(f.Vipd) == 0 || k.Value == 0 || v.Censored && k.Censored {
		return ""
	}
	bound := ""
	switch {
	case v.Censored:
		bound = "> "
	case k.Censored:
		bound = "< "
	}
	return bound + number(v.Value/k.Value)
}

// MarshalJSON has the statistics beside the samples.
func (f Figure) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Part       string   `json:"part"`
		Name       string   `json:"name"`
		Setting    string   `json:"setting"`
		Unit       string   `json:"unit,omitempty"`
		Limit      *float64 `json:"limit,omitempty"`
		Goal       *float64 `json:"goal,omitempty"`
		Vipd       *spread  `json:"vipd,omitempty"`
		Keepalived *spread  `json:"keepalived,omitempty"`
		Ratio      string   `json:"ratio,omitempty"`
		Problem    string   `json:"problem,omitempty"`
	}{f.Part, f.Name, f.Setting, f.Unit, f.Limit, f.Goal, newSpread(f.Vipd), newSpread(f.Keepalived), f.Ratio(), f.Problem})
}

// spread is a daemon's samples in JSON.
type spread struct {
	Min     Sample  `json:"min"`
	Median  Sample  `json:"median"`
	Max     Sample  `json:"max"`
	Samples Samples `json:"samples"`
}

func newSpread(s Samples) *spread {
	if len(s) == 0 {
		return nil
	}
	return &spread{s.Min(), s.Median(), s.Max(), s}
}
