package gitlabci

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	gopath "path"
	"runtime"
	"slices"
	"sync"

	"example.com/gitlabci/internal/pool"
)

// ErrUnsafeArchive is an archive that is not extracted, since a name in it
// leads elsewhere or is no file's, or since it would become too much. The error
// says which. Nothing has been written.
var ErrUnsafeArchive = errors.New("gitlabci: unsafe archive")

// ExtractOptions say what is extracted, and how much at most. Nil extracts
// everything, and no file that exists is changed.
type ExtractOptions struct {
	// Match selects the files that one of these patterns matches, each as
	// [path.Match] between slashes; "**" alone between slashes stands for any
	// number of names, or none: "**/*.xml", "coverage/**". Only what is selected
	// travels and is checked. Empty selects all.
	Match []string

	// Overwrite replaces files that exist, each when the new one is whole. A
	// link is replaced itself. Folders are never replaced.
	Overwrite bool

	// SkipExisting leaves files that exist as they are, whatever is in them, and
	// does not fetch theirs. Without it and Overwrite, one that exists is an
	// error before anything is written, which matches [fs.ErrExist].
	SkipExisting bool

	// The limits, on what is selected. 0 is a default and below 0 no limit.
	MaxFiles int   // files and folders: 200,000
	MaxBytes int64 // unpacked, together: 10 GiB
	MaxRatio int64 // how many times more than packed, together: 200; not asked below 64 MiB

	// Concurrency is how many files are extracted at the same time, each with a
	// request and up to 1.3 MiB of memory, up to 64. 0 is the number of
	// processors, and 4 at least.
	Concurrency int

	// Progress is called as bytes are written, with how many there are and how
	// many there will be. No two calls are at the same time.
	Progress func(done, total int64)
}

// An ExtractResult is what was extracted, sorted by name. Names are as in the
// archive, below the directory.
type ExtractResult struct {
	Files   []string // written, each whole
	Skipped []string // left as they were: see [ExtractOptions.SkipExisting]
	Bytes   int64    // in Files
}

const (
	extractFiles = 200_000
	extractBytes = 10 << 30
	extractRatio = 200
	ratioMatters = 64 << 20
	extractMost  = 64 // at the same time
)

// Extract unpacks a job's archive, or what is selected of it, into the
// directory dir, which is made if need be.
//
//	GET /projects/:id/jobs/:job_id/artifacts
//	GET /projects/:id/jobs/artifacts/:ref_name/download
//
// See https://docs.gitlab.com/api/job_artifacts/#download-job-artifacts-by-job-id.
// The archive's directory comes first, and is checked before anything is
// written. Links, devices, absolute names, drive letters, "..", names that
// repeat or differ only in case from another, names this system has no file for,
// encrypted files, and whatever exceeds the limits: the error names it, and
// matches [ErrUnsafeArchive]. Then parts of the archive travel, several at the
// same time, and each is mended as [ArtifactsService.Archive] says. Nothing is
// written outside of dir, not through a link in it either.
//
// A file gets mode 0o755 if anybody may execute it, else 0o644, less the umask,
// and the present time. No half a file stays, unless the process is killed. On
// error, what was written until then stays; the result, never nil, lists it. If
// Match selects nothing, the error matches [fs.ErrNotExist]. The other errors are
// those of [ArtifactsService.Archive] and of the file system.
func (s *ArtifactsService) Extract(ctx context.Context, project ProjectID, src ArtifactSource, dir string, opts *ExtractOptions) (*ExtractResult, error) {
	if opts == nil {
		opts = &ExtractOptions{}
	}
	result := &ExtractResult{}
	if err := opts.check(dir); err != nil {
		return result, &inputError{"Extract", err}
	}
	z, err := s.openZip(ctx, project, src)
	if err != nil {
		return result, err
	}
	x := &extraction{zip: z, opts: opts, result: result}
	if err := errors.Join(x.run(ctx, dir), z.source.Close()); err != nil {
		return result, z.fail(err)
	}
	return result, nil
}

// check finds what is wrong before anything is sent.
func (o *ExtractOptions) check(dir string) error {
	if dir == "" {
		return errors.New("the directory is empty")
	}
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return fmt.Errorf("%q is not a directory", dir)
	}
	if o.Overwrite && o.SkipExisting {
		return errors.New("ExtractOptions has both Overwrite and SkipExisting")
	}
	if o.Concurrency < 0 || o.Concurrency > extractMost {
		return fmt.Errorf("ExtractOptions.Concurrency is %d, and not from 0 to %d", o.Concurrency, extractMost)
	}
	for _, pattern := range o.Match {
		if pattern == "" || slices.ContainsFunc(split(pattern), malformed) {
			return fmt.Errorf("ExtractOptions.Match has %q: %w", pattern, gopath.ErrBadPattern)
		}
	}
	return nil
}

