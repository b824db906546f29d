// SPDX-License-Identifier: Apache-2.0

package figure

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// versionTimeout bounds a program's answer to what version it is.
	versionTimeout = 5 * time.Second
	// idlePeriod is the pace at which is looked how late the machine wakes a process
	// when nothing is measured, and idleTimes how often.
	idlePeriod = time.Millisecond
	idleTimes  = 1000
)

// Machine is where the figures come from, and what they were measured with.
type Machine struct {
	CPU        string    `json:"cpu"`
	Cores      int       `json:"cores"`
	Kernel     string    `json:"kernel"`
	Go         string    `json:"go"`
	Vipd       string    `json:"vipd"`
	Keepalived string    `json:"keepalived"`
	HAProxy    string    `json:"haproxy"`
	Date       time.Time `json:"date"`
	Load       string    `json:"load"` // /proc/loadavg: of the last 1, 5 and 15 minutes
	// LateMedian and LateMax are how late, in ms, an idle process was woken in a second
	// in which nothing was measured: the noise floor of all times.
	LateMedian float64 `json:"late_median"`
	LateMax    float64 `json:"late_max"`
}

// Here is this machine, now. It takes a second. What can't be learned is "unknown".
func Here(vipd string) Machine {
	m := Machine{
		CPU:        field("/proc/cpuinfo", "model name"),
		Cores:      runtime.NumCPU(),
		Kernel:     firstLine(os.ReadFile("/proc/sys/kernel/osrelease")),
		Go:         runtime.Version(),
		Vipd:       version(vipd, "version"),
		Keepalived: version("keepalived", "--version"),
		HAProxy:    version("haproxy", "-v"),
		Date:       time.Now().UTC().Truncate(time.Second),
		Load:       firstLine(os.ReadFile("/proc/loadavg")),
	}
	late := lateness()
	m.LateMedian, m.LateMax = Percentile(late, 50), Percentile(late, 100)
	return m
}

// field is what a line "NAME : VALUE" of a file says first.
func field(path, name string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(text)) {
		if key, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

func firstLine(text []byte, err error) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	if err != nil || line == "" {
		return "unknown"
	}
	return line
}

// version is the first line of what a program says.
func version(program, arg string) string {
	ctx, cancel := context.WithTimeout(context.Background(), versionTimeout)
	defer cancel()
	return firstLine(exec.CommandContext(ctx, program, arg).CombinedOutput())
}

// lateness is how late the kernel wakes this process, in ms, each time.
func lateness() (late []float64) {
	period := unix.NsecToTimespec(int64(idlePeriod))
	for range idleTimes {
		start := time.Now()
		if unix.ClockNanosleep(unix.CLOCK_MONOTONIC, 0, &period, nil) == nil { // else a signal of the runtime
			late = append(late, float64(time.Since(start)-idlePeriod)/float64(time.Millisecond))
		}
	}
	return late
}

// Markdown is the machine as a list.
func (m Machine) Markdown() string {
	return fmt.Sprintf(`- Machine: %s, %d cores; Linux %s
- Programs: %s (%s); %s; %s
- Measured: %s; load before: %s; an idle process was woken late by %s ms in the median, %s ms at most
`, m.CPU, m.Cores, m.Kernel, m.Vipd, m.Go, m.Keepalived, m.HAProxy, m.Date.Format("2006-01-02 15:04 MST"), m.Load,
		number(m.LateMedian), number(m.LateMax))
}
