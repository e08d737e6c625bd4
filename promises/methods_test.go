package promises_test

import (
	"errors"
	"maps"
	"math"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

// No method of a service is missing in the table of them.
func TestMethodsAreComplete(t *testing.T) {
	t.Parallel()
	var methods []string
	for service := range reflect.TypeFor[gitlabci.Client]().Fields() {
		for m := 0; service.IsExported() && m < service.Type.NumMethod(); m++ {
			methods = append(methods, service.Name+"."+service.Type.Method(m).Name)
		}
	}
	require.ElementsMatch(t, methods, slices.Collect(maps.Keys(testkit.Methods)))
}

// eachMethod runs a test of every method that sends one request.
func eachMethod(t *testing.T, test func(t *testing.T, name string, method testkit.Method)) {
	for name, method := range testkit.Methods {
		if !method.Many {
			t.Run(name, func(t *testing.T) { test(t, name, method) })
		}
	}
}

// requireWire checks the one request that came: verb, path and query as they
// were sent, body, and the headers that go with these.
func requireWire(t *testing.T, s *testkit.Script, want, body string) {
	t.Helper()
	require.Len(t, s.Received(), 1)
	r := s.Received()[0]
	require.Equal(t, want, r.Method+" "+strings.TrimPrefix(r.RequestURI, "/api/v4"))
	require.Equal(t, body != "", r.Header.Get("Content-Type") == "application/json", r.Header)
	if body == "" {
		require.Empty(t, s.Bodies[0])
		require.Zero(t, r.ContentLength)
		require.Empty(t, r.Header.Values("Content-Type"))
		return
	}
	require.JSONEq(t, body, s.Bodies[0])
}

func TestWireMethods(t *testing.T) {
	t.Parallel()
	eachMethod(t, func(t *testing.T, name string, method testkit.Method) {
		s := testkit.NewScript(testkit.MethodStep(method))
		require.NoError(t, testkit.Call(name)(t.Context(), s.Client(t)))
		want := method.Verb() + " " + method.Path(testkit.App)
		if method.Query != "" {
			want += "?" + method.Query
		}
		requireWire(t, s, want, method.Body)
		accept, encoding := "application/json", "gzip"
		if method.IsFile() {
			accept, encoding = "*/*", "identity"
		}
		if name == "Jobs.Log" {
			encoding = "gzip"
		}
		header := s.Received()[0].Header
		require.Equal(t, testkit.Token, header.Get("Private-Token"))
		require.Equal(t, accept, header.Get("Accept"))
		require.Equal(t, []string{encoding}, header.Values("Accept-Encoding"))
	})
}

func TestWireRefusesBadNames(t *testing.T) {
	t.Parallel()
	projects := []gitlabci.ProjectID{"", "app", "0", "-1", "00", "99999999999999999999", "group//app", "/app", "group/", "../app", "group/..", "./app", "group/../../user",
		gitlabci.ProjectNumber(0), gitlabci.ProjectNumber(-7)}
	for name, method := range testkit.Methods {
		t.Run(name, func(t *testing.T) {
			s := testkit.NewScript(testkit.MethodStep(method))
			client := s.Client(t)
			refuses := func(project gitlabci.ProjectID, id int64) {
				_, err := method.Call(t.Context(), client, testkit.Target{Project: project, ID: id, Name: "unit"})
				require.ErrorIs(t, err, gitlabci.ErrInvalid, "%q, %d", project, id)
			}
			for _, project := range projects {
				if strings.Contains(method.Route, "/projects/") {
					refuses(project, 7)
				}
			}
			for _, id := range []int64{0, -1, math.MinInt64} {
				if strings.Contains(method.Route, "_id") || strings.Contains(method.Route, "_iid") {
					refuses("group/app", id)
				}
			}
			require.Empty(t, s.Received())
		})
	}
}

// Reads are retried, and their errors say nothing of an outcome.
func TestReadsAreRetried(t *testing.T) {
	t.Parallel()
	eachMethod(t, func(t *testing.T, name string, method testkit.Method) {
		if method.Verb() != http.MethodGet || name == "Jobs.FollowLog" { // which does not give up so soon
			return
		}
		synctest.Test(t, func(t *testing.T) {
			s := testkit.NewScript(testkit.Respond(503, ``))
			err := testkit.Call(name)(t.Context(), s.Client(t))
			e, responded := errors.AsType[*gitlabci.APIError](err)
			require.True(t, responded)
			require.Equal(t, 503, e.StatusCode)
			require.NotErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
			require.Len(t, s.Received(), 5)

			s = testkit.NewScript(testkit.Reset, testkit.Respond(500, ``), testkit.Silent, testkit.Respond(429, ``), testkit.MethodStep(method))
			require.NoError(t, testkit.Call(name)(t.Context(), s.Client(t)))
			require.Len(t, s.Received(), 5)
		})
	})
}

// The error of every method matches the reason of a refusal.
func TestSentinelsOfMethods(t *testing.T) {
	t.Parallel()
	eachMethod(t, func(t *testing.T, name string, _ testkit.Method) {
		for status, sentinel := range map[int]error{401: gitlabci.ErrUnauthorized, 403: gitlabci.ErrForbidden, 404: gitlabci.ErrNotFound} {
			synctest.Test(t, func(t *testing.T) { // one method polls again after a 404
				s := testkit.NewScript(testkit.Respond(status, `{"message":"no"}`))
				require.ErrorIs(t, testkit.Call(name)(t.Context(), s.Client(t)), sentinel)
			})
		}
	})
}
