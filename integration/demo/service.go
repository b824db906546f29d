// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"vipd/integration/lab"
)

// service is what the load balancers run.
type service struct {
	title string
	// start starts it, and says how vipd checks it, as a line of the configuration.
	start func(n *lab.Namespace, dir string) (lab.WebServer, string, error)
}

// serviceNamed finds a service by the name of its program.
func serviceNamed(name string) (service, error) {
	switch name {
	case "haproxy":
		return service{"HAProxy", startHAProxy}, nil
	case "nginx":
		return service{"nginx", startNginx}, nil
	}
	return service{}, fmt.Errorf("-service is %q: want haproxy or nginx", name)
}

func startHAProxy(n *lab.Namespace, dir string) (lab.WebServer, string, error) {
	h, err := lab.StartHAProxy(n, dir)
	if err != nil {
		return nil, "", err
	}
	return h, fmt.Sprintf("haproxy: {socket: %q}", h.Socket()), nil
}

func startNginx(n *lab.Namespace, dir string) (lab.WebServer, string, error) {
	x, err := lab.StartNginx(n, dir)
	if err != nil {
		return nil, "", err
	}
	return x, fmt.Sprintf("nginx: {pid_file: %q, url: %q}", x.PIDFile(), x.URL()), nil
}
