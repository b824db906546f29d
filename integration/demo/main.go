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

	"golang.org/x/sys/unix"

	"vipd/integration/lab"
)

// Exit codes, as vipd's own.
const (
	exitNo    = 1 // not all was well
	exitUsage = 2
)

func main() {
	lab.Helper()
	vipd := flag.String("vipd", "vipd", "the vipd `program` to show")
	name := flag.String("service", "haproxy", "what the load balancers run: haproxy or nginx")
	flag.Parse()
	service, err := check(*vipd, *name, flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(exitUsage)
	}
	s := &stage{vipd: *vipd, service: service, election: defaults,
		steady: 1500 * time.Millisecond, patience: 15 * time.Second}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err = show(ctx, s, os.Stdout, isTerminal(os.Stdout))
	if err == nil && service.program == "haproxy" {
		err = downloads(ctx, *vipd, newTimeline(os.Stdout, isTerminal(os.Stdout)))
	}
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(exitNo)
	}
}

// check tells what stands in the way of the demo, before anything is begun.
func check(vipd, name string, rest []string) (service, error) {
	if len(rest) > 0 {
		return service{}, fmt.Errorf("unexpected argument %q", rest[0])
	}
	found, err := serviceNamed(name)
	if err != nil {
		return service{}, err
	}
	if os.Geteuid() != 0 {
		return service{}, errors.New("needs root, for its network namespaces: run it with sudo")
	}
	for _, program := range []string{vipd, name} {
		if _, err := exec.LookPath(program); err != nil {
			return service{}, fmt.Errorf("needs %s: %w", program, err)
		}
	}
	return found, nil
}

// show plays the play on a stage, which is gone when it returns.
func show(ctx context.Context, s *stage, w io.Writer, colour bool) (err error) {
	out := newTimeline(w, colour)
	out.title(s)
	defer func() { err = errors.Join(err, s.close()) }()
	if err = s.build(); err == nil {
		err = play(ctx, s, out)
	}
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	return err
}

func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
