package zipped

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	gopath "path"

	"example.com/gitlabci/internal/atomicfile"
	"example.com/gitlabci/internal/cause"
)

// A worker writes one file at a time.
type worker struct {
	*extraction
	ctx      context.Context
	wrote    func(n int) // reports progress
	unpacker unpacker
	packed   []byte
	plain    []byte

	folder string   // of the last file
	at     *os.Root // the same
}

const writeBuffer = 128 << 10

// each does something with members that follow each other in the archive.
func (w *worker) each(batch []*member, do func(*feed, *member) error) error {
	if w.packed == nil {
		w.packed, w.plain = make([]byte, memberBuffer), make([]byte, writeBuffer)
	}
	section := w.zip.section(w.ctx, batch[0].start, batch[len(batch)-1].end())
	defer section.Close()
	f := newFeed(section, batch[0].start, w.packed)
	for _, m := range batch {
		if err := do(f, m); err != nil {
			return fmt.Errorf("%q: %w", m.name, err)
		}
	}
	return nil
}

// write writes a whole file, or nothing.
func (w *worker) write(f *feed, m *member) error {
	folder, name := gopath.Split(m.path())
	if err := w.enter(folder); err != nil {
		return err
	}
	file, err := w.create(m, name)
	if err != nil {
		return err
	}
	if file == nil { // its bytes are dropped on the way to the next
		w.skipped(m)
		return nil
	}
	if err := w.fill(file.File, f, m); err != nil {
		return errors.Join(err, file.Discard())
	}
	file.Modified = m.written()
	if err := file.Place(); err != nil {
		return err
	}
	w.finished(m)
	return nil
}

// enter opens the folder that the next file is in.
func (w *worker) enter(folder string) error {
	if w.at != nil && w.folder == folder {
		return nil
	}
	w.leave()
	at, err := w.root.OpenRoot(gopath.Clean(folder))
	if err != nil {
		return err
	}
	w.at, w.folder = at, folder
	return nil
}

func (w *worker) leave() {
	if w.at != nil {
		w.at.Close() // nothing was written to it
		w.at = nil
	}
}

// create creates a file, or a temporary one that will replace it. It returns nil if the
// file exists and is to be kept.
func (w *worker) create(m *member, name string) (*atomicfile.File, error) {
	file, err := atomicfile.Create(w.at, name, m.perm())
	switch {
	case !errors.Is(err, fs.ErrExist):
		return file, err
	case w.opts.SkipExisting:
		return nil, nil
	case w.opts.Overwrite:
		return atomicfile.Beside(w.at, name, "", m.perm())
	}
	return nil, err
}

// fill unpacks a member into its file.
func (w *worker) fill(file *os.File, f *feed, m *member) error {
	if err := w.unpacker.start(f, m); err != nil {
		return err
	}
	for {
		n, err := 0, cause.Of(w.ctx) // bytes from memory or from a spool need no context
		for err == nil && n < len(w.plain) {
			var more int
			more, err = w.unpacker.Read(w.plain[n:])
			n += more
		}
		if _, failed := file.Write(w.plain[:n]); failed != nil {
			return failed
		}
		if w.opts.Progress != nil {
			w.wrote(n)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (w *worker) close() {
	w.leave()
	w.unpacker.release()
}
