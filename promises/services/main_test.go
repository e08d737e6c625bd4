package services_test

import (
	"os"
	"runtime/debug"
	"testing"
)

// TestMain lets garbage pile up: a fifth of the time of many small servers would go
// into its collection.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	os.Exit(m.Run())
}
