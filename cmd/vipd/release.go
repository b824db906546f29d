// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"vipd/api"
	"vipd/config"
	"vipd/netif"
)

func releaseCommand() *cobra.Command {
	var path string
	command := &cobra.Command{
		Use:   "release",
		Short: "Remove what a vipd that does not run any more has left",
		Long: "Remove what a vipd that does not run any more has left: its addresses of this\n" +
			"configuration, routes, virtual links and nftables tables. What is not vipd's stays.",
		Args: arguments(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			own, err := load(c.ErrOrStderr(), path)
			if err != nil {
				return err
			}
			if api.Listens(own.API) {
				return fmt.Errorf("a daemon listens on %s: stop it first", own.API)
			}
			removed, err := netif.Release(leftovers(own))
			for _, address := range removed {
				fmt.Fprintln(c.OutOrStdout(), "removed "+address)
			}
			if err == nil {
				fmt.Fprintln(c.OutOrStdout(), "nothing of vipd is left here")
			}
			return err
		},
	}
	configFlag(command, &path)
	return command
}

// leftovers is what vipd may have left of a configuration.
func leftovers(c *config.Config) netif.Leftovers {
	l := netif.Leftovers{VirtualLinks: virtualLinks(c)}
	for i := range c.Routers {
		for j := range c.Routers[i].Families {
			f := &c.Routers[i].Families[j]
			for _, a := range f.Held {
				l.Addresses = append(l.Addresses, a.Prefix.Addr())
				l.Networks = append(l.Networks, a.Prefix)
			}
			for _, r := range f.Routes {
				l.Routes = append(l.Routes, netif.Route{Destination: r.Destination, Table: r.Table, Metric: r.Metric})
			}
		}
	}
	return l
}
