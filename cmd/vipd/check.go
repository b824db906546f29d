// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"vipd/config"
)

func checkCommand() *cobra.Command {
	var host bool
	command := &cobra.Command{
		Use:   "check [FILE]",
		Short: "Check a configuration file, for all the nodes it names",
		Long: "Check a configuration file, for all the nodes it names. Nothing on this host is\n" +
			"touched or needed; but if this host is one of the nodes, the scripts of checks\n" +
			"must be there. With --host the file is compared with this host's network and with\n" +
			"the kernel's settings that `drain` depends on, too.",
		Args: arguments(0, 1),
		RunE: func(c *cobra.Command, args []string) error {
			path := config.DefaultPath
			if len(args) == 1 {
				path = args[0]
			}
			return check(c.OutOrStdout(), c.ErrOrStderr(), path, host)
		},
	}
	command.Flags().BoolVar(&host, "host", false, "compare with this host's interfaces and networks, too")
	return command
}

func check(stdout, stderr io.Writer, path string, host bool) error {
	file, problems := config.Load(path)
	if file != nil {
		problems = append(problems, here(file, path, host)...)
	}
	printProblems(stderr, problems)
	if problems.Failed() {
		return errNo
	}
	fmt.Fprintln(stdout, path+": fine"+forNodes(file))
	for _, line := range file.Derived() {
		fmt.Fprintln(stdout, line)
	}
	return nil
}

// here is what this host has to say to a file that is for it. If it was not asked for
// (`--host`), it is about scripts only.
func here(file *config.File, path string, host bool) config.Problems {
	own, err := onThisHost(file)
	switch {
	case err != nil && host:
		return config.Problems{{File: path, Text: err.Error()}}
	case err != nil:
		return nil
	case host:
		return own.AgainstHost(path)
	}
	return own.Scripts(path)
}

func forNodes(file *config.File) string {
	if len(file.Nodes) == 0 {
		return ""
	}
	return " for " + strings.Join(file.Nodes, ", ")
}

// load reads the file as this host sees it, and prints what is wrong with it.
func load(stderr io.Writer, path string) (*config.Config, error) {
	file, problems := config.Load(path)
	printProblems(stderr, problems)
	if file == nil {
		return nil, fmt.Errorf("%s: not valid", path)
	}
	c, err := onThisHost(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// onThisHost picks this host's part of the file.
func onThisHost(file *config.File) (*config.Config, error) {
	name, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("host name: %w", err)
	}
	return file.For(name)
}

func printProblems(w io.Writer, problems config.Problems) {
	for _, p := range problems {
		fmt.Fprintln(w, p)
	}
}
