package gitlabci

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// SaveOptions say which file of a job is saved. Nil is the archive.
type SaveOptions struct {
	OpenOptions

	// AllowUnverified saves a file that nothing proves to be complete: the server
	// sent neither its length nor its end, its size in the job is unknown, and it
	// is not a complete zip archive. Such a file may be cut short. By default the
	// old file is kept, and the error matches [io.ErrUnexpectedEOF].
	AllowUnverified bool
}

// Save writes a job's archive of artifacts, or one of its report files, to a
// file: completely, or not at all. Until all data has arrived and is on disk, it is
// in a temporary file in the same folder, whose name begins with a dot and ends in
// ".part". That file then replaces the old one in one step. After an error, the old
// file, or none, is there as before. Only a program that is killed leaves a ".part"
// file behind.
//
//	GET /projects/:id/jobs/:job_id/artifacts
//	GET /projects/:id/jobs/artifacts/:ref_name/download
//
// See https://docs.gitlab.com/api/job_artifacts/#download-job-artifacts-by-job-id.
// The errors are those of [ArtifactsService.Open], of its file and of the file
// system. The saved file is never a mix of two files: an interrupted download
// resumes as described at [ArtifactFile.Read]. Only the archive of a job given by
// its ID, which GitLab never replaces, resumes with the missing bytes even without
// a strong ETag. Then the bytes around the interruption are compared, and all files
// in the archive are checked against its directory before it replaces the old one.
// The folder must exist, and the file must not be a folder, a device or the like:
// that is checked before any request. A replaced file passes on its permissions,
// but not its owner; a symbolic link is itself replaced.
func (s *ArtifactsService) Save(ctx context.Context, project ProjectID, src ArtifactSource, file string, opts *SaveOptions) error {
	if opts == nil {
		opts = &SaveOptions{}
	}
	old, err := replaceable(file)
	call := archiveCall(project, src, &opts.OpenOptions)
	call.err = cmp.Or(call.err, err)
	if _, err := s.client.newRequest(ctx, call); err != nil {
		return err
	}
	return replace(file, old, func(part *os.File) error {
		err := s.fill(ctx, project, src, part, opts, true)
		if err != errUnproven {
			return err
		}
		_, err = part.Seek(0, io.SeekStart)
		if err = cmp.Or(err, part.Truncate(0)); err != nil {
			return err
		}
		return s.fill(ctx, project, src, part, opts, false)
	})
}

// fill downloads to a new file. With join, parts may be joined by comparing bytes;
// the error is errUnproven if that was done and cannot be checked.
func (s *ArtifactsService) fill(ctx context.Context, project ProjectID, src ArtifactSource, part *os.File, opts *SaveOptions, join bool) error {
	source, err := s.open(ctx, project, src, &opts.OpenOptions, func(m *mender) {
		m.lax = opts.AllowUnverified
		if join && !opts.Gunzip {
			m.copied = part
		}
	})
	if err != nil {
		return err
	}
	defer source.Close()
	if _, err := io.Copy(part, source); err != nil {
		return err
	}
	return source.source.proveJoined(part)
}

// replaceable reports why nothing can be saved as file, and returns what is
// there now, nil for nothing. What a link points to is not of interest, unless
// it is a folder, in which the caller may think to save.
func replaceable(file string) (fs.FileInfo, error) {
	if file == "" || os.IsPathSeparator(file[len(file)-1]) {
		return nil, fmt.Errorf("%q is not the name of a file", file)
	}
	if to, err := os.Stat(file); err == nil && to.IsDir() {
		return nil, fmt.Errorf("%q is a folder", file)
	}
	old, err := os.Lstat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case !old.Mode().IsRegular() && old.Mode().Type() != fs.ModeSymlink:
		return nil, fmt.Errorf("%q is not a file that can be replaced: its mode is %v", file, old.Mode())
	}
	return old, nil
}

// replace puts what write writes in the place of a file. A panic, in Progress
// perhaps, leaves nothing behind either.
func replace(file string, old fs.FileInfo, write func(*os.File) error) (err error) {
	part, err := createPart(filepath.Dir(file), old)
	if err != nil {
		return fmt.Errorf("gitlabci: %w", err)
	}
	replaced := false
	defer func() {
		if !replaced {
			part.Close() // of no interest any more
			err = errors.Join(err, os.Remove(part.Name()))
		}
	}()
	if err := write(part); err != nil {
		if _, ours := errors.AsType[*fs.PathError](err); ours {
			err = fmt.Errorf("gitlabci: %w", err)
		}
		return err
	}
	if err := settle(part, file); err != nil {
		return fmt.Errorf("gitlabci: %w", err)
	}
	replaced = true
	return syncFolder(filepath.Dir(file))
}

// createPart creates the file to write to, with the permissions of the old one.
func createPart(folder string, old fs.FileInfo) (*os.File, error) {
	kept := old != nil && old.Mode().IsRegular()
	mode := fs.FileMode(0o666) // less what the process withholds
	if kept {
		mode = old.Mode().Perm()
	}
	part, err := os.OpenFile(filepath.Join(folder, ".gitlabci-"+rand.Text()+".part"), os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
	if err != nil || !kept {
		return part, err
	}
	if err := part.Chmod(mode); err != nil { // which the process may not withhold
		part.Close() // of no interest any more
		return nil, errors.Join(err, os.Remove(part.Name()))
	}
	return part, nil
}

// settle lets a part that is on the disk take the place of the file.
func settle(part *os.File, file string) error {
	if err := part.Sync(); err != nil {
		return err
	}
	if err := part.Close(); err != nil {
		return err
	}
	return os.Rename(part.Name(), file)
}

// syncFolder brings to the disk which file has which name. Not every system can
// do that for a folder.
func syncFolder(folder string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := os.Open(folder)
	if err == nil {
		err = f.Sync()
		f.Close() // nothing was written to it
	}
	if err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, errors.ErrUnsupported) {
		return fmt.Errorf("gitlabci: the file is saved, but may be lost if the machine fails now: %w", err)
	}
	return nil
}
