// SPDX-License-Identifier: Apache-2.0

// Package route adds routes that belong to virtual addresses, and removes them. They
// carry a protocol number of their own, which tells them from those of others.
//
// A route's place is its destination, table and metric. At a place there is one route
// of ours or of others, not both: [Add] replaces what is ours, and refuses what is
// not; [Remove] deletes what is ours.
//
// The kernel removes routes with their interface, and when it goes down; IPv4 ones
// also with the source address that they name. Nobody is told here.
//
// Looking for our routes reads all that the host has, unless the handle was told
// SetStrictCheck(true): then the kernel picks them out.
package route