// limit is a limit of the options, or its default, or as good as none.
func limit(given, usual int64) int64 {
	if given < 0 {
		return math.MaxInt64
	}
	return cmp.Or(given, usual)
}

// An extraction is one call of Extract.
type extraction struct {
	zip  *zipArchive
	opts *ExtractOptions
	root *os.Root

	mu     sync.Mutex // for all below
	result *ExtractResult
	done   int64
	total  int64

	resting []*extractWorker // without work
}

func (x *extraction) run(ctx context.Context, dir string) (err error) {
	plan, err := x.opts.plan(x.zip.members)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if x.root, err = os.OpenRoot(dir); err != nil {
		return err
	}
	defer func() {
		slices.Sort(x.result.Files)
		slices.Sort(x.result.Skipped)
		err = errors.Join(err, x.root.Close())
	}()
	if err := x.reconcile(plan); err != nil {
		return err
	}
	for _, folder := range plan.folders {
		if err := x.makeFolder(folder); err != nil {
			return err
		}
	}
	return x.writeAll(ctx, plan)
}

// reconcile looks which files exist already.
func (x *extraction) reconcile(plan *extractPlan) (err error) {
	if x.opts.Overwrite {
		return nil
	}
	if empty, err := x.empty(); empty || err != nil {
		return err
	}
	plan.files = slices.DeleteFunc(plan.files, func(m *zipMember) bool {
		_, absent := x.root.Lstat(m.name)
		if absent != nil || err != nil {
			return false // whatever it is, making the file will tell
		}
		x.result.Skipped = append(x.result.Skipped, m.name)
		if !x.opts.SkipExisting {
			err = fmt.Errorf("%q: %w", m.name, fs.ErrExist)
		}
		return true
	})
	if err != nil {
		x.result.Skipped = nil
	}
	return err
}

func (x *extraction) empty() (bool, error) {
	dir, err := x.root.Open(".")
	if err != nil {
		return false, err
	}
	_, err = dir.Readdirnames(1)
	if err := dir.Close(); err != nil {
		return false, err
	}
	return err == io.EOF, nil // another error will come again
}

func (x *extraction) makeFolder(name string) error {
	err := x.root.Mkdir(name, 0o755)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	if info, err := x.root.Stat(name); err != nil || !info.IsDir() {
		return cmp.Or(err, fmt.Errorf("%q is to be a folder: %w", name, fs.ErrExist))
	}
	return nil
}

// writeAll has workers take one batch of files after the other.
func (x *extraction) writeAll(ctx context.Context, plan *extractPlan) error {
	for _, m := range plan.files {
		x.total += m.size
	}
	workers := cmp.Or(x.opts.Concurrency, min(max(runtime.GOMAXPROCS(0), 4), extractMost))
	todo := batches(plan.files, workers)
	defer x.dismiss()
	return pool.Each(ctx, len(todo), workers, func(ctx context.Context, i int) error {
		w := x.worker(ctx)
		defer x.rest(w)
		return w.extract(todo[i])
	})
}

// worker returns one that rests, which has its buffers already, or a new one.
func (x *extraction) worker(ctx context.Context) (w *extractWorker) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if n := len(x.resting); n > 0 {
		w, x.resting = x.resting[n-1], x.resting[:n-1]
	} else {
		w = &extractWorker{extraction: x}
	}
	w.ctx = ctx
	return w
}

func (x *extraction) rest(w *extractWorker) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.resting = append(x.resting, w)
}

func (x *extraction) dismiss() {
	for _, w := range x.resting {
		w.close()
	}
}

// wrote tells of progress.
func (x *extraction) wrote(n int) {
	if x.opts.Progress == nil {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.done += int64(n)
	x.opts.Progress(x.done, x.total)
}

// finished lists a file that is whole.
func (x *extraction) finished(m *zipMember) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.result.Files = append(x.result.Files, m.name)
	x.result.Bytes += m.size
}

// skipped lists a file that has come to exist meanwhile.
func (x *extraction) skipped(m *zipMember) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.result.Skipped = append(x.result.Skipped, m.name)
}

const (
	batchLeast = 1 << 20
	batchMost  = 16 << 20
	batchGap   = 256 << 10 // is read over rather than another request made
)

// batches divides files into parts of the archive that are read in one go.
func batches(files []*zipMember, workers int) [][]*zipMember {
	slices.SortFunc(files, byStart)
	packed := int64(0)
	for _, m := range files {
		packed += m.packed
	}
	target := min(max(packed/int64(4*workers), batchLeast), batchMost)
	var all [][]*zipMember
	var first, end int64
	for _, m := range files {
		if len(all) == 0 || m.start-end > batchGap || m.end()-first > target {
			all = append(all, nil)
			first = m.start
		}
		all[len(all)-1] = append(all[len(all)-1], m)
		end = m.end()
	}
	return all
}
