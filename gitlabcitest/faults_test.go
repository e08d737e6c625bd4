package gitlabcitest_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

func TestFaultResponses(t *testing.T) {
	const page = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1><hr>nginx</body></html>\n"
	tests := map[string]struct {
		fault      gitlabcitest.Fault
		kind, body string
	}{
		"a proxy's page":      {gitlabcitest.Fault{Status: 502}, "text/html", page},
		"a limit":             {gitlabcitest.Fault{Status: 429}, "text/plain", "Retry later"},
		"GitLab's own":        {gitlabcitest.Fault{Status: 500}, "application/json", `{"message":"500 Internal Server Error"}`},
		"a refusal":           {gitlabcitest.Fault{Status: 403}, "application/json", `{"message":"403 Forbidden"}`},
		"without words":       {gitlabcitest.Fault{Status: 499}, "application/json", `{"message":"499"}`},
		"nothing":             {gitlabcitest.Fault{Status: 204}, "", ""},
		"JSON of one's own":   {gitlabcitest.Fault{Status: 429, Body: `{"message":"wait"}`}, "application/json", `{"message":"wait"}`},
		"a list":              {gitlabcitest.Fault{Status: 200, Body: ` [null]`}, "application/json", ` [null]`},
		"a page of one's own": {gitlabcitest.Fault{Status: 200, Body: "<p>sign in"}, "text/html", "<p>sign in"},
		"text":                {gitlabcitest.Fault{Status: 502, Body: "down"}, "text/plain", "down"},
		"a type of one's own": {
			gitlabcitest.Fault{Status: 503, Body: "{", Header: http.Header{"content-type": {"text/css"}}}, "text/css", "{",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			srv := gitlabcitest.NewServer()
			srv.Fault(test.fault)
			r := get(t, srv, "/projects/1/pipelines")
			require.Equal(t, test.fault.Status, r.status)
			require.Equal(t, test.kind, r.header.Get("Content-Type"))
			require.Equal(t, test.body, r.body)
		})
	}
}

func TestFaultStatusesWithPages(t *testing.T) {
	for _, status := range []int{502, 503, 504, 520, 530} {
		srv := gitlabcitest.NewServer()
		srv.Fault(gitlabcitest.Fault{Status: status})
		require.Equal(t, "text/html", get(t, srv, "/pipelines").header.Get("Content-Type"), status)
	}
}

func TestFaultRoutesAndTimes(t *testing.T) {
	srv := gitlabcitest.NewServer()
	header := http.Header{"Retry-After": {"7"}}
	srv.Fault(gitlabcitest.Fault{Route: "POST /projects/:id/pipeline", Status: 429, Header: header, Times: 2})
	srv.Fault(gitlabcitest.Fault{Status: 500, Times: 1})
	srv.Fault(gitlabcitest.Fault{Route: "GET /pipelines", Status: 503})
	header.Set("Retry-After", "changed")
	steps := []struct {
		method, path string
		status       int
	}{
		{"POST", "/projects/1/pipeline?ref=main", 429},
		{"GET", "/projects/1/pipelines", 500}, // only once, and of any route
		{"GET", "/projects/1/pipelines", 200},
		{"POST", "/projects/1/pipeline?ref=main", 429},
		{"POST", "/projects/1/pipeline?ref=main", 201},
		{"GET", "/pipelines", 503},
		{"GET", "/pipelines", 503},
		{"HEAD", "/pipelines", 503},
	}
	for _, step := range steps {
		r := send(t, srv, step.method, step.path, "")
		require.Equal(t, step.status, r.status, "%s %s", step.method, step.path)
		if step.status == 429 {
			require.Equal(t, "7", r.header.Get("Retry-After"))
		}
	}
}

func TestFaultExecuted(t *testing.T) {
	for _, executed := range []bool{false, true} {
		srv := gitlabcitest.NewServer()
		srv.Fault(gitlabcitest.Fault{Route: "POST /projects/:id/pipeline", Status: 502, Executed: executed, Times: 1})
		_, err := srv.Client().Pipelines.Create(t.Context(), "group/app", "main", nil)
		require.ErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
		created := 0
		if executed {
			created = 1
		}
		require.Len(t, get(t, srv, "/projects/1/pipelines").list(t), created)
		require.Equal(t, 502, srv.Requests()[0].Status)
	}
}
