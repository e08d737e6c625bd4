package memory_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/internal/testkit"
)

// A small call takes no more allocations than one of client-go, which are 48 with a
// transport like this one.
func TestCallAllocations(t *testing.T) {
	if testkit.UnderRace() {
		t.Skip("the race detector empties pools")
	}
	const body = `{"id":42,"iid":3,"project_id":7,"status":"success","ref":"main","sha":"a91957a858320c0e17f3a0eca7cfacbff50ea29a"}`
	client := testkit.CannedJSON(body).Client(t)
	allocations := testing.AllocsPerRun(1000, func() {
		pipeline, err := client.Pipelines.Get(t.Context(), "group/app", 42)
		require.NoError(t, err)
		require.EqualValues(t, 42, pipeline.ID)
	})
	require.LessOrEqual(t, allocations, 46.0)
}
