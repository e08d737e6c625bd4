package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/bench/internal/report"
	"example.com/gitlabci/bench/internal/work"
)

func TestMost(t *testing.T) {
	runs := results{{Heap: 3, Early: 1, Late: 2, Resident: 9}, {Heap: 5, Early: 2, Late: 1, Resident: 8}}
	require.Equal(t, work.Result{Heap: 5, Early: 2, Late: 2, Resident: 9}, runs.most())
}

// Times that took turns are compared turn by turn.
func TestOver(t *testing.T) {
	ours, theirs := results{{Seconds: 1}, {Seconds: 9}}, results{{Seconds: 2}, {Seconds: 6}}
	require.Equal(t, report.Ratios{0.5, 1.5}, ours.over(theirs))
	require.Equal(t, report.Times{2, 18}, ours.timesFor(200, 100))
}
