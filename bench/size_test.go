package main

import (
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// mostHelloBytes is what the hello program has, and a little more: what a program does not
// use must not be linked, such as joblog.
const mostHelloBytes = 7_560_000

func TestHelloSize(t *testing.T) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" || !strings.HasPrefix(runtime.Version(), "go1.26") || testing.Short() {
		t.Skip("the bound is that of linux/amd64 and Go 1.26, and a build takes seconds")
	}
	for name, value := range map[string]string{"GOFLAGS": "-buildvcs=false", "GOEXPERIMENT": "", "GOAMD64": "v1"} {
		t.Setenv(name, value) // all of them change the size
	}
	p := &program{folder: "gitlabci"}
	require.NoError(t, p.measure(t.Context(), false))
	require.LessOrEqual(t, p.bytes, int64(mostHelloBytes))
	require.LessOrEqual(t, p.modules, helloModules)
}
