// Package light is the part of package testkit that tests of small packages need as well. It
// imports little of the standard library, and nothing else: to link an HTTP client or testify
// would take longer than those tests do.
package light

import (
	"math/rand/v2"
	"os"
	"runtime/debug"
	"slices"
	"testing"
)

// UnderRace reports whether the race detector slows this program down.
func UnderRace() bool {
	info, _ := debug.ReadBuildInfo()
	return slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// NotUnderRace skips a long test of one goroutine, such as one that measures memory: the
// race detector would find nothing in it, and take ten times as long.
func NotUnderRace(t *testing.T) {
	t.Helper()
	if UnderRace() {
		t.Skip("nothing here is concurrent")
	}
}

// Sampled reports whether this run tries the n-th of many similar cases: one of every few,
// others in each run, and all of them if GITLABCI_TEST_ALL is set. The race detector, which
// finds nothing new in most of them, gets an eighth of that.
func Sampled(n, every int) bool {
	if UnderRace() {
		every *= 8
	}
	return os.Getenv("GITLABCI_TEST_ALL") != "" || n%every == sample%every
}

var sample = rand.IntN(1 << 20)

// OneOf is one of several alternatives, any in each run, or all of them if
// GITLABCI_TEST_ALL is set.
func OneOf[T any](all []T) []T {
	if os.Getenv("GITLABCI_TEST_ALL") != "" {
		return all
	}
	at := rand.IntN(len(all))
	return all[at : at+1 : at+1]
}

// SeldomCollected is the TestMain of packages whose tests allocate much and hold little: the
// garbage of a few MiB would be collected again and again. A test that measures what is held
// collects the garbage itself, or sets how often.
func SeldomCollected(m *testing.M) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	os.Exit(m.Run())
}
