// SPDX-License-Identifier: Apache-2.0

package health

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// maxLinks bounds how many symbolic links a path may lead through, as the kernel
// does.
const maxLinks = 40

// verify demands that a path leads to a program, and that nobody but root could put
// another in its place: the file, all directories and all links on the way to it
// must be root's, and writable for root only.
func verify(path string) error {
	at, ahead, links := "/", parts(path), 0
	for {
		info, err := os.Lstat(at)
		if err != nil {
			return fmt.Errorf("%s: %w", path, plain(err))
		}
		if err := onlyRootChanges(at, info); err != nil {
			return err
		}
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			if links++; links > maxLinks {
				return fmt.Errorf("%s: %w", path, syscall.ELOOP)
			}
			target, err := os.Readlink(at)
			if err != nil {
				return err
			}
			ahead = append(parts(target), ahead...)
			at = filepath.Dir(at)
			if filepath.IsAbs(target) {
				at = "/"
			}
		case len(ahead) == 0:
			return isProgram(at, info)
		}
		if len(ahead) == 0 {
			continue // a link to the directory that it is in
		}
		at, ahead = filepath.Join(at, ahead[0]), ahead[1:]
	}
}

// parts are the names that a path consists of.
func parts(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
}

// onlyRootChanges refuses what another user could write to or replace.
func onlyRootChanges(path string, info fs.FileInfo) error {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fmt.Errorf("%s: its owner can't be found out", path)
	}
	mode := info.Mode()
	switch {
	case stat.Uid != 0:
		return fmt.Errorf("%s belongs to user %d: want root", path, stat.Uid)
	case mode&fs.ModeSymlink != 0: // its mode means nothing
		return nil
	case mode.IsDir() && mode&fs.ModeSticky != 0: // others can't replace what is root's in it (unlink(2))
		return nil
	case mode&0o002 != 0:
		return fmt.Errorf("%s is writable for everybody: want root only", path)
	case mode&0o020 != 0:
		return fmt.Errorf("%s is writable for its group: want root only", path)
	}
	return nil
}

// isProgram refuses what can't be executed.
func isProgram(path string, info fs.FileInfo) error {
	switch mode := info.Mode(); {
	case !mode.IsRegular():
		return fmt.Errorf("%s is not a regular file", path)
	case mode&0o111 == 0:
		return fmt.Errorf("%s: %w", path, errNotExecutable)
	}
	return nil
}

var errNotExecutable = errors.New("is not executable")
