// SPDX-License-Identifier: Apache-2.0

// Package outage measures what a client loses, and how long it takes until the right
// node serves it, when something happens to the Active: with vipd and with keepalived in
// turn, in the same namespaces, from the outside.
package outage
