package services_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/testkit"
)

var downstream = &gitlabci.WatchOptions{Downstream: true}

// addTree adds a pipeline whose job lasts a minute and whose trigger job starts
// a pipeline elsewhere half a minute later; that one has a child pipeline.
func addTree(srv *gitlabcitest.Server, depend bool) *gitlabcitest.Pipeline {
	srv.AddProject("group/deploy")
	minute := gitlabcitest.Script{Runs: time.Minute}
	child := gitlabcitest.Job{Name: "child", Status: gitlabci.StatusCreated, Trigger: &gitlabcitest.Trigger{
		Jobs: []gitlabcitest.Job{{Name: "leaf", Status: gitlabci.StatusCreated, Script: minute}},
	}}
	p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	p.AddJob(gitlabcitest.Job{Name: "build", Status: gitlabci.StatusRunning, Script: minute})
	p.AddJob(gitlabcitest.Job{Name: "deploy", Stage: "deploy", Status: gitlabci.StatusCreated, StartIn: 30 * time.Second, Trigger: &gitlabcitest.Trigger{
		Project: "group/deploy", Jobs: []gitlabcitest.Job{child}, Depend: depend,
	}})
	return p
}

func TestWatchDownstream(t *testing.T) {
	inWatchBubble(t, func(t *testing.T, srv *gitlabcitest.Server, client *gitlabci.Client) {
		p := addTree(srv, true)
		events := eventTexts(t, client.Pipelines.Watch(t.Context(), "group/app", p.ID, downstream), nil)
		require.Equal(t, []string{
			"pipeline#101 >running", "build#1001 >running", "deploy#1002 >created",
			"pipeline#101 running>scheduled", "build#1001 running>success", "deploy#1002 created>scheduled",
			"deploy#1002 scheduled>success", "pipeline#101 scheduled>success",
			"child#1003 >success", "pipeline#102 >success",
			"pipeline#103 >running", "leaf#1004 >running",
			"leaf#1004 running>success", "pipeline#103 running>success",
		}, events)
	})
}

func TestWatchWithoutDownstream(t *testing.T) {
	inWatchBubble(t, func(t *testing.T, srv *gitlabcitest.Server, client *gitlabci.Client) {
		p := addTree(srv, true)
		events := eventTexts(t, client.Pipelines.Watch(t.Context(), "group/app", p.ID, nil), nil)
		require.Equal(t, []string{
			"pipeline#101 >running", "build#1001 >running",
			"pipeline#101 running>scheduled", "build#1001 running>success",
			"pipeline#101 scheduled>success",
		}, events)
		for _, request := range srv.Requests() {
			require.Equal(t, "GET /projects/:id/pipelines/:pipeline_id/jobs", request.Route)
		}
	})
}

// A trigger job that is retried starts another pipeline; the first one is
// watched to its end as well.
func TestWatchRetriedTrigger(t *testing.T) {
	t.Parallel()
	inWatchBubble(t, func(t *testing.T, srv *gitlabcitest.Server, client *gitlabci.Client) {
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
		p.AddJob(gitlabcitest.Job{Name: "build", Status: gitlabci.StatusRunning, Script: gitlabcitest.Script{Runs: 5 * time.Minute}})
		p.AddJob(gitlabcitest.Job{Name: "child", Status: gitlabci.StatusCreated, Trigger: &gitlabcitest.Trigger{
			Jobs: []gitlabcitest.Job{{Name: "leaf", Status: gitlabci.StatusCreated, Script: gitlabcitest.Script{Runs: 10 * time.Minute}}},
		}})
		at(t, time.Minute, func() { retry(t, client, 1002) })
		events := eventTexts(t, client.Pipelines.Watch(t.Context(), "group/app", p.ID, downstream), nil)
		require.Equal(t, []string{
			"pipeline#101 >running", "build#1001 >running", "child#1002 >success",
			"pipeline#102 >running", "leaf#1003 >running",
			"child#1004 >success", "pipeline#103 >running", "leaf#1005 >running",
			"build#1001 running>success", "pipeline#101 running>success",
			"leaf#1003 running>success", "pipeline#102 running>success",
			"leaf#1005 running>success", "pipeline#103 running>success",
		}, events)
	})
}

