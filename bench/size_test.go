package main

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// mostHelloBytes is what the hello program has, and a little more. What a program does not
// use is not to be linked: a table of joblog that is made when the program begins would
// take four times the margin.
const mostHelloBytes = 7_560_000

func TestHelloSize(t *testing.T) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" || testing.Short() {
		t.Skip("the bound is that of linux/amd64, and a build takes seconds")
	}
	p := &program{folder: "gitlabci"}
	require.NoError(t, p.measure(t.Context(), false))
	require.LessOrEqual(t, p.bytes, int64(mostHelloBytes))
	require.LessOrEqual(t, p.modules, helloModules)
}
