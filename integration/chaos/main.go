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
	"syscall"
	"time"

	"vipd/integration/lab"
)

// Exit codes, as vipd's own.
const (
	exitNo    = 1 // not all was well
	exitUsage = 2
)

// errFaults: the run was run, and not all was well.
var errFaults = errors.New("not all went as it should")

func main() {
	lab.Helper()
	vipd := flag.String("vipd", "vipd", "the vipd `program`")
	seed := flag.Uint64("seed", 1, "what goes wrong, and when, follows from it")
	duration := flag.Duration("duration", 30*time.Minute, "how long things go wrong")
	flag.Parse()
	if err := check(*vipd, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(exitUsage)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	_, err := show(ctx, &stage{vipd: *vipd, timers: defaults}, *seed, *duration, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(exitNo)
	}
}

// check tells what stands in the way, before anything is begun.
func check(vipd string, rest []string) error {
	if len(rest) > 0 {
		return fmt.Errorf("unexpected argument %q", rest[0])
	}
	if os.Geteuid() != 0 {
		return errors.New("needs root, for its network namespaces: run it with sudo")
	}
	for _, program := range []string{vipd, "haproxy", "nft"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("needs %s: %w", program, err)
		}
	}
	return nil
}

// show lets things go wrong on a stage, which is gone when it returns, and reports.
func show(ctx context.Context, s *stage, seed uint64, duration time.Duration, w io.Writer) (r *report, err error) {
	r = newReport(w, s.timers, seed)
	defer func() { err = errors.Join(err, s.close()) }()
	ctx, cancel := context.WithCancel(ctx) // ends the recorder before the stage
	defer cancel()
	if err := s.build(); err != nil {
		return r, interruption(ctx, err)
	}
	err = rage(ctx, s, newPlan(seed, s.timers), r, duration)
	r.print()
	if err == nil && r.faults > 0 {
		err = errFaults
	}
	return r, err
}