// A trigger job can have ended before its pipeline shows, and a finished
// pipeline have one that has not.
func TestWatchWaitsForDownstream(t *testing.T) {
	started := `{"id":2,"name":"t","status":"success","downstream_pipeline":{"id":8,"project_id":9,"status":"running"}}`
	for name, triggers := range map[string][]http.HandlerFunc{
		"not created yet": {testkit.Rows(`{"id":2,"name":"t","status":"success"}`), testkit.Rows(started)},
		"not ended yet":   {testkit.Rows(`{"id":2,"name":"t","status":"running"}`), testkit.Rows(started)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				polls := 0
				s := testkit.NewScript(func(w http.ResponseWriter, r *http.Request) {
					switch {
					case strings.HasSuffix(r.URL.Path, "/pipelines/7/bridges"):
						triggers[min(polls, 1)](w, r)
						polls++
					case strings.HasSuffix(r.URL.Path, "/7/jobs"):
						testkit.Rows(jobRow(1, "success", "success", 1))(w, r)
					case strings.HasSuffix(r.URL.Path, "/projects/9/pipelines/8/jobs"):
						testkit.Rows(`{"id":3,"name":"leaf","status":"failed","pipeline":{"id":8,"status":"failed"}}`)(w, r)
					default:
						testkit.Rows()(w, r)
					}
				})
				events := eventTexts(t, s.Client(t).Pipelines.Watch(t.Context(), "group/app", 7, downstream), nil)
				require.Equal(t, []string{"leaf#3 >failed", "pipeline#8 >failed"}, events[len(events)-2:])
			})
		})
	}
}

// Nothing is expected of a trigger job that was retried, though its end was
// not seen: GitLab no longer lists it.
func TestWatchForgetsRetriedTriggers(t *testing.T) {
	for status, want := range map[string]error{"success": nil, "manual": gitlabci.ErrBlocked} {
		synctest.Test(t, func(t *testing.T) {
			polls := 0
			s := testkit.NewScript(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case strings.HasSuffix(r.URL.Path, "/bridges"):
					one := []string{`{"id":2,"name":"t","status":"running"}`, `{"id":3,"name":"t","status":"failed"}`}
					testkit.Rows(one[min(polls, 1)])(w, r)
					polls++
				case strings.HasSuffix(r.URL.Path, "/jobs"):
					testkit.Rows(jobRow(1, status, status, 1))(w, r)
				default:
					testkit.Respond(200, `{"id":7,"status":"`+status+`"}`)(w, r)
				}
			})
			start := time.Now()
			_, err := s.Client(t).Pipelines.Wait(t.Context(), "group/app", 7, downstream)
			require.True(t, errors.Is(err, want), err)
			require.Less(t, time.Since(start), 10*time.Second)
		})
	}
}

