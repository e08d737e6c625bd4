// Package state stores how far a program is in the changes of pipelines that
// [gitlabci.PipelinesService.WatchAll] yields, so that it continues there after a restart.
package state

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/examples/internal/wholefile"
)

// maxDone is how many IDs of a project are remembered.
const maxDone = 1000

// A File says how far a program is in each project, and what it has done there, by the IDs
// of pipelines or jobs. Its methods may be called concurrently.
type File[ID ~int64] struct {
	path string

	mu       sync.Mutex
	projects map[gitlabci.ProjectID]*Progress[ID]
}

// Progress is how far a program is in a project.
type Progress[ID ~int64] struct {
	Since  time.Time            `json:"since"` // where to begin without a cursor
	Cursor gitlabci.WatchCursor `json:"cursor,omitempty"`
	Done   []ID                 `json:"done,omitempty"` // the oldest first
}

// Open reads a file. If there is none, nothing was done. A damaged file is an error: a new
// start would do things twice.
func Open[ID ~int64](path string) (*File[ID], error) {
	f := &File[ID]{path: path, projects: map[gitlabci.ProjectID]*Progress[ID]{}}
	err := wholefile.ReadJSON(path, &f.projects)
	for project, p := range f.projects {
		if p == nil && err == nil {
			err = fmt.Errorf("state file %s: project %s has no value", path, project)
		}
	}
	if f.projects == nil && err == nil {
		err = fmt.Errorf("state file %s has no value", path)
	}
	return f, err
}

// Begin returns where to begin with a project, since a time if it is new. That is stored
// immediately: if the program dies before anything is done, the next one begins there too.
func (f *File[ID]) Begin(project gitlabci.ProjectID, since time.Time) (Progress[ID], error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if p := f.projects[project]; p != nil {
		return *p, nil
	}
	f.projects[project] = &Progress[ID]{Since: since}
	return *f.projects[project], wholefile.WriteJSON(f.path, f.projects)
}

// Done reports whether something is done in a project that has begun.
func (f *File[ID]) Done(project gitlabci.ProjectID, id ID) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Contains(f.projects[project].Done, id)
}

// Advance stores that the event with a cursor was handled, and that something is done,
// unless its ID is 0.
func (f *File[ID]) Advance(project gitlabci.ProjectID, cursor gitlabci.WatchCursor, id ID) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.projects[project]
	p.Cursor = cursor
	if id != 0 && !slices.Contains(p.Done, id) {
		p.Done = append(p.Done[max(0, len(p.Done)+1-maxDone):], id)
	}
	return wholefile.WriteJSON(f.path, f.projects)
}
