// SPDX-License-Identifier: Apache-2.0

// Command mutants breaks the rules of package vrrp on purpose, one after another,
// and fails when the package's tests do not notice. Run it in the module:
//
//	go run ./vrrp/mutants               # all
//	go run ./vrrp/mutants backup timers # those of backup.go and timers.go
//
// The rules stand in broken/, one file for each file of the package, as the lines
// that are taken out and the lines that take their place:
//
//	§6.4.2 (355): an Active of equal priority is accepted
//	- if priority >= r.priority {
//	+ if priority > r.priority {
//
// The old text must occur in the file exactly once; it need not be whole lines. An
// empty line ends a mutant, and a line that begins with # is a comment. A mutant
// whose old text is gone, or that does not compile, is an error.
//
// The source is not touched: the compiler is given the broken file by -overlay.
package main
