// Package work has the work that is measured: each piece as gitlabci, client-go and as
// little code as possible do it. It does a task, and returns the time and the memory that
// the task took.
package work

import (
	"context"
	"fmt"
	"runtime"
	"time"
)

// The clients that are measured.
const (
	Ours   = "gitlabci"
	Theirs = "client-go"
	Bare   = "net/http" // as little as can be done with the responses
)

// A Task is one measurement of one client, done by a process of its own.
type Task struct {
	Work     string        // a key of works
	Client   string        // Ours, Theirs, Bare; for an extraction also Loop or Unzip
	Base     string        // the server's URL
	Size     int           // items, test cases, bytes or files that must arrive
	Prefetch int           // pages
	Busy     time.Duration // what the reader does after each page
	Watch    bool          // whether the heap is watched
	Bench    string        // how long testing.Benchmark measures
	For      time.Duration // how long pipelines are watched
	Gzip     bool          // whether what is decoded is gzipped
	Program  string        // another build of this program that does it, if not ""
	File     string        // an archive on the disk
	Dir      string        // where files are served from, or written to

	Connections int    // that a file is saved or an archive extracted over; 0 is the default
	Certificate []byte // of the server, as DER
}

// A Result is what a task found. What was not measured is zero.
type Result struct {
	Seconds    float64 // in all, or for one operation
	Allocs     int64   // of one operation, or in all
	AllocBytes int64   // of one operation, or in all
	Heap       uint64  // at its highest, garbage included
	Early      uint64  // what of it is in use after a fifth of the items
	Late       uint64  // and at the last one
	Resident   int64   // at its highest, in bytes

	Requests, Whole int64  // of what is watched: requests, and whole responses to them
	Polls           int64  // of all loops
	Goroutines      int64  // that watching takes
	Held, Stacks    uint64 // what it takes of the heap, and of stacks
}

// works are what can be done, by name.
var works = map[string]func(context.Context, Task) (Result, error){
	"pipelines":        scan,
	"jobs":             scan,
	"cases":            scan,
	"report":           scan,
	"decode pipelines": operate,
	"decode jobs":      operate,
	"decode report":    operate,
	"decode cases":     operate,

	"decode varied pipelines":     operate,
	"decode jobs of one pipeline": operate,
	"decode jobs of a project":    operate,
	"decode distinct jobs":        operate,

	"call":     operate,
	"download": download,
	"member":   readMember,
	"extract":  extract,
	"watch":    watch,

	"watch with events": watch,
	"watch projects":    watch,
}

// Do does a task. The memory in its result is that of the whole process, which
// therefore does this one task and nothing else.
func Do(ctx context.Context, t Task) (Result, error) {
	do, known := works[t.Work]
	if !known {
		return Result{}, fmt.Errorf("there is no work %q", t.Work)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	found, err := do(ctx, t)
	if err != nil {
		return Result{}, err
	}
	found.Resident = residentPeak()
	if runtime.ReadMemStats(&after); t.Bench == "" {
		found.Allocs, found.AllocBytes = int64(after.Mallocs-before.Mallocs), int64(after.TotalAlloc-before.TotalAlloc)
	}
	return found, nil
}