// A downstream pipeline that may not be read, or no longer, is reported and not waited for.
func TestWatchLosesDownstream(t *testing.T) {
	for name, lose := range map[string]struct {
		reader string
		how    func(t *testing.T, srv *gitlabcitest.Server, client *gitlabci.Client)
	}{
		"hidden": {"nora", func(_ *testing.T, srv *gitlabcitest.Server, _ *gitlabci.Client) {
			srv.AddMember("group/app", "nora", gitlabcitest.RoleMaintainer)
		}},
		"deleted": {"maya", func(t *testing.T, _ *gitlabcitest.Server, client *gitlabci.Client) {
			at(t, 3*time.Minute, func() {
				if err := client.Pipelines.Delete(context.WithoutCancel(t.Context()), "group/deploy", 102); err != nil {
					t.Error(err)
				}
			})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			inWatchBubble(t, func(t *testing.T, srv *gitlabcitest.Server, client *gitlabci.Client) {
				srv.AddProject("group/deploy")
				p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
				below := srv.AddPipeline("group/deploy", gitlabcitest.Pipeline{Status: gitlabci.StatusRunning})
				below.AddJob(gitlabcitest.Job{Status: gitlabci.StatusRunning})
				p.AddTriggerJob(gitlabcitest.Job{Name: "deploy", Downstream: below})
				lose.how(t, srv, client)
				reader := srv.Client(gitlabci.WithToken(srv.AddToken(gitlabcitest.Token{Username: lose.reader})))
				var last *gitlabci.PipelineEvent
				for event, err := range reader.Pipelines.Watch(t.Context(), "group/app", p.ID, downstream) {
					require.NoError(t, err)
					last = event
				}
				require.Equal(t, "pipeline#102 not watched", testkit.EventText(last))
				require.ErrorIs(t, last.Err, gitlabci.ErrNotFound)
				require.Equal(t, gitlabci.StatusRunning, last.Status)
				require.Equal(t, last.Status, last.Previous)

				ended, err := reader.Pipelines.Wait(t.Context(), "group/app", p.ID, downstream)
				require.NoError(t, err)
				require.Equal(t, gitlabci.StatusSuccess, ended.Status)
			})
		})
	}
}

// An expired token is an error of the watch, and not only of the downstream pipeline.
func TestWatchDownstreamUnauthorized(t *testing.T) {
	inWatchBubble(t, func(t *testing.T, srv *gitlabcitest.Server, client *gitlabci.Client) {
		below := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusRunning})
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
		p.AddTriggerJob(gitlabcitest.Job{Name: "child", Downstream: below})
		srv.Fault(gitlabcitest.Fault{Route: "GET /projects/:id/pipelines/:pipeline_id/jobs", Status: 401, Nth: 3})
		eventTexts(t, client.Pipelines.Watch(t.Context(), "group/app", p.ID, downstream), gitlabci.ErrUnauthorized)
	})
}

// A loop that is left at an event of any kind sends no more requests.
func TestWatchDownstreamIsLeft(t *testing.T) {
	inWatchBubble(t, func(t *testing.T, srv *gitlabcitest.Server, client *gitlabci.Client) {
		hidden := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusRunning})
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
		p.AddTriggerJob(gitlabcitest.Job{Name: "child", Downstream: hidden})
		srv.Fault(gitlabcitest.Fault{Route: "GET /projects/:id/pipelines/:pipeline_id/jobs", Status: 403, Nth: 3})
		var seen []string
		for event, err := range client.Pipelines.Watch(t.Context(), "group/app", p.ID, downstream) {
			require.NoError(t, err)
			seen = append(seen, testkit.EventText(event))
			if event.Err != nil {
				break
			}
		}
		require.Equal(t, []string{"child#1001 >success", "pipeline#102 >success", "pipeline#101 not watched"}, seen)
	})
}

// triggerRow is a trigger job in a list, with the minute in which its pipeline
// 7 was updated, and what it has started.
func triggerRow(status string, minute int, started string) string {
	return fmt.Sprintf(`{"id":2,"name":"t","status":%q,"pipeline":{"id":7,"updated_at":"2030-01-01T00:%02d:00.000Z"},"downstream_pipeline":%s}`,
		status, minute, started)
}

// below responds for pipeline 7, which has one job, with the trigger jobs of one
// poll after the other, and for the pipeline 8 that these start.
func below(triggers []string, child http.HandlerFunc) *testkit.Script {
	polls := 0
	return testkit.NewScript(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/7/bridges"):
			testkit.Rows(triggers[min(polls, len(triggers)-1)])(w, r)
			polls++
		case strings.HasSuffix(r.URL.Path, "/7/jobs") && polls < len(triggers)-1:
			testkit.Rows(jobRow(1, "running", "running", 2))(w, r)
		case strings.HasSuffix(r.URL.Path, "/7/jobs"):
			testkit.Rows(jobRow(1, "success", "success", 3))(w, r)
		case strings.HasSuffix(r.URL.Path, "/8/jobs"):
			child(w, r)
		default:
			testkit.Rows()(w, r)
		}
	})
}

