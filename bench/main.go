// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"syscall"

	"vipd/bench/figure"
	"vipd/integration/lab"
)

// Exit codes, as vipd's own.
const (
	exitNo    = 1 // the run was interrupted, or came to nothing
	exitUsage = 2
)

// order is what the command line asks for.
type order struct {
	vipd, only, daemon string
	quick              bool
	times              int
	markdown, json     string // files
}

func main() {
	lab.Helper()
	var o order
	flag.StringVar(&o.vipd, "vipd", "vipd", "the vipd `program` to measure")
	flag.StringVar(&o.only, "only", "", "the figures whose name matches a regular `expression`, as \"outage: stop: 1s, IPv4, 254/253\"")
	flag.StringVar(&o.daemon, "daemon", "", "only `vipd` or keepalived")
	flag.BoolVar(&o.quick, "quick", false, "what matters most, with few repetitions")
	flag.IntVar(&o.times, "times", 0, "how `often` each figure is measured, instead of 7 times, or 3 when quick")
	flag.StringVar(&o.markdown, "markdown", "bin/bench.md", "the `file` for the tables")
	flag.StringVar(&o.json, "json", "bin/bench.json", "the `file` for all samples")
	flag.Parse()
	r, err := o.check(flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(exitUsage)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err = o.run(ctx, r, parts(), os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(exitNo)
	}
}

// check tells what stands in the way, before anything is begun.
func (o order) check(rest []string) (r figure.Run, err error) {
	if len(rest) > 0 {
		return r, fmt.Errorf("unexpected argument %q", rest[0])
	}
	r = figure.Run{Program: o.vipd, Quick: o.quick, Times: o.times, Daemons: []figure.Daemon{figure.Vipd, figure.Keepalived}}
	switch d := figure.Daemon(o.daemon); d {
	case "":
	case figure.Vipd, figure.Keepalived:
		r.Daemons = []figure.Daemon{d}
	default:
		return r, fmt.Errorf("-daemon: %q is neither vipd nor keepalived", o.daemon)
	}
	if r.Only, err = regexp.Compile(o.only); err != nil {
		return r, fmt.Errorf("-only: %w", err)
	}
	if os.Geteuid() != 0 {
		return r, errors.New("needs root, for its network namespaces: run it with sudo")
	}
	for _, program := range []string{o.vipd, "keepalived", "haproxy"} {
		if _, err := exec.LookPath(program); err != nil {
			return r, fmt.Errorf("needs %s: %w", program, err)
		}
	}
	for _, file := range []string{o.markdown, o.json} { // not after a quarter of an hour
		if _, err := os.Stat(filepath.Dir(file)); err != nil {
			return r, fmt.Errorf("write %s: %w", file, err)
		}
	}
	return r, nil
}

// run measures and writes the report: when ctx ends before, what there is by then.
func (o order) run(ctx context.Context, r figure.Run, parts []part, out io.Writer) error {
	progress := newProgress(out)
	r.Progress = progress.line
	report := figure.Report{Machine: figure.Here(r.Program)}
	fmt.Fprintln(out, report.Machine.Markdown())
	var failed []error
	for _, measure := range parts {
		err := measure(ctx, r, func(f figure.Figure) { report.Figures = append(report.Figures, f) })
		if ctx.Err() != nil {
			failed = append(failed, errors.New("interrupted"))
			break
		}
		failed = append(failed, err)
	}
	if len(report.Figures) == 0 {
		return errors.Join(append(failed, fmt.Errorf("no figure matches %q", o.only))...)
	}
	failed = append(failed, o.write(report))
	fmt.Fprintln(out, "\n"+report.Markdown())
	return errors.Join(failed...)
}

func (o order) write(report figure.Report) error {
	text, err := report.JSON()
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(o.markdown, []byte(report.Markdown()), 0o644),
		os.WriteFile(o.json, text, 0o644))
}
