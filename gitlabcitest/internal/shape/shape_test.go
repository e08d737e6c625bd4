package shape_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/gitlabcitest/internal/shape"
	"example.com/gitlabci/gitlabcitest/internal/versions"
)

type inner struct {
	New string  `json:"new" since:"16.0"`
	Old string  `json:"old,omitempty" until:"16.0"`
	Nil *string `json:"nil"`
}

type outer struct {
	inner
	List  []inner `json:"list"`
	Empty string  `json:"empty,omitempty"`
	Any   any     `json:"any"`
}

func TestShown(t *testing.T) {
	body := []outer{{inner: inner{New: "n"}, List: []inner{{New: "m"}}, Any: &inner{New: "a"}}}
	for release, want := range map[versions.Version]string{
		versions.Of(15, 11): `[{"old":"","nil":null,"list":[{"old":"","nil":null}],"any":{"old":"","nil":null}}]`,
		versions.Of(16, 0):  `[{"new":"n","nil":null,"list":[{"new":"m","nil":null}],"any":{"new":"a","nil":null}}]`,
		versions.Newest:     `[{"new":"n","nil":null,"list":[{"new":"m","nil":null}],"any":{"new":"a","nil":null}}]`,
	} {
		require.Equal(t, want, string(shape.Encode(shape.Shown(release, body))), release)
	}
	require.Equal(t, []byte("log"), shape.Shown(versions.Oldest, []byte("log")), "bytes are no list")
	require.Nil(t, shape.Shown(versions.Oldest, nil))
}

func TestValues(t *testing.T) {
	require.Nil(t, shape.Timestamp(time.Time{}))
	require.Equal(t, "2024-03-01T10:00:00.123Z", *shape.Timestamp(time.Date(2024, 3, 1, 12, 0, 0, 123_999_999, time.FixedZone("", 7200))))
	require.Nil(t, shape.Seconds(time.Second, false))
	require.Equal(t, 0.0, *shape.Seconds(-time.Second, true))
	require.Equal(t, 0.3, shape.Rounded(0.1+0.2))
	require.Nil(t, shape.OrNull(""))
	require.Equal(t, "x", *shape.OrNull("x"))
	require.Equal(t, "[]", string(shape.Encode(shape.Each([]int(nil), func(n int) int { return n }))), "never null")
	require.Equal(t, `"\u003c"`, string(shape.Encode("<")))
	require.PanicsWithValue(t, "gitlabcitest: rendering func(): json: unsupported type: func()", func() { shape.Encode(func() {}) })
}
