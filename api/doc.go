// SPDX-License-Identifier: Apache-2.0

// Package api is the door for people and programs: HTTP over a UNIX socket. It
// shows to everybody what the daemon's loop says, and takes root's commands to it; it
// can't touch a router by itself.
package api
