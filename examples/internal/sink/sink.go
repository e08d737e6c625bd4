// Package sink writes items that a program gets little by little, so that a program that is
// killed continues where it was: no item is missing then, and none is there twice.
package sink

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/parquet-go/parquet-go"

	"example.com/gitlabci/examples/internal/wholefile"
)

// A Sink keeps items. Its places say how much it has, from 0 on. The caller stores the place
// after each write. What is behind the stored place was written before the program was killed.
type Sink[T any] interface {
	// Resume removes what is behind a place. At 0 that is all of it, the file or folder too.
	Resume(place int64) error

	// Write writes items behind a place, and returns the place behind them.
	Write(place int64, items []T) (int64, error)
}

// Lines is a file of JSON, an item a line.
type Lines[T any] struct{ Name string }

// Resume cuts the file.
func (l Lines[T]) Resume(place int64) error {
	if place == 0 {
		return remove(l.Name)
	}
	info, err := os.Stat(l.Name)
	if err == nil && info.Size() >= place {
		return os.Truncate(l.Name, place)
	}
	return errors.Join(fmt.Errorf("%s has lost what was written to it", l.Name), err)
}

// Write writes items, and syncs the file.
func (l Lines[T]) Write(place int64, items []T) (int64, error) {
	var lines []byte
	for _, item := range items {
		line, err := json.Marshal(item)
		if err != nil {
			return place, err
		}
		lines = append(append(lines, line...), '\n')
	}
	file, err := os.OpenFile(l.Name, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return place, err
	}
	_, err = file.WriteAt(lines, place)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return place, err
	}
	return place + int64(len(lines)), nil
}

// Parquet is a folder of Parquet files: nothing can be appended to such a file, so each
// write creates a new one. The place is how many there are.
type Parquet[T, Row any] struct {
	Folder string
	Row    func(T) Row // is a struct; see the tags of [parquet.SchemaOf]
}

func (p Parquet[T, Row]) part(number int64) string {
	return filepath.Join(p.Folder, fmt.Sprintf("part-%06d.parquet", number))
}

// Resume removes the file behind the place, if there is one.
func (p Parquet[T, Row]) Resume(place int64) error {
	for number := range place {
		if _, err := os.Stat(p.part(number + 1)); err != nil {
			return fmt.Errorf("%s has lost what was written to it: %w", p.Folder, err)
		}
	}
	err := errors.Join(remove(p.part(place+1)), remove(p.part(place+1)+".new"))
	if err == nil && place == 0 {
		err = remove(p.Folder)
	}
	return err
}

// remove removes a file or an empty folder, if there is one.
func remove(name string) error {
	if err := os.Remove(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Write writes a file with the items, unless there are none.
func (p Parquet[T, Row]) Write(place int64, items []T) (int64, error) {
	if err := os.MkdirAll(p.Folder, 0o700); err != nil || len(items) == 0 {
		return place, err
	}
	rows := make([]Row, len(items))
	for i, item := range items {
		rows[i] = p.Row(item)
	}
	err := wholefile.Write(p.part(place+1), func(out io.Writer) error {
		return parquet.Write(out, rows, parquet.Compression(&parquet.Zstd))
	})
	if err != nil {
		return place, err
	}
	return place + 1, nil
}
