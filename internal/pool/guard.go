package pool

import (
	"runtime"
	"sync"
)

// A Guard runs functions on other goroutines than its owner's, where a panic would end
// the program and could not be recovered by the caller. The owner panics instead, and with
// the same value.
type Guard struct {
	mu     sync.Mutex
	failed bool
	exits  bool // by runtime.Goexit, such as a test ends
	value  any
}

// Do calls f, and reports whether it returned.
func (g *Guard) Do(f func()) (returned bool) {
	defer func() {
		if returned {
			return
		}
		value := recover()
		g.mu.Lock()
		defer g.mu.Unlock()
		if !g.failed {
			g.failed, g.value, g.exits = true, value, value == nil
		}
	}()
	f()
	return true
}

// Rethrow panics if a function has, when none of them is running any more.
func (g *Guard) Rethrow() {
	g.mu.Lock()
	failed, exits, value := g.failed, g.exits, g.value
	g.failed = false // once
	g.mu.Unlock()
	switch {
	case failed && exits:
		runtime.Goexit()
	case failed:
		panic(value)
	}
}
