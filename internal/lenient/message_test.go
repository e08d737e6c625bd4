package lenient_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/internal/lenient"
)

func TestMessage(t *testing.T) {
	for body, want := range map[string]string{
		`{"message":"404 Not found"}`:                                                     "404 Not found",
		`{"message":"a","error":"b"}`:                                                     "a",
		`{"message":"a","message":"b"}`:                                                   "b",
		`{"message":404}`:                                                                 "404",
		`{"message":["a","b"]}`:                                                           "a, b",
		`{"message":{"name":["is short","is bad"]}}`:                                      "name: is short, is bad",
		`{"message":{"base":["no way"],"ref":[null,"none"]}}`:                             "no way; ref: , none",
		`{"message":{"error":"no"}}`:                                                      "no",
		`{"error":"invalid_token","error_description":"It expired."}`:                     "invalid_token: It expired.",
		`{"error":"insufficient_scope","error_description":"No.","scope":"api read_api"}`: "insufficient_scope: No. (scope: api read_api)",
		`{"error":"ref is missing","scope":null}`:                                         "ref is missing",
		"{\"message\":\"\xff\"}":                                                          "\uFFFD",
	} {
		message, ok := lenient.MessageOf([]byte(body))
		require.True(t, ok, body)
		require.False(t, message.NoRoute, body)
		require.Equal(t, want, message.Text, body)
	}
	for _, body := range []string{``, `{}`, `null`, `[]`, `"404"`, `{"error":null}`, `{"error":""}`, `{"other":"a"}`, `{"message":"a"`, `oops`} {
		message, ok := lenient.MessageOf([]byte(body))
		require.False(t, ok, body)
		require.Empty(t, message, body)
	}
	// An empty message is GitLab's, too.
	message, ok := lenient.MessageOf([]byte(`{"message":null}`))
	require.True(t, ok)
	require.Empty(t, message)
}

// GitLab says of an endpoint that it does not know "error", and of a thing "message".
func TestMessageOfNoRoute(t *testing.T) {
	message, ok := lenient.MessageOf([]byte(`{"error":"404 Not Found"}`))
	require.True(t, ok && message.NoRoute)
	message, ok = lenient.MessageOf([]byte(`{"message":"404 Not Found"}`))
	require.True(t, ok && !message.NoRoute)
}

func TestMessageFields(t *testing.T) {
	for body, want := range map[string]map[string][]string{
		`{"message":{"base":["a","b"],"ref":"is missing"}}`:   {"base": {"a", "b"}, "ref": {"is missing"}},
		`{"message":{"ref":["a"],"ref":["b"],"n":[1,null]}}`:  {"ref": {"a", "b"}, "n": {"1", ""}},
		`{"message":{"ref":["a"]},"message":{"base":["b"]}}`:  {"base": {"b"}},
		`{"message":{"name":{"is":["short","bad"]}}}`:         {"name": {"is: short, bad"}},
		`{"message":{"ref":["a"]},"error":"not the message"}`: {"ref": {"a"}},
		`{"message":"a"}`:               nil,
		`{"message":["a"]}`:             nil,
		`{"message":{}}`:                nil,
		`{"message":{"ref":[]}}`:        nil,
		`{"error":{"ref":["a"]}}`:       nil,
		`{"message":{"ref":["a"]}`:      nil,
		`{"message":{"ref":["a"]}}oops`: nil,
	} {
		message, _ := lenient.MessageOf([]byte(body))
		require.Equal(t, want, message.Fields, body)
	}
}

func TestHasID(t *testing.T) {
	for body, want := range map[string]bool{
		`{"id":7}`: true, `{"id":"7"}`: true, `{"id":7,"id":8}`: true,
		`{}`: false, `{"id":0}`: false, `{"id":-7}`: false, `{"id":null}`: false, `{"id":[7]}`: false, `[{"id":7}]`: false, `{"id":7`: false, ``: false,
	} {
		require.Equal(t, want, lenient.HasID([]byte(body)), body)
	}
}

// A message is found in any JSON, and never takes much more room than that.
func FuzzMessage(f *testing.F) {
	f.Add(`{"message":{"base":["a",{"error":"b"}],"n":[1,null,true]}}`)
	f.Add(`{"error":"a","error_description":"b","scope":"c"}`)
	f.Add(`{"message":` + strings.Repeat(`[`, 9000) + strings.Repeat(`]`, 9000) + `}`)
	f.Add(`{"message":` + strings.Repeat(`{"a":`, 20_000) + `1` + strings.Repeat(`}`, 20_000) + `}`)
	f.Add("{\"message\":\"\\ud800\xff\"}")
	f.Fuzz(func(t *testing.T, body string) {
		message, ok := lenient.MessageOf([]byte(body))
		require.True(t, ok || message.Text == "" && !message.NoRoute)
		require.LessOrEqual(t, len(message.Text), 3*len(body))
	})
}
