package lenient_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/internal/lenient"
	"example.com/gitlabci/internal/testkit"
)

// Each day of years with and without a leap day is the one that package time reads, and
// what is no day is no time.
func TestDates(t *testing.T) {
	for _, year := range []int{0, 1, 4, 100, 400, 1600, 1899, 1900, 1969, 1970, 1999, 2000, 2024, 2026, 2100, 9999} {
		body := []byte("[")
		var want []time.Time
		for month := range 14 {
			for day := range 33 {
				text := fmt.Sprintf("%04d-%02d-%02dT12:30:00Z", year, month, day)
				at, _ := time.Parse(time.RFC3339, text)
				want = append(want, at)
				body = fmt.Appendf(body, `{"at":%q},`, text)
			}
		}
		body[len(body)-1] = ']'
		list, _, err := lenient.List[*thing](t.Context(), body)
		require.NoError(t, err)
		for i, got := range list {
			require.True(t, want[i].Equal(got.At), "%v, not %v", got.At, want[i])
		}
	}
}

// Each byte, and each two that follow each other, mean in a text what they mean to
// encoding/json, wherever in eight bytes they are.
func TestBytesOfTexts(t *testing.T) {
	testkit.NotUnderRace(t)
	text := []byte(`"0123456789abcdefghij"`)
	check := func(at int, bytes ...byte) {
		changed := append([]byte{}, text...)
		copy(changed[at:], bytes)
		var want string
		wantErr := json.Unmarshal(changed, &want)
		got, err := lenient.ID(changed)
		if wantErr != nil && err == nil { // an ID may be followed by anything
			return
		}
		if (wantErr == nil) != (err == nil) || got != want {
			require.Equal(t, want, got, "%q: %v, %v", changed, err, wantErr)
		}
	}
	for b := range 256 {
		for at := 1; at < 20; at++ {
			check(at, byte(b))
		}
		for next := range 256 {
			check(4, byte(b), byte(next))
			check(8, byte(b), byte(next))
		}
	}
}
