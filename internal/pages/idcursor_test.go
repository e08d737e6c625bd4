package pages

import (
	"encoding/base64"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestIDCursor(t *testing.T) {
	url, raw := base64.URLEncoding.EncodeToString, base64.RawStdEncoding.EncodeToString
	tests := map[string]struct {
		cursor string
		want   string // after 7, or "" if none can be made
	}{
		"GitLab's":             {url([]byte(`{"id":"123","_kd":"n"}`)), url([]byte(`{"id":"7","_kd":"n"}`))},
		"without padding":      {raw([]byte(`{"id":"123","_kd":"n"}`)), raw([]byte(`{"id":"7","_kd":"n"}`))},
		"a number":             {url([]byte(`{"id":123,"_kd":"n"}`)), url([]byte(`{"id":7,"_kd":"n"}`))},
		"in another order":     {url([]byte(`{"_kd":"n", "id":"123"}`)), url([]byte(`{"_kd":"n", "id":"7"}`))},
		"another ID":           {url([]byte(`{"id":"124","_kd":"n"}`)), ""},
		"part of an ID":        {url([]byte(`{"id":"1234","_kd":"n"}`)), ""},
		"backward":             {url([]byte(`{"id":"123","_kd":"p"}`)), ""},
		"no direction":         {url([]byte(`{"id":"123"}`)), ""},
		"a time too":           {url([]byte(`{"created_at":"2026-02-03","id":"123","_kd":"n"}`)), ""},
		"another time instead": {url([]byte(`{"created_at":"123","_kd":"n"}`)), ""},
		"the ID twice":         {url([]byte(`{"id":"123","id":"123","_kd":"n"}`)), ""},
		"signed":               {url([]byte(`{"id":"123","_kd":"n"}--2f9e6b`)), ""},
		"only the number":      {url([]byte(`123`)), ""},
		"plain text":           {"123", ""},
		"not base64":           {`{"id":"123","_kd":"n"}`, ""},
		"bits in the padding":  {"eyJpZCI6IjEyMyIsIl9rZCI6Im4ifR==", ""},
		"nothing":              {"", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c, ok := idCursorOf(test.cursor, 123)
			require.Equal(t, test.want != "", ok)
			if ok {
				require.Equal(t, test.want, c.after(7))
				require.Equal(t, test.cursor, c.after(123))
			}
		})
	}
}

// A cursor that is made has the ID asked for and is understood in turn, whatever the
// server's cursor was.
func FuzzIDCursor(f *testing.F) {
	f.Add(`{"id":"123","_kd":"n"}`, int64(123), int64(7))
	f.Add(`{"_kd":"n","id":1}`, int64(1), int64(1<<62))
	f.Add(`{"id":"n","_kd":"1"}`, int64(1), int64(2))
	f.Add(`{"id":"123","_kd":"n"}`, int64(123), int64(97))
	f.Fuzz(func(t *testing.T, text string, id, other int64) {
		if id < 1 || other < 1 {
			return
		}
		for _, cursor := range []string{text, base64.URLEncoding.EncodeToString([]byte(text)), base64.RawURLEncoding.EncodeToString([]byte(text))} {
			c, ok := idCursorOf(cursor, id)
			if !ok {
				continue
			}
			require.Equal(t, cursor, c.after(id))
			again, ok := idCursorOf(c.after(other), other)
			require.True(t, ok)
			again.encoding = c.encoding // if one has no padding, nothing shows whether others have
			require.Equal(t, cursor, again.after(id))
		}
	})
}
