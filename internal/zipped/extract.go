package zipped

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

// ErrUnsafe means that an archive is not extracted, because of a name in it or because
// it would become too large. Nothing has been written.
var ErrUnsafe = errors.New("gitlabci: unsafe archive")

// Options say what is extracted, and how much at most.
type Options struct {
	Match        []string // patterns, of which a name must match one; "**" stands for any number of names
	Exclude      []string // patterns, of which a name must match none
	Links        Links
	Overwrite    bool
	SkipExisting bool

	// The limits, on what is selected. 0 is a default and below 0 no limit.
	MaxFiles int
	MaxBytes int64 // unpacked, together
	MaxRatio int64 // how many times more than packed, together

	Concurrency int // 0 is the number of processors, and 4 at least
	Progress    func(done, total int64)
}

// A Result is what was extracted, sorted by name.
type Result struct {
	Files   []string // written, each whole
	Links   []string // made
	Skipped []string // left as they were, or left out
	Bytes   int64    // in Files
}

const (
	extractFiles = 200_000
	extractBytes = 10 << 30
	extractRatio = 200
	ratioMatters = 64 << 20
	extractMost  = 64 // files at the same time
)

// Extract unpacks an archive, or what is selected of it, into the folder dir, which
// is created if it does not exist, and closes the source. The options must have passed Check. The
// result is never nil.
func (z *Index) Extract(ctx context.Context, dir string, opts *Options) (*Result, error) {
	x := &extraction{zip: z, opts: opts, result: &Result{}}
	if err := errors.Join(x.run(ctx, dir), z.source.Close()); err != nil {
		return x.result, z.fail(err)
	}
	return x.result, nil
}

// Check finds what is wrong before anything is requested.
func (o *Options) Check(dir string) error {
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
	if o.Links < LinksInside || o.Links > LinksRefuse {
		return fmt.Errorf("ExtractOptions.Links is %d, which is none of the constants", o.Links)
	}
	for option, patterns := range map[string][]string{"Match": o.Match, "Exclude": o.Exclude} {
		if i := slices.IndexFunc(patterns, isBadPattern); i >= 0 {
			return fmt.Errorf("ExtractOptions.%s has %q: %w", option, patterns[i], gopath.ErrBadPattern)
		}
	}
	return nil
}

// MaxPacked is how many bytes of an archive may be downloaded if the server supports no
// ranges: as many as may be written, and the directory.
func (o *Options) MaxPacked() int64 {
	most := limit(o.MaxBytes, extractBytes)
	return most + min(maxDirectory, math.MaxInt64-most)
}

// limit returns a limit as given, its default for 0, and no limit below 0.
func limit(given, usual int64) int64 {
	if given < 0 {
		return math.MaxInt64
	}
	return cmp.Or(given, usual)
}

// An extraction is one call of Extract.
type extraction struct {
	zip  *Index
	opts *Options
	root *os.Root

	mu     sync.Mutex // for all below
	result *Result
	done   int64
	total  int64

	idle    []*worker
	folders []placed // that were made
}

func (x *extraction) run(ctx context.Context, dir string) (err error) {
	plan, err := x.opts.plan(ctx, x.zip.members)
	if err != nil {
		return err
	}
	defer x.closeWorkers()
	if err := x.readTargets(ctx, plan); err != nil {
		return err
	}
	root, made, err := openDir(dir)
	if err != nil {
		return err
	}
	x.root = root
	if err := plan.checkNames(root); err != nil {
		err = errors.Join(err, root.Close())
		if made {
			err = errors.Join(err, os.Remove(dir))
		}
		return err
	}
	defer func() {
		for _, names := range [][]string{x.result.Files, x.result.Links, x.result.Skipped} {
			slices.Sort(names)
		}
		err = errors.Join(err, root.Close())
	}()
	if err := x.skipExisting(plan); err != nil {
		return err
	}
	return x.write(ctx, plan)
}

// write writes the folders, what is in them, and the links between them.
func (x *extraction) write(ctx context.Context, plan *plan) error {
	for _, folder := range plan.tree.folders {
		if err := x.makeFolder(folder); err != nil {
			return err
		}
	}
	if err := x.writeAll(ctx, plan); err != nil {
		return err
	}
	if err := x.makeLinks(ctx, plan); err != nil {
		return err
	}
	return x.finishFolders()
}

// skipExisting leaves out what exists already, or returns an error.
func (x *extraction) skipExisting(plan *plan) (err error) {
	x.result.Skipped = plan.skipped
	if x.opts.Overwrite {
		return nil
	}
	if empty, err := x.empty(); empty || err != nil {
		return err
	}
	exists := func(m *member) bool {
		_, absent := x.root.Lstat(m.path())
		if absent != nil || err != nil {
			return false // creating the file will return the error
		}
		x.result.Skipped = append(x.result.Skipped, m.path())
		if !x.opts.SkipExisting {
			err = fmt.Errorf("%q: %w; set Overwrite or SkipExisting", m.name, fs.ErrExist)
		}
		return true
	}
	plan.files = slices.DeleteFunc(plan.files, exists)
	plan.links = slices.DeleteFunc(plan.links, exists)
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
	return err == io.EOF, nil // any other error will come up again
}

// writeAll has workers take one batch of files after the other.
func (x *extraction) writeAll(ctx context.Context, plan *plan) error {
	for _, m := range plan.files {
		x.total += m.size
	}
	todo := batches(plan.files, x.workers())
	return pool.EachReporting(ctx, len(todo), x.workers(), func(ctx context.Context, i int, wrote func(int)) error {
		w := x.worker(ctx)
		w.wrote = wrote
		defer x.release(w)
		return w.each(todo[i], w.write)
	}, x.progressed)
}

// progressed reports progress, on the goroutine of the caller.
func (x *extraction) progressed(n int) bool {
	x.done += int64(n)
	x.opts.Progress(x.done, x.total)
	return true
}

func (x *extraction) workers() int {
	return cmp.Or(x.opts.Concurrency, min(max(runtime.GOMAXPROCS(0), 4), extractMost))
}

// worker returns an idle one, which has its buffers already, or a new one.
func (x *extraction) worker(ctx context.Context) (w *worker) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if n := len(x.idle); n > 0 {
		w, x.idle = x.idle[n-1], x.idle[:n-1]
	} else {
		w = &worker{extraction: x}
	}
	w.ctx = ctx
	return w
}

func (x *extraction) release(w *worker) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.idle = append(x.idle, w)
}

func (x *extraction) closeWorkers() {
	for _, w := range x.idle {
		w.close()
	}
}

// finished lists a file that is complete.
func (x *extraction) finished(m *member) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.result.Files = append(x.result.Files, m.path())
	x.result.Bytes += m.size
}

// skipped lists a file that was created by somebody else meanwhile.
func (x *extraction) skipped(m *member) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.result.Skipped = append(x.result.Skipped, m.path())
}

const (
	batchLeast = 1 << 20
	batchMost  = 16 << 20
	batchGap   = 256 << 10 // a gap up to this is read and dropped: another request costs more
)

// batches divides files into parts of the archive, each for one request.
func batches(files []*member, workers int) [][]*member {
	slices.SortFunc(files, byStart)
	packed := int64(0)
	for _, m := range files {
		packed += m.packed
	}
	target := min(max(packed/int64(4*workers), batchLeast), batchMost)
	var all [][]*member
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
