// Package wholefile writes files completely or not at all: a program that is killed while it
// writes leaves the old file.
package wholefile

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Write replaces a file, which is readable by its owner only. Until it is complete, it is
// beside the old one, with .new after its name. Only one process at a time may write a file.
func Write(name string, write func(io.Writer) error) error {
	file, err := os.OpenFile(name+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	err = write(file)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return syncFolder(filepath.Dir(name))
}

// syncFolder makes a rename durable. It does nothing where folders cannot be synced, such
// as on Windows.
func syncFolder(folder string) error {
	f, err := os.Open(folder)
	if err != nil {
		return err
	}
	if err := f.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, fs.ErrPermission) && !errors.Is(err, fs.ErrInvalid) {
		return errors.Join(err, f.Close())
	}
	return f.Close()
}

// WriteJSON replaces a file by a value.
func WriteJSON(name string, value any) error {
	return Write(name, func(w io.Writer) error {
		lines := json.NewEncoder(w)
		lines.SetIndent("", "\t")
		return lines.Encode(value)
	})
}

// ReadJSON reads a value from a file. If there is none, the value stays as it is. A file that
// is damaged is an error.
func ReadJSON(name string, value any) error {
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(text, value)
	}
	if err != nil {
		return fmt.Errorf("state file %s: %w", name, err)
	}
	return nil
}
