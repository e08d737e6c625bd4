package lenient_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/internal/lenient"
	"example.com/gitlabci/internal/testkit"
)

// A large response is not decoded on after the context has ended, whatever it consists of.
func TestDecodingStopsWithTheContext(t *testing.T) {
	testkit.NotUnderRace(t)
	ended, end := context.WithCancel(t.Context())
	end()
	for name, body := range map[string]string{
		"names":            `{"n":1` + strings.Repeat(`,"another name":1`, 2_000_000) + `}`,
		"an unknown value": `{"n":1,"x":[1` + strings.Repeat(`,1`, 2_000_000) + `]}`,
		"the same name":    `{"n":1` + strings.Repeat(`,"n":1`, 2_000_000) + `}`,
	} {
		_, _, err := lenient.Object[*inner](ended, []byte(body))
		require.ErrorIs(t, err, lenient.ErrStopped, name)
	}
	_, _, err := lenient.List[*inner](ended, []byte(`[{}`+strings.Repeat(`,{"n":1}`, 9_000)+`]`))
	require.ErrorIs(t, err, lenient.ErrStopped)

	got, _, err := lenient.Object[*inner](ended, []byte(`{"n":1}`))
	require.NoError(t, err, "a small one is worth nothing less")
	require.NotNil(t, got)
}
