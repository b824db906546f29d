// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"vipd/host"
)

// ordinaryName is the command that scripts are started with.
const ordinaryName = "ordinary"

// ordinaryCommand is for vipd itself: what it starts would be real-time as it is.
func ordinaryCommand() *cobra.Command {
	return &cobra.Command{
		Use:                ordinaryName + " PROGRAM [ARGUMENT…]",
		Short:              "Execute a program with ordinary scheduling",
		Hidden:             true,
		DisableFlagParsing: true, // they are the program's
		RunE: func(c *cobra.Command, argv []string) error {
			if err := arguments(1, len(argv))(c, argv); err != nil {
				return err
			}
			return host.Ordinary(argv)
		},
	}
}

// scriptRunner starts scripts by way of this program, whatever has become of its file.
func scriptRunner() host.Runner { return host.Runner{Via: []string{"/proc/self/exe", ordinaryName}} }
