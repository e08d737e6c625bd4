package main

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/examples/internal/console"
	"example.com/gitlabci/examples/internal/console/consoletest"
	"example.com/gitlabci/gitlabcitest"
)

const deletion = "DELETE /projects/:id/pipelines/:pipeline_id"

// newServer has pipelines 1 to n, of which each is a day younger than the one before, and
// the last is a day old. The fourth has another status.
func newServer(n int, fourth gitlabci.Status, refs ...string) *gitlabcitest.Server {
	srv := gitlabcitest.NewServer()
	for i := range n {
		created := time.Now().Add(-time.Duration(n-i) * 24 * time.Hour)
		p := gitlabcitest.Pipeline{ID: gitlabci.PipelineID(i + 1), Ref: refs[i%len(refs)], CreatedAt: created, UpdatedAt: created}
		if i == 3 {
			p.Status = fourth
		}
		srv.AddPipeline("group/app", p)
	}
	return srv
}

// cleanUp runs the program on a server, and returns its exit code and what it prints.
func cleanUp(t *testing.T, ctx context.Context, client *gitlabci.Client, args string) (int, string, string) {
	t.Helper()
	var out, notes bytes.Buffer
	c, err := parse(append(strings.Fields(args), "group/app"), &out)
	if err != nil {
		t.Fatal(err)
	}
	c.concurrency = 1 // for one order of results
	code := console.Code(ctx, "cleanup", c.run(ctx, client, &out, console.NewNotes(&notes)), &notes)
	return code, out.String(), notes.String()
}

// left are the IDs of the pipelines that are left.
func left(t *testing.T, srv *gitlabcitest.Server) (ids []gitlabci.PipelineID) {
	t.Helper()
	for pipeline, err := range srv.Client().Pipelines.All(t.Context(), "group/app", nil) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, pipeline.ID)
	}
	return ids
}

func TestDemo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for args, want := range map[string]string{
			"-demo": "would delete 2098100000  success   1999-07-05  main\nkept: 15 changed since 1999-10-03, 0 newest of a ref, 1 running\n" +
				"dry run of 0s: 14 pipelines would be deleted; -delete deletes them\n",
			"-demo -delete": "\nkept: 15 changed since 1999-10-03, 0 newest of a ref, 1 running\n" +
				"14 of 14 pipelines were deleted in 2.1s, 0 were gone, 0 failed\n",
		} {
			var out, notes bytes.Buffer
			if code := command(t.Context(), strings.Fields(args), &out, &notes); code != 0 || notes.Len() > 0 || !strings.HasSuffix(out.String(), want) || strings.Count(out.String(), "\n") != 16 {
				t.Errorf("%s: %d: %s\n%s", args, code, &out, &notes)
			}
		}
	})
}

// The flags select which of 12 pipelines of two branches are deleted. Without -delete, none is.
func TestChoice(t *testing.T) {
	for args, want := range map[string][]gitlabci.PipelineID{
		"":                                      {1, 2, 3, 5}, // 4 runs
		"-keep 4":                               {1, 2, 3},
		"-keep 5":                               {1, 2},
		"-keep 7":                               nil,
		"-keep 0 -older-than 0d":                {1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12},
		"-keep 1 -older-than 0d":                {1, 2, 3, 5, 6, 7, 8, 9, 10},
		"-ref main":                             {1, 3, 5},
		"-source schedule":                      nil,
		"-older-than 1w -ref main -keep 0":      {1, 3, 5},
		"-older-than 270h -ref other":           nil,
		"-older-than 263h -keep 0 -ref other":   {2},
		"-older-than 180h -keep 0 -source push": {1, 2, 3, 5},
	} {
		synctest.Test(t, func(t *testing.T) {
			if !strings.Contains(args, "-older-than") {
				args += " -older-than 180h"
			}
			srv := newServer(12, gitlabci.StatusRunning, "main", "other")
			before := left(t, srv)
			code, listed, notes := cleanUp(t, t.Context(), srv.Client(), args)
			if after := left(t, srv); code != 0 || notes != "" || !slices.Equal(before, after) || strings.Count(listed, "would delete ") != len(want) {
				t.Fatalf("%s: %d: %s%s", args, code, listed, notes)
			}
			if code, out, notes := cleanUp(t, t.Context(), srv.Client(), args+" -delete"); code != 0 || strings.Count(out, "deleted  ") != len(want) {
				t.Errorf("%s: %d: %s%s", args, code, out, notes)
			}
			for _, id := range left(t, srv) {
				before = slices.DeleteFunc(before, func(other gitlabci.PipelineID) bool { return id == other })
			}
			if slices.Sort(before); !slices.Equal(before, want) {
				t.Errorf("%s: %d were deleted", args, before)
			}
		})
	}
}

