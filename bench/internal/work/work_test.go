package work

import (
	"io"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/bench/internal/served"
)

// A client that reads less than all fails.
func TestShortResponses(t *testing.T) {
	srv := httptest.NewServer(served.NewHandler("", ""))
	defer srv.Close()
	for _, client := range []string{Ours, Theirs, Bare} {
		for _, work := range []string{"pipelines", "jobs", "report", "download"} {
			if client == Bare && work == "report" {
				continue // it cannot count cases
			}
			one := Task{Work: work, Client: client, Base: srv.URL + "/0s/200", Size: 200}
			_, err := Do(t.Context(), one)
			require.NoError(t, err, "%s %s", client, work)
			one.Size = 300
			_, err = Do(t.Context(), one)
			require.ErrorContains(t, err, "200", "%s %s", client, work)
			require.ErrorContains(t, err, "instead of 300", "%s %s", client, work)
		}
	}
	require.ErrorContains(t, expect(nil, func() int { return 1 }, 2), "1 came, instead of 2")
	require.ErrorIs(t, expect[int](io.EOF, nil, 2), io.EOF)
}

// What is kept counts, and garbage does not. Other tests leave some that goes
// meanwhile.
func TestHeapInUse(t *testing.T) {
	before := inUse()
	kept := make([]byte, 8<<20)
	require.InDelta(t, float64(before+8<<20), float64(inUse()), 3<<20)
	peak := watchHeap()
	clear(kept)
	require.GreaterOrEqual(t, peak(), uint64(8<<20))
	require.InDelta(t, float64(before), float64(inUse()), 3<<20)
}

// A piece of work that nobody knows is an error.
func TestUnknownWork(t *testing.T) {
	_, err := Do(t.Context(), Task{Work: "naps"})
	require.EqualError(t, err, `there is no work "naps"`)
}
