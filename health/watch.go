// SPDX-License-Identifier: Apache-2.0

package health

import "strconv"

// processFinder is a Prober that finds out which process the service is.
type processFinder interface {
	Prober
	// process returns the process that the last probe found, 0 if it found none.
	process() int
	// named reports whether a process of this name can be the service.
	named(comm string) bool
}

// loader is a Prober whose process is started by another one, which may be at it.
type loader interface {
	// loading reports that after a probe that failed with err: nobody can tell yet
	// whether the process that ended has a successor.
	loading(err error) bool
}

// watch awaits the end of the process that a service is. It says nothing about
// the service: a reload ends a process too, and a process that can't be watched
// (it lives in another PID namespace) may be well. So an end is only a reason to
// probe, now; and without a watch the probes alone decide, at their interval.
type watch struct {
	processes Processes
	pid       int             // 0: none watched
	ended     <-chan struct{} // nil: none watched
	stop      func()
}

// follow makes the process that p found the watched one. If that can't be
// watched, none is.
func (w *watch) follow(p processFinder) {
	pid := p.process()
	if pid == w.pid {
		return
	}
	w.release()
	ended, stop, err := w.processes.Watch(pid)
	if err != nil {
		return
	}
	// The name is asked for after the watch is on, so that it is the name of the
	// process that is watched and not of one that had the number before. A number
	// from another PID namespace means somebody else here.
	if comm, err := w.processes.Name(pid); err != nil || !p.named(comm) {
		stop()
		return
	}
	w.pid, w.ended, w.stop = pid, ended, stop
}

// hasEnded reports whether the watched process has ended.
func (w *watch) hasEnded() bool {
	select {
	case <-w.ended:
		return true
	default:
		return false
	}
}

// takeEnded returns the watched process and ends the watch, if that process has
// ended; else it returns 0.
func (w *watch) takeEnded() int {
	if !w.hasEnded() {
		return 0
	}
	pid := w.pid
	w.release()
	return pid
}

// release ends the watch.
func (w *watch) release() {
	if w.stop != nil {
		w.stop()
	}
	w.pid, w.ended, w.stop = 0, nil, nil
}

// parsePID returns the process that s names in decimal, 0 if it names none.
func parsePID(s string) int {
	pid, err := strconv.ParseUint(s, 10, 31)
	if err != nil {
		return 0
	}
	return int(pid)
}
