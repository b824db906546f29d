// SPDX-License-Identifier: Apache-2.0

package config

import (
	"go.yaml.in/yaml/v3"

	"vipd/vrrp"
)

// maxPassword is VRRPv2's room for authentication data (RFC 3768 §5.3.10), in bytes.
const maxPassword = 8

// auth reads VRRPv2's password. It must stand in no message, wherever it was put by
// mistake: so nothing of this mapping is cited, not even a key.
func (r *reader) auth(v value, out *vrrp.Params) {
	password := resolve(child(v, "password").node)
	switch {
	case len(pairs(v)) != 1 || password.Kind == 0:
		r.problem(v, "want a mapping with the one key `password`")
	case password.Kind != yaml.ScalarNode, password.Tag == "!!null", password.Value == "", len(password.Value) > maxPassword:
		r.problem(v, "want a `password` of 1–%d bytes", maxPassword)
	case out.Version == vrrp.Version3:
		r.problem(v, "VRRPv3 has no password: want `version: 2` or `version: both`, or no `auth`")
	default:
		out.Auth = vrrp.Password(password.Value)
	}
}
