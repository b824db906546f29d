// SPDX-License-Identifier: Apache-2.0

package health

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// File is the check of a number in a local file, which an administrator or a
// program writes: the lever for what no other kind can see. A file that is missing,
// not readable or not a whole number fails.
type File struct {
	// Path is the path of a regular file with one whole number, in decimal. Required.
	Path string
	// Min and Max are the least and the greatest number that count as success.
	Min, Max int64
}

func (f File) prober(*Check) Prober { return f }

// Probe reads the number.
func (f File) Probe(context.Context) error {
	text, err := readSmall(f.Path, maxNumber)
	if err != nil {
		return err
	}
	number, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return fmt.Errorf("no whole number in %s: %q", f.Path, text)
	}
	switch {
	case number < f.Min:
		return fmt.Errorf("%d in %s is less than %d", number, f.Path, f.Min)
	case number > f.Max:
		return fmt.Errorf("%d in %s is more than %d", number, f.Path, f.Max)
	}
	return nil
}

// readSmall returns the first most bytes of a regular file. It never waits for
// somebody to write, as opening a FIFO would.
func readSmall(path string, most int64) ([]byte, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	return io.ReadAll(io.LimitReader(file, most))
}
