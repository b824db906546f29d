// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"time"
)

// Exit codes, as vipd's own.
const (
	exitNo    = 1 // a lease has ended, or a row could not be measured
	exitUsage = 2
)

func main() {
	vipd := flag.String("vipd", "vipd", "the vipd `program` to measure")
	span := flag.Duration("span", 10*time.Second, "how long each row is measured")
	only := flag.String("only", "", "the rows whose name matches a regular `expression`, as \"IPv4, 1000 VIPs, every 1s, idle\"")
	flag.Parse()
	rows, err := check(*vipd, *only, flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "lease:", err)
		os.Exit(exitUsage)
	}
	if err := measureAll(os.Stdout, *vipd, rows, *span); err != nil {
		fmt.Fprintln(os.Stderr, "lease:", err)
		os.Exit(exitNo)
	}
}

// check tells what stands in the way, before anything is begun, and chooses the rows.
func check(vipd, only string, rest []string) ([]setting, error) {
	if len(rest) > 0 {
		return nil, fmt.Errorf("unexpected argument %q", rest[0])
	}
	wanted, err := regexp.Compile(only)
	if err != nil {
		return nil, fmt.Errorf("-only: %w", err)
	}
	var rows []setting
	for _, s := range settings() {
		if wanted.MatchString(s.String()) {
			rows = append(rows, s)
		}
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("-only: no row matches %q", only)
	}
	if os.Geteuid() != 0 {
		return nil, errors.New("needs root, for its network namespaces: run it with sudo")
	}
	if _, err := exec.LookPath(vipd); err != nil {
		return nil, fmt.Errorf("needs %s: %w", vipd, err)
	}
	return rows, nil
}

// measureAll prints the table, each row when it is known. A row that fails is told, and
// the next ones are measured all the same.
func measureAll(out io.Writer, vipd string, rows []setting, span time.Duration) error {
	fmt.Fprint(out, head())
	var failed error
	for _, s := range rows {
		r, err := measure(vipd, s, span)
		if err == nil && r.ended+r.givenUp > 0 {
			err = fmt.Errorf("%d leases have ended, and vipd has given up %d addresses", r.ended, r.givenUp)
		}
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%v: %w", s, err))
		}
		fmt.Fprint(out, line(s, r))
	}
	return failed
}