// A replica that lags does not take back what is known of trigger jobs, while
// one whose pipeline was retried does go back.
func TestWatchTriggersOfAReplica(t *testing.T) {
	for minute, back := range map[int][]string{1: nil, 2: {"t#2 running>pending", "t#2 pending>running"}} {
		synctest.Test(t, func(t *testing.T) {
			s := below([]string{
				triggerRow("running", 2, "null"), triggerRow("pending", minute, "null"),
				triggerRow("running", 2, "null"), triggerRow("failed", 3, "null"),
			}, nil)
			want := slices.Concat([]string{"pipeline#7 >running", "j#1 >running", "t#2 >running"}, back,
				[]string{"j#1 running>success", "t#2 running>failed", "pipeline#7 running>success"})
			require.Equal(t, want, eventTexts(t, s.Client(t).Pipelines.Watch(t.Context(), "group/app", 7, downstream), nil))
		})
	}
}

// A pipeline that was started just now can be unknown to a replica, and in old
// servers' words it has no project: it is one of those that started it.
func TestWatchFindsDownstream(t *testing.T) {
	gone := testkit.Respond(404, `{"message":"404 Not found"}`)
	leaf := testkit.Rows(`{"id":3,"name":"leaf","status":"failed","pipeline":{"id":8,"status":"failed"}}`)
	for name, test := range map[string]struct {
		started string
		steps   []http.HandlerFunc
		path    string
		want    []string
	}{
		"a replica that lags": {`{"id":8,"project_id":9,"status":"running"}`, []http.HandlerFunc{gone, gone, leaf}, "/projects/9/", []string{"leaf#3 >failed", "pipeline#8 >failed"}},
		"gone for good":       {`{"id":8,"project_id":9,"status":"running"}`, []http.HandlerFunc{gone}, "/projects/9/", []string{"pipeline#8 not watched"}},
		"an old server":       {`{"id":8,"status":"running"}`, []http.HandlerFunc{leaf}, "/projects/group%2Fapp/", []string{"leaf#3 >failed", "pipeline#8 >failed"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				polls := 0
				s := below([]string{triggerRow("success", 3, test.started)}, func(w http.ResponseWriter, r *http.Request) {
					require.Contains(t, r.URL.EscapedPath(), test.path)
					test.steps[min(polls, len(test.steps)-1)](w, r)
					polls++
				})
				start := time.Now()
				events := eventTexts(t, s.Client(t).Pipelines.Watch(t.Context(), "group/app", 7, downstream), nil)
				require.Equal(t, append([]string{"j#1 >success", "t#2 >success", "pipeline#7 >success"}, test.want...), events)
				require.Less(t, time.Since(start), 90*time.Second)
			})
		})
	}
}

// Downstream pipelines end somewhere, or the watch does.
func TestWatchDownstreamWithoutAnEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		requests := 0
		srv := testkit.NewScript(func(w http.ResponseWriter, r *http.Request) {
			var first int
			fmt.Sscanf(r.URL.Path, "/api/v4/projects/group/app/pipelines/%d/", &first)
			requests++
			switch {
			case requests > 100:
				cancel()
			case strings.HasSuffix(r.URL.Path, "/jobs"):
				testkit.Respond(200, fmt.Sprintf(`[{"id":1,"status":"success","pipeline":{"id":%d,"status":"running"}}]`, first))(w, r)
			default:
				var bridges []string
				for id := first * 5000; id < first*5000+5000; id++ {
					bridges = append(bridges, fmt.Sprintf(`{"id":%d,"status":"running","downstream_pipeline":{"id":%[1]d}}`, id))
				}
				testkit.Rows(bridges...)(w, r)
			}
		})
		_, err := srv.Client(t).Pipelines.Wait(ctx, "group/app", 1, downstream)
		require.EqualError(t, err, "gitlabci: pipeline 1 has more than 10000 pipelines below it")
		require.Equal(t, 6, requests)
	})
}
