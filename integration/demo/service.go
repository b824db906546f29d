// SPDX-License-Identifier: Apache-2.0

package main

import "fmt"

// service is what the load balancers run.
type service struct{ title, program string }

// serviceNamed finds a service by the name of its program.
func serviceNamed(program string) (service, error) {
	switch program {
	case "haproxy":
		return service{"HAProxy", program}, nil
	case "nginx":
		return service{"nginx", program}, nil
	}
	return service{}, fmt.Errorf("-service is %q: want haproxy or nginx", program)
}
