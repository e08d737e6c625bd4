// Without ML-KEM, a handshake takes two thirds of the time, and some tests need thousands.
//
//go:debug tlsmlkem=0

package promises_test

import (
	"os"
	"runtime/debug"
	"testing"
)

// TestMain lets garbage pile up: a fifth of the time of thousands of small servers
// would go into its collection.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	os.Exit(m.Run())
}
