package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"example.com/gitlabci"
	"example.com/gitlabci/examples/internal/console"
)

// An export writes the jobs of a group's projects to a file, page by page.
type export struct {
	client *gitlabci.Client
	group  gitlabci.GroupID
	file   string
	notes  *console.Notes
	state  state
}

// A state is what the file has. What is behind Bytes was written, but not noted: it is
// written again.
type state struct {
	Group    gitlabci.GroupID `json:"group"`
	Project  int64            `json:"project"` // that is being exported; those with smaller numbers are done
	After    gitlabci.Cursor  `json:"after"`   // of its next page
	Last     gitlabci.JobID   `json:"last"`    // of the project, the newest first; 0 before the first one
	Bytes    int64            `json:"bytes"`
	Jobs     int              `json:"jobs"`
	Projects int              `json:"projects"`
	Skipped  int              `json:"skipped"`
}

// run exports what is not exported yet.
func (e *export) run(ctx context.Context, bar *console.Bar) error {
	file, err := e.open()
	if err != nil {
		return err
	}
	if err := errors.Join(e.all(ctx, file, bar), file.Close()); err != nil {
		e.notes.Print(fmt.Sprintf("%s has %d jobs: the same command continues", console.Printable(e.file), e.state.Jobs))
		return err
	}
	return os.Remove(e.stateFile())
}

func (e *export) all(ctx context.Context, file *os.File, bar *console.Bar) error {
	opts := &gitlabci.ListGroupProjectsOptions{IncludeSubgroups: true, WithShared: new(false), OrderBy: gitlabci.ProjectOrderByID, Sort: gitlabci.SortAsc}
	for project, err := range e.client.Projects.AllInGroup(ctx, e.group, opts) {
		if err != nil {
			return err
		}
		number, _ := project.ID.Number() // GitLab's lists have numbers
		if number < e.state.Project {
			continue
		}
		if number > e.state.Project {
			e.state.Project, e.state.After, e.state.Last = number, "", 0
		}
		if err := e.project(ctx, file, project, bar); err != nil {
			return err
		}
		e.state.Project, e.state.After, e.state.Last = number+1, "", 0
		if err := e.save(); err != nil {
			return err
		}
	}
	return nil
}

// project exports the jobs of a project, or says why it has none.
func (e *export) project(ctx context.Context, file *os.File, p *gitlabci.Project, bar *console.Bar) error {
	skip := func(why string) error {
		e.state.Skipped++
		e.notes.Print(fmt.Sprintf("%s is skipped: %s", console.Printable(p.PathWithNamespace), why))
		return nil
	}
	if p.BuildsAccessLevel == "disabled" {
		return skip("CI is switched off")
	}
	for {
		page, err := e.client.Jobs.List(ctx, p.ID, &gitlabci.ListJobsOptions{ListOptions: gitlabci.ListOptions{PerPage: 100, After: e.state.After}})
		switch {
		case errors.Is(err, gitlabci.ErrNotFound):
			return skip("it was deleted or moved meanwhile")
		case errors.Is(err, gitlabci.ErrForbidden) && e.state.Last == 0:
			return skip("its jobs are hidden from the token, or CI is switched off")
		case err != nil:
			return err
		}
		if err := e.write(file, p, page.Items); err != nil {
			return err
		}
		e.state.After = page.Next
		if bar.Set(int64(e.state.Jobs), -1); page.Next == "" {
			e.state.Projects++
			return nil
		}
		if err := e.save(); err != nil {
			return err
		}
	}
}

// write appends jobs. Where pages are numbered, new jobs shift those that were written.
func (e *export) write(file *os.File, p *gitlabci.Project, jobs []*gitlabci.Job) error {
	type line struct {
		ProjectPath string `json:"project_path"`
		*gitlabci.Job
	}
	var lines []byte
	for _, job := range jobs {
		if e.state.Last > 0 && job.ID >= e.state.Last {
			continue
		}
		text, err := json.Marshal(line{p.PathWithNamespace, job})
		if err != nil {
			return err
		}
		lines = append(append(lines, text...), '\n')
		e.state.Last = job.ID
		e.state.Jobs++
	}
	n, err := file.Write(lines)
	e.state.Bytes += int64(n)
	return errors.Join(err, file.Sync()) // before the state says that it is there
}

func (e *export) stateFile() string { return e.file + ".state" }

// open opens the file where the state says, or a new one if there is none of both.
func (e *export) open() (*os.File, error) {
	text, err := os.ReadFile(e.stateFile())
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(e.file); !errors.Is(err, fs.ErrNotExist) {
			return nil, errors.Join(err, console.Usage("%s exists already, and no export to it is to be continued", e.file))
		}
		e.state = state{Group: e.group}
		if err := e.save(); err != nil {
			return nil, err
		}
	} else if err == nil {
		err = json.Unmarshal(text, &e.state)
	}
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s: %w", e.stateFile(), err)
	case e.state.Group != e.group:
		return nil, console.Usage("%s is an export of %s", e.file, e.state.Group)
	}
	file, err := os.OpenFile(e.file, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	size, err := file.Seek(0, io.SeekEnd)
	if err == nil && size < e.state.Bytes {
		err = fmt.Errorf("%s has lost what was exported: delete it and %s", e.file, e.stateFile())
	}
	if err == nil {
		err = file.Truncate(e.state.Bytes)
	}
	if err == nil {
		_, err = file.Seek(e.state.Bytes, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// save writes the state in place of the old one, as a whole or not at all.
func (e *export) save() error {
	text, err := json.Marshal(e.state)
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(e.file), ".export-*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // fails after the rename
	_, err = file.Write(text)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), e.stateFile())
}
