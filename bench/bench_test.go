package main

import (
	"io"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/bench/internal/served"
	"example.com/gitlabci/bench/internal/work"
)

// The children of a test are copies of the test's program.
func TestMain(m *testing.M) {
	runChild()
	os.Exit(m.Run())
}

func TestArguments(t *testing.T) {
	var out, progress strings.Builder
	require.ErrorContains(t, run(t.Context(), []string{"-only", "lists,naps"}, &out, &progress), `-only: there is no group "naps"; the groups are lists, `)
	require.ErrorContains(t, run(t.Context(), []string{"lists"}, &out, &progress), `unexpected argument "lists"; name groups with -only`)
	require.ErrorContains(t, run(t.Context(), []string{"-renew"}, &out, &progress), "-renew needs -short")
	require.NoError(t, run(t.Context(), []string{"-h"}, &out, &progress))
	require.Contains(t, progress.String(), "of lists,decode,memory,download,network,archives,watch,size")
	require.Empty(t, out.String())
}

// A failure in a child, and bytes that the server did not send, end the run.
func TestChildFails(t *testing.T) {
	srv, err := startServer(t.Context(), t.TempDir())
	require.NoError(t, err)
	b := &bench{server: srv, progress: io.Discard}
	good := work.Task{Work: "pipelines", Client: work.Bare, Base: served.Base(srv.Plain, 0, 200), Size: 200}
	bytes := int64(4 * len(served.PipelinesPage(0, served.PerPage)))

	found, err := b.measure(t.Context(), plan{runs: 3, bytes: bytes}, good, good)
	require.NoError(t, err)
	require.Len(t, found, 2)
	require.Len(t, found[1], 3)
	_, err = b.measure(t.Context(), plan{runs: 1, bytes: bytes + 1}, good)
	require.ErrorContains(t, err, "the server sent ")
	for _, together := range []bool{false, true} {
		short := good
		short.Size = 300
		_, err = b.measure(t.Context(), plan{runs: 1, together: together}, good, short)
		require.ErrorContains(t, err, "200 items came, instead of 300")
	}
	lost := good
	lost.Base = srv.Plain + "/elsewhere"
	_, err = b.measure(t.Context(), plan{runs: 1}, lost)
	require.ErrorContains(t, err, "404")
	require.NoError(t, srv.stop())
	_, err = b.measure(t.Context(), plan{runs: 1}, good)
	require.Error(t, err)
}
