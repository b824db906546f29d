// SPDX-License-Identifier: Apache-2.0

package health

// Processes tells a check about the processes of this host.
type Processes interface {
	// Name returns the name of a living process (/proc/PID/comm). A process that
	// has ended is none, even if its parent has not waited for it yet.
	Name(pid int) (string, error)
	// Watch awaits the end of a process, whoever started it: ended is closed when
	// it has ended. stop releases the watch. A process that doesn't exist here is
	// an error.
	Watch(pid int) (ended <-chan struct{}, stop func(), err error)
}