// A pipeline that cannot be deleted does not stop the others, unless the error is 403 or none
// can be deleted.
func TestFailures(t *testing.T) {
	for name, test := range map[string]struct {
		fault        gitlabcitest.Fault
		code, least  int // requests that delete
		most, remain int
		out, notes   string
	}{
		"some":      {gitlabcitest.Fault{Status: http.StatusConflict, Nth: 3, Times: 2}, 3, 39, 39, 3, "\n37 of 39 pipelines were deleted in 0s, 0 were gone, 2 failed\n", "some pipelines could not be deleted"},
		"many":      {gitlabcitest.Fault{Status: http.StatusConflict, Chance: 0.4, Seed: 1}, 3, 39, 39, 15, "\n25 of 39 pipelines", "some pipelines could not be deleted"},
		"gone":      {gitlabcitest.Fault{Status: http.StatusNotFound, Nth: 3, Times: 1}, 0, 39, 39, 2, "was gone", ""},
		"forbidden": {gitlabcitest.Fault{Status: http.StatusForbidden, Nth: 5}, 1, 5, 7, 36, "\n4 of 39 pipelines were deleted", "only an owner of the project may delete pipelines"},
		"expired":   {gitlabcitest.Fault{Status: http.StatusUnauthorized}, 1, 1, 2, 40, "", "401"},
		"down":      {gitlabcitest.Fault{Status: http.StatusServiceUnavailable}, 1, 40, 56, 40, " 10 failed\n", "10 deletions failed in a row"},
		"a page":    {gitlabcitest.Fault{Route: "GET /projects/:id/pipelines", Status: http.StatusNotFound, Times: 1}, 1, 0, 0, 40, "", "404"},
		"slow down": {gitlabcitest.Fault{Status: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"30"}}, Nth: 7, Times: 1}, 0, 40, 40, 1, "deleted in 30s", "waiting for 30s: rate limit"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := newServer(40, gitlabci.StatusManual, "main")
				if test.fault.Route == "" {
					test.fault.Route = deletion
				}
				withdraw := srv.Fault(test.fault)
				var waits bytes.Buffer
				client := srv.Client(gitlabci.WithHooks(gitlabci.Hooks{OnWait: console.NewNotes(&waits).Wait}))
				code, out, notes := cleanUp(t, t.Context(), client, "-older-than 0h -delete")
				if notes += waits.String(); code != test.code || !strings.Contains(out, test.out) || !strings.Contains(notes, test.notes) || (test.out == "") != (out == "") {
					t.Errorf("%d: %s%s", code, out, notes)
				}
				n := 0
				for _, request := range srv.Requests() {
					if request.Route == deletion {
						n++
					}
				}
				withdraw()
				if remain := len(left(t, srv)); n < test.least || n > test.most || remain < test.remain || remain > test.remain+1 {
					t.Errorf("%d requests, %d pipelines are left", n, remain)
				}
			})
		})
	}
}

func TestInterrupt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := newServer(40, gitlabci.StatusManual, "main")
		srv.Fault(gitlabcitest.Fault{Route: deletion, Break: gitlabcitest.BreakStallHeader, Delay: time.Second})
		ctx, stop := context.WithTimeout(t.Context(), 3500*time.Millisecond)
		defer stop()
		code, out, notes := cleanUp(t, ctx, srv.Client(), "-older-than 0h -delete")
		if code != 130 || !strings.Contains(out, "\n3 of 39 pipelines were deleted in 3.5s, 0 were gone, 1 failed\n") || !strings.Contains(notes, "35 of 39 pipelines were not begun") {
			t.Errorf("%d: %s%s", code, out, notes)
		}
	})
}

func TestExitCodes(t *testing.T) {
	consoletest.SetEnv(t, consoletest.WrongURL, "")
	consoletest.ExitCodes(t, command, map[string]int{
		"-h": 0, "": 2, "a b": 2, "-keep -1 a": 2, "-older-than -1h a": 2, "-nonsense": 2, "group/app": 2, "-demo group/none": 1,
	})
}
