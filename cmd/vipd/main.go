// SPDX-License-Identifier: Apache-2.0

// Command vipd keeps virtual IP addresses up on pairs of load balancers.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"vipd/api"
	"vipd/config"
)

// version is set by the build: -ldflags "-X main.version=…".
var version = "unknown"

// The exit codes of every command.
const (
	exitNo          = 1 // the answer is no: invalid, not healthy, nobody took over
	exitUsage       = 2
	exitUnreachable = 3 // no daemon answers
)

// errNo is an answer that has been printed already.
var errNo = errors.New("")

func main() {
	err := root().Execute()
	if err == nil {
		return
	}
	if err.Error() != "" {
		fmt.Fprintln(os.Stderr, "vipd: "+err.Error())
	}
	os.Exit(exitCode(err))
}

func exitCode(err error) int {
	var usage usageError
	switch {
	case errors.As(err, &usage):
		return exitUsage
	case errors.Is(err, api.ErrUnreachable):
		return exitUnreachable
	}
	return exitNo
}

// usageError is a command line that means nothing.
type usageError struct{ error }

func root() *cobra.Command {
	command := &cobra.Command{
		Use:           "vipd",
		Short:         "Keep virtual IP addresses up on pairs of load balancers (VRRP)",
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("unknown command %q: see `vipd --help`", args[0])}
			}
			return c.Help()
		},
		Args: cobra.ArbitraryArgs,
	}
	command.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	command.AddCommand(runCommand(), checkCommand(), statusCommand(), versionCommand(), reloadCommand(), planCommand(),
		maintenanceCommand(), resignCommand(), handOffCommand(), releaseCommand(), ordinaryCommand())
	return command
}

// configFlag adds --config to a command.
func configFlag(c *cobra.Command, path *string) {
	c.Flags().StringVarP(path, "config", "c", config.DefaultPath, "the configuration file")
}

// arguments wants so many, from least to most.
func arguments(least, most int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) < least || len(args) > most {
			return usageError{fmt.Errorf("%d arguments: usage is `%s`", len(args), c.UseLine())}
		}
		return nil
	}
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  arguments(0, 0),
		Run: func(c *cobra.Command, _ []string) {
			fmt.Fprintln(c.OutOrStdout(), "vipd "+version)
		},
	}
}
