// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// MainWithProgram is [Main] for tests that run a program of their module. It builds
// the package once, into a temporary directory that is removed at the end, and puts
// the program's path into the environment variable env.
func MainWithProgram(m *testing.M, env, pkg string) {
	Helper()
	if os.Getenv(isolatedEnv) != "" || os.Geteuid() != 0 {
		Main(m)
	}
	status, err := withProgram(env, pkg, isolate)
	if err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
		status = 1
	}
	os.Exit(status)
}

func withProgram(env, pkg string, run func() int) (int, error) {
	dir, err := os.MkdirTemp("", "vipd-program-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, filepath.Base(pkg))
	if out, err := exec.Command("go", "build", "-o", program, pkg).CombinedOutput(); err != nil {
		return 1, fmt.Errorf("build %s: %w\n%s", pkg, err, out)
	}
	if err := os.Setenv(env, program); err != nil {
		return 1, err
	}
	return run(), nil
}
