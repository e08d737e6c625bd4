package main

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// What is above its bound by more than the margin is named, and nothing else.
func TestBounds(t *testing.T) {
	margins := map[string]amount{"a": {Allocs: 2, Bytes: 100}, "b": {Held: 10}}
	bounds := map[string]amount{"a": {Allocs: 100, Bytes: 1000}, "b": {Held: 100}}

	table, err := compareBounds(map[string]amount{"a": {Allocs: 112, Bytes: 1200}, "b": {Held: 120}}, bounds, margins)
	require.NoError(t, err)
	require.Contains(t, table.String(), "| a | 112 | 100 | 1,200 | 1,000 | 0 | 0 |\n| b | 0 | 0 | 0 | 0 | 120 | 100 |\n")
	_, err = compareBounds(map[string]amount{"a": {Allocs: 113, Bytes: 1201}, "b": {Held: 120}}, bounds, margins)
	require.EqualError(t, err, "a: 113 allocations, and with its margin the bound is 112\na: 1,201 bytes, and with its margin the bound is 1,200")
	_, err = compareBounds(map[string]amount{"a": {}, "b": {Held: 121}}, bounds, margins)
	require.EqualError(t, err, "b: 121 bytes held, and with its margin the bound is 120")
	for _, other := range []map[string]amount{{"a": {}}, {"a": {}, "b": {}, "c": {}}} {
		_, err = compareBounds(other, bounds, margins)
		require.ErrorContains(t, err, "renew it")
	}
}

// The file has a bound for each piece of work, and no other.
func TestBoundsFile(t *testing.T) {
	b := &bench{dir: t.TempDir(), server: &server{}}
	tasks, err := b.smallTasks()
	require.NoError(t, err)
	var bounds map[string]amount
	require.NoError(t, json.Unmarshal(boundsText, &bounds))
	for name := range tasks {
		require.NotZero(t, bounds[name], name)
	}
	require.Len(t, bounds, len(tasks))
}
