// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"vipd/integration/lab"
)

// lookInterval is how often is looked whether all is settled.
const lookInterval = 50 * time.Millisecond

// node is one load balancer.
type node struct {
	host *lab.Host
	web  lab.WebServer
	vipd *lab.Vipd
}

// status is what the demo reads of `vipd status --json`.
type status struct {
	Routers []struct {
		State string `json:"state"`
		Phase string `json:"phase"`
	} `json:"routers"`
	Checks []struct {
		Verdict string `json:"verdict"`
	} `json:"checks"`
}

// look tells what is not settled on a node that serves, or that does not.
func (n *node) look(serves bool) error {
	owns, err := n.owns()
	switch {
	case err != nil:
		return err
	case owns && !serves:
		return errors.New("still has the address")
	case !owns && serves:
		return errors.New("does not have the address")
	case !n.vipd.Wanted():
		return nil
	}
	text, err := n.vipd.Status()
	if err != nil {
		return err
	}
	var s status
	if err := json.Unmarshal(text, &s); err != nil {
		return fmt.Errorf("status: %w", err)
	}
	return s.look(serves, n.web.Wanted())
}

func (s status) look(serves, webUp bool) error {
	for _, router := range s.Routers {
		if (router.State == "active") != serves || router.Phase != "" {
			return fmt.Errorf("is in the state %s %s", router.State, router.Phase)
		}
	}
	for _, check := range s.Checks {
		if (check.Verdict == "pass") != webUp {
			return fmt.Errorf("has a check that says %s", check.Verdict)
		}
	}
	return nil
}

// owns tells whether the node has the VIP.
func (n *node) owns() (bool, error) {
	found, err := n.host.Addresses(vip.Addr())
	return len(found) > 0, err
}
