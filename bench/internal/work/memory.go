package work

import (
	"os"
	"runtime"
	"runtime/metrics"
	"strconv"
	"strings"
	"time"
)

// heapSize is what the objects of the heap take, live or not.
func heapSize() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// inUse is what the live objects of the heap take.
func inUse() uint64 {
	runtime.GC()
	return heapSize()
}

// watchHeap samples the heap every millisecond, until peak is called, which returns
// the largest sample.
func watchHeap() (peak func() uint64) {
	done, largest := make(chan struct{}), make(chan uint64)
	go func() {
		tick, most := time.NewTicker(time.Millisecond), uint64(0)
		defer tick.Stop()
		for {
			most = max(most, heapSize())
			select {
			case <-tick.C:
			case <-done:
				largest <- most
				return
			}
		}
	}()
	return func() uint64 {
		close(done)
		return <-largest
	}
}

// residentPeak is the peak of this process's memory, or 0 on systems other than Linux.
// Getrusage would count the process that started this one.
func residentPeak() int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, peak, _ := strings.Cut(string(status), "VmHWM:")
	peak, _, _ = strings.Cut(peak, " kB")
	kilobytes, err := strconv.ParseInt(strings.TrimSpace(peak), 10, 64)
	if err != nil {
		return 0
	}
	return kilobytes << 10
}
