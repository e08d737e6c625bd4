package versions_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/gitlabcitest/internal/versions"
)

func TestParse(t *testing.T) {
	for _, text := range []string{"11.0", "15.11", "99.99", "0.0"} {
		v, ok := versions.Parse(text)
		require.True(t, ok, text)
		require.Equal(t, text, v.String())
	}
	for _, text := range []string{"", "15", "15.4.1", "v15.4", "15.04", "015.4", "15.-1", "100.0", " 15.4"} {
		_, ok := versions.Parse(text)
		require.False(t, ok, text)
	}
}

func TestKnown(t *testing.T) {
	for _, test := range []struct {
		known         versions.Known
		before, after versions.Version // the last that does not know it, and the first that does
	}{
		{versions.Since(15, 11), versions.Of(15, 10), versions.Of(16, 0)},
		{versions.Since(9, 2), versions.Of(9, 1), versions.Of(10, 0)},
		{versions.Until(16, 0), versions.Of(16, 0), versions.Of(15, 11)},
	} {
		require.False(t, test.known.In(test.before), test.known)
		require.True(t, test.known.In(test.after), test.known)
	}
	require.True(t, versions.Known{}.In(versions.Oldest))
	require.True(t, versions.Known{}.In(versions.Newest))
}

func TestStatuses(t *testing.T) {
	require.Len(t, versions.Newest.Statuses(), 13)
	require.NotContains(t, versions.Of(16, 11).Statuses(), "canceling")
	require.Contains(t, versions.Of(17, 0).Statuses(), "canceling")
	require.Equal(t, []string{"created", "pending", "running", "success", "failed", "canceled", "skipped", "manual"}, versions.Oldest.Statuses())
}
