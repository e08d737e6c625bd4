package webhook

import (
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"sync/atomic"
)

const (
	// Go lets garbage grow until the heap has doubled. A small process with a large body
	// would take twice as much memory, and keep it for a while.
	maxResident = 40 << 20

	// A collection that frees less is not worth its cost. Nor is one in a process with more
	// live memory: large bodies then matter little, and collections take long.
	minGarbage = 4 << 20
	maxLive    = 64 << 20
)

// A garbage limits how much garbage there is beside large bodies, and after them.
type garbage struct {
	grows atomic.Bool // whether a large body may have left garbage

	collecting sync.Mutex
	left       int64 // what was resident after the last collection
}

// makeRoom collects garbage before bytes are allocated for a large body.
func (g *garbage) makeRoom(bytes int) {
	g.collecting.Lock()
	defer g.collecting.Unlock()
	g.grows.Store(true)
	g.limit(int64(bytes))
}

// collect collects garbage before a body is read, if there was a large one since the last
// collection.
func (g *garbage) collect(hasLarge func() bool) {
	if !g.grows.Load() {
		return
	}
	g.collecting.Lock()
	defer g.collecting.Unlock()
	large := hasLarge() // before the collection: a body that ends during it leaves garbage
	if g.limit(0) {
		g.grows.Store(large)
	}
}

// limit collects garbage if there is too much of it for more bytes to be allocated.
func (g *garbage) limit(more int64) (collected bool) {
	most := max(maxResident, g.left+minGarbage)
	resident, live := memoryNow()
	if resident+more <= most || live > maxLive {
		return false
	}
	debug.FreeOSMemory()
	g.left, _ = memoryNow()
	return true
}

// memoryNow is how much memory the process takes, and how much of it was live when garbage
// was collected last.
func memoryNow() (resident, live int64) {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}, {Name: "/gc/heap/live:bytes"}}
	metrics.Read(samples)
	return int64(samples[0].Value.Uint64() - samples[1].Value.Uint64()), int64(samples[2].Value.Uint64())
}
