// SPDX-License-Identifier: Apache-2.0

// Package config reads vipd's one YAML file into checked values.
//
// It is strict: what the file says is what happens, or it is an error with its
// place, the value, and what is legal instead. All problems are reported in one
// go. A key that this version has not built is refused, never ignored.
//
// One identical file serves all nodes: any single value of a router may be a map
// by node name. The file is read once for each node that it names, so that every
// node's values are checked on every node.
package config
