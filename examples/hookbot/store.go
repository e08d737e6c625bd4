package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"example.com/gitlabci"
)

// mostHandled is how many pipelines of a project are remembered. If an older one changes
// once more, its status is set again, which does nothing.
const mostHandled = 1000

// A store is the file that says what was handled.
type store struct {
	path string

	mu       sync.Mutex
	Projects map[gitlabci.ProjectID]*progress `json:"projects"`
}

// progress is how far the bot is in a project.
type progress struct {
	Since   time.Time             `json:"since"` // where to begin without a cursor
	Cursor  gitlabci.WatchCursor  `json:"cursor,omitempty"`
	Handled []gitlabci.PipelineID `json:"handled,omitempty"` // the oldest first
}

// openStore reads the file. If there is none, nothing was handled. A damaged file is an
// error: to begin anew would handle things twice.
func openStore(path string) (*store, error) {
	s := &store{path: path, Projects: map[gitlabci.ProjectID]*progress{}}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err == nil {
		err = json.Unmarshal(text, s)
	}
	for project, p := range s.Projects {
		if p == nil && err == nil {
			err = fmt.Errorf("project %s has no value", project)
		}
	}
	if err != nil {
		return nil, wrong(fmt.Errorf("state file %s: %w", path, err))
	}
	return s, nil
}

// begin returns where to begin with a project. For a new one that is stored at once: if the
// program dies before the first pipeline is handled, the next one begins at the same time.
func (s *store) begin(project gitlabci.ProjectID, since time.Time) (progress, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.Projects[project]; p != nil {
		return *p, nil
	}
	s.Projects[project] = &progress{Since: since}
	return *s.Projects[project], s.write()
}

func (s *store) handled(project gitlabci.ProjectID, pipeline gitlabci.PipelineID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.Projects[project].Handled, pipeline)
}

// advance stores that the event with a cursor was handled, and with it a pipeline, unless
// that is 0.
func (s *store) advance(project gitlabci.ProjectID, cursor gitlabci.WatchCursor, pipeline gitlabci.PipelineID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.Projects[project]
	p.Cursor = cursor
	if pipeline != 0 && !slices.Contains(p.Handled, pipeline) {
		p.Handled = append(p.Handled, pipeline)
		p.Handled = p.Handled[max(0, len(p.Handled)-mostHandled):]
	}
	return s.write()
}

// write replaces the file, so that a crash leaves the old one or the new one.
func (s *store) write() error {
	text, err := json.MarshalIndent(s, "", "\t")
	if err != nil {
		return err
	}
	folder := filepath.Dir(s.path)
	file, err := os.CreateTemp(folder, filepath.Base(s.path)+".*.tmp")
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), s.path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return syncFolder(folder)
}

// syncFolder makes a rename outlast a power failure, where folders can be synced: Windows
// cannot do it.
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
