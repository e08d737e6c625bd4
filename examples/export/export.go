package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"

	"example.com/gitlabci"
	"example.com/gitlabci/examples/internal/console"
	"example.com/gitlabci/examples/internal/sink"
	"example.com/gitlabci/examples/internal/wholefile"
)

// An export writes the jobs of a group's projects to a file.
type export struct {
	client *gitlabci.Client
	group  gitlabci.GroupID
	file   string
	notes  *console.Notes

	sink  sink.Sink[*job]
	most  int // jobs that are read before they are written, which are read again if it is killed
	state state
	jobs  []*job // that are not written yet
}

// A state says how far an export is. It is stored after its jobs are written.
type state struct {
	Group    gitlabci.GroupID `json:"group"`
	Project  int64            `json:"project"` // that is being exported; those with smaller numbers are done
	After    gitlabci.Cursor  `json:"after"`   // of its next page
	Last     gitlabci.JobID   `json:"last"`    // of the project, the newest first; 0 before the first one
	Jobs     int              `json:"jobs"`
	Projects int              `json:"projects"`
	Skipped  int              `json:"skipped"`
	Place    int64            `json:"place"` // in the sink
}

func (s *state) enter(project int64) { s.Project, s.After, s.Last = project, "", 0 }

func (e *export) stateFile() string { return e.file + ".state" }

// newExport returns an export in the format that the name of the file says.
func newExport(client *gitlabci.Client, group gitlabci.GroupID, file string, notes *console.Notes) *export {
	file = filepath.Clean(file) // a shell may complete the name of a folder by a slash
	e := &export{client: client, group: group, file: file, notes: notes, sink: sink.Lines[*job]{Name: file}, most: 1}
	if filepath.Ext(file) == ".parquet" {
		// They take 25 requests. Parts of 10,000 are 8% smaller for each job, and take 100.
		e.sink, e.most = sink.Parquet[*job, row]{Folder: file, Row: (*job).row}, 2500
	}
	return e
}

// open reads the state of an earlier run, or stores one if there was none.
func (e *export) open() error {
	if err := wholefile.ReadJSON(e.stateFile(), &e.state); err != nil {
		return err
	}
	if e.state.Group == "" { // a new export
		if _, err := os.Lstat(e.file); !errors.Is(err, fs.ErrNotExist) {
			return errors.Join(err, console.Usage("%s exists already, and no export to it was interrupted", e.file))
		}
		e.state.Group = e.group
		return wholefile.WriteJSON(e.stateFile(), e.state)
	}
	if e.state.Group != e.group {
		return console.Usage("%s is an export of %s", e.file, e.state.Group)
	}
	if err := e.sink.Resume(e.state.Place); err != nil {
		return fmt.Errorf("%w: delete it and %s", err, e.stateFile())
	}
	return nil
}

// run exports what is not exported yet.
func (e *export) run(ctx context.Context, bar *console.Bar) error {
	if err := e.open(); err != nil {
		return err
	}
	err := e.all(ctx, bar)
	switch {
	case err == nil, e.state.Project == 0: // nothing was begun
		return errors.Join(err, os.Remove(e.stateFile()))
	default:
		e.notes.Print(fmt.Sprintf("%s has %d jobs: the same command continues", console.Printable(filepath.Base(e.file)), e.state.Jobs-len(e.jobs)))
		return err
	}
}

// all writes the jobs as they are read. After an error it writes those that it has.
func (e *export) all(ctx context.Context, bar *console.Bar) error {
	for err := range e.pages(ctx) {
		if err != nil {
			return errors.Join(err, e.flush(1))
		}
		bar.Set(int64(e.state.Jobs), -1)
		if err := e.flush(e.most); err != nil {
			return err
		}
	}
	return e.flush(0)
}

// flush writes the jobs, if there are at least so many, and then the state.
func (e *export) flush(least int) (err error) {
	if len(e.jobs) < least {
		return nil
	}
	if e.state.Place, err = e.sink.Write(e.state.Place, e.jobs); err != nil {
		return err
	}
	e.jobs = nil
	return wholefile.WriteJSON(e.stateFile(), e.state)
}

// pages reads page after page.
func (e *export) pages(ctx context.Context) iter.Seq[error] {
	opts := &gitlabci.ListGroupProjectsOptions{IncludeSubgroups: true, WithShared: new(false), OrderBy: gitlabci.ProjectOrderByID, Sort: gitlabci.SortAsc}
	return func(yield func(error) bool) {
		for project, err := range e.client.Projects.AllInGroup(ctx, e.group, opts) {
			if err != nil {
				yield(err)
				return
			}
			number, _ := project.ID.Number() // GitLab's lists have numbers
			if number > e.state.Project {
				e.state.enter(number)
			}
			for e.state.Project == number {
				err := e.page(ctx, project, number)
				if !yield(err) || err != nil {
					return
				}
			}
		}
	}
}

// page reads the next page of a project's jobs, or says why it has none. After the last
// page, the state is at the next project.
func (e *export) page(ctx context.Context, p *gitlabci.Project, number int64) error {
	var page *gitlabci.Page[gitlabci.Job]
	why, err := "CI is switched off", error(nil)
	if p.BuildsAccessLevel != "disabled" {
		page, err = e.client.Jobs.List(ctx, p.ID, &gitlabci.ListJobsOptions{ListOptions: gitlabci.ListOptions{PerPage: 100, After: e.state.After}})
	}
	switch {
	case errors.Is(err, gitlabci.ErrNotFound):
		why = "it was deleted or moved meanwhile"
	case errors.Is(err, gitlabci.ErrForbidden) && e.state.Last == 0:
		why = "its jobs are hidden from the token, or CI is switched off"
	case err != nil:
		return err
	}
	if page == nil {
		e.state.Skipped++
		e.state.enter(number + 1)
		e.notes.Print(fmt.Sprintf("%s is skipped: %s", console.Printable(p.PathWithNamespace), why))
		return nil
	}
	e.add(p, page.Items)
	if e.state.After = page.Next; page.Next == "" {
		e.state.Projects++
		e.state.enter(number + 1)
	}
	return nil
}

// add adds jobs. Where pages are numbered, new jobs shift those that were added before.
func (e *export) add(p *gitlabci.Project, jobs []*gitlabci.Job) {
	for _, j := range jobs {
		if e.state.Last == 0 || j.ID < e.state.Last {
			e.jobs = append(e.jobs, &job{p.PathWithNamespace, j, e.state.Project})
			e.state.Last = j.ID
			e.state.Jobs++
		}
	}
}
