// Without ML-KEM, a handshake takes two thirds of the time, and some tests need thousands.
//
//go:debug tlsmlkem=0

package promises_test

import (
	"testing"

	"example.com/gitlabci/internal/testkit/light"
)

func TestMain(m *testing.M) { light.SeldomCollected(m) }
