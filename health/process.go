// SPDX-License-Identifier: Apache-2.0

package health

import (
	"context"
	"fmt"
	"strconv"
)

// Process is the check that a program runs on this host. That it runs is all that
// is seen: a program that hangs runs, too. Of those that are found the one with the
// lowest number is watched; the end of another is seen by the next probe.
type Process struct {
	// Name is the name of the executable, as in /proc/PID/comm, where the kernel
	// keeps its first 15 bytes. Required.
	Name string
	// PIDFile is the path of a file that names the one process to look at; it must
	// have the Name all the same, since a file may be older than the process. Empty:
	// all processes are looked at.
	PIDFile string
	// User is whom the process acts as, by name or number. Empty: anybody.
	User string
	// Count is how many must run; less than 1 counts as 1. With a PIDFile there is
	// only the one.
	Count int
}

func (p Process) prober(c *Check) Prober { return &processProber{Process: p, processes: c.Processes} }

// processProber is a program as the last probe found it.
type processProber struct {
	Process
	processes Processes
	pids      []int // who ran then, ascending
	found     int   // the one that is watched; 0: too few
}

func (p *processProber) process() int           { return p.found }
func (p *processProber) named(comm string) bool { return comm == p.Name }

// Probe counts the processes. As long as enough of those that it knows run, it
// looks at no others: to go through all of them takes milliseconds.
func (p *processProber) Probe(context.Context) error {
	p.found = 0
	if err := p.find(p.known); err != nil {
		return err
	}
	if len(p.pids) < p.needed() {
		if err := p.find(p.candidates); err != nil {
			return err
		}
	}
	if len(p.pids) < p.needed() {
		return fmt.Errorf("%d processes %s, want %d", len(p.pids), p.description(), p.needed())
	}
	p.found = p.pids[0]
	return nil
}

func (p *processProber) needed() int { return max(p.Count, 1) }

func (p *processProber) known() ([]int, error) { return p.pids, nil }

// candidates are the processes that could be meant.
func (p *processProber) candidates() ([]int, error) {
	if p.PIDFile == "" {
		return p.processes.All()
	}
	pid, err := readPIDFile(p.PIDFile)
	return []int{pid}, err
}

// find keeps those of some processes that are meant.
func (p *processProber) find(among func() ([]int, error)) error {
	uid, err := p.userID()
	if err != nil {
		return err
	}
	all, err := among()
	if err != nil {
		return err
	}
	p.pids = nil
	for _, pid := range all {
		ok, err := p.matches(pid, uid)
		if err != nil {
			return err
		}
		if ok {
			p.pids = append(p.pids, pid)
		}
	}
	return nil
}

// matches reports whether a process is one that is meant. One that has just ended
// is none; not to be able to look at it is an error.
func (p *processProber) matches(pid, uid int) (bool, error) {
	comm, err := p.processes.Name(pid)
	if err == nil && p.named(comm) && p.User != "" {
		var acts int
		if acts, err = p.processes.User(pid); acts != uid {
			comm = ""
		}
	}
	if isShortage(err) {
		return false, err
	}
	return err == nil && p.named(comm), nil
}

func (p *processProber) userID() (int, error) {
	if p.User == "" {
		return 0, nil
	}
	account, err := lookUpUser(p.User)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(account.Uid)
}

// description is which processes are meant, for people.
func (p *processProber) description() string {
	text := strconv.Quote(p.Name)
	if p.User != "" {
		text += " of user " + p.User
	}
	if p.PIDFile != "" {
		text += " in " + p.PIDFile
	}
	return text
}
