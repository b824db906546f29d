// SPDX-License-Identifier: Apache-2.0

package host

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// maxState bounds what is read of a state file, in bytes.
const maxState = 64 << 10

// StateFile is a small file that outlives the process and the machine's next start. It
// is there whole, or as it was before: a crash leaves no half of it.
type StateFile struct {
	Path string
}

// Load returns what was saved; nil when nothing was. More than 64 KiB are an error.
func (f StateFile) Load() ([]byte, error) {
	file, err := os.Open(f.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read state: %w", err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxState+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read state: %w", err)
	case len(data) > maxState:
		return nil, fmt.Errorf("read state: %s has more than %d bytes", f.Path, maxState)
	}
	return data, nil
}

// Save replaces what was saved. When it returns nil the disk has it. The folder is made
// if need be.
func (f StateFile) Save(data []byte) error {
	dir := filepath.Dir(f.Path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("save state: %w", err)
	}
	next := f.Path + ".new"
	if err := write(next, data); err != nil {
		return fmt.Errorf("save state: %w", errors.Join(err, os.Remove(next)))
	}
	if err := os.Rename(next, f.Path); err != nil {
		return fmt.Errorf("save state: %w", err)
	}
	return f.sync()
}

// Remove forgets what was saved, if anything was.
func (f StateFile) Remove() error {
	err := os.Remove(f.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("remove state: %w", err)
	}
	return f.sync()
}

// write makes a file whose content is on the disk.
func write(path string, data []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	return errors.Join(err, file.Sync(), file.Close())
}

// sync has the disk know which files the folder has.
func (f StateFile) sync() error {
	dir, err := os.Open(filepath.Dir(f.Path))
	if err != nil {
		return fmt.Errorf("sync state: %w", err)
	}
	if err := errors.Join(dir.Sync(), dir.Close()); err != nil {
		return fmt.Errorf("sync state: %w", err)
	}
	return nil
}
