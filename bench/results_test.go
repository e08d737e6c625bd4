package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/bench/internal/work"
)

func TestMost(t *testing.T) {
	runs := results{{Heap: 3, Early: 1, Late: 2, Resident: 9}, {Heap: 5, Early: 2, Late: 1, Resident: 8}}
	require.Equal(t, work.Result{Heap: 5, Early: 2, Late: 2, Resident: 9}, runs.most())
}
