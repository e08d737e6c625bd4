package gitlabci_test

import (
	"context"
	"io"
	"maps"
	"math"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
)

// A wireCall is a method without options, for one project and one number, and
// what should arrive when these are group/app and 7.
type wireCall struct {
	call   func(ctx context.Context, c *gitlabci.Client, project gitlabci.ProjectID, id int64) error
	want   string
	answer string // to it; "" is an object
}

// wireCalls are all methods of the two services. Pipelines have their own.
var wireCalls = map[string]wireCall{
	"Jobs.List": {func(ctx context.Context, c *gitlabci.Client, project gitlabci.ProjectID, _ int64) error {
		return wireDone(c.Jobs.List(ctx, project, nil))
	}, "GET /projects/group%2Fapp/jobs?order_by=id&pagination=keyset&sort=desc", `[]`},
	"Jobs.All": {func(ctx context.Context, c *gitlabci.Client, project gitlabci.ProjectID, _ int64) error {
		return wireDrain(c.Jobs.All(ctx, project, nil))
	}, "GET /projects/group%2Fapp/jobs?order_by=id&pagination=keyset&per_page=100&sort=desc", `[]`},
	"Jobs.ListForPipeline": {func(ctx context.Context, c *gitlabci.Client, project gitlabci.ProjectID, id int64) error {
		return wireDone(c.Jobs.ListForPipeline(ctx, project, gitlabci.PipelineID(id), nil))
	}, "GET /projects/group%2Fapp/pipelines/7/jobs", `[]`},
	"Jobs.AllForPipeline": {func(ctx context.Context, c *gitlabci.Client, project gitlabci.ProjectID, id int64) error {
		return wireDrain(c.Jobs.AllForPipeline(ctx, project, gitlabci.PipelineID(id), nil))
	}, "GET /projects/group%2Fapp/pipelines/7/jobs?per_page=100", `[]`},
	"Jobs.ListTriggerJobs": {func(ctx context.Context, c *gitlabci.Client, project gitlabci.ProjectID, id int64) error {
		return wireDone(c.Jobs.ListTriggerJobs(ctx, project, gitlabci.PipelineID(id), nil))
	}, "GET /projects/group%2Fapp/pipelines/7/bridges", `[]`},
	"Jobs.AllTriggerJobs": {func(ctx context.Context, c *gitlabci.Client, project gitlabci.ProjectID, id int64) error {
		return wireDrain(c.Jobs.AllTriggerJobs(ctx, project, gitlabci.PipelineID(id), nil))
	}, "GET /projects/group%2Fapp/pipelines/7/bridges?per_page=100", `[]`},
	"Jobs.FindByName": {func(ctx context.Context, c *gitlabci.Client, project gitlabci.ProjectID, id int64) error {
		return wireDone(c.Jobs.FindByName(ctx, project, gitlabci.PipelineID(id), "unit"))
	}, "GET /projects/group%2Fapp/pipelines/7/jobs?per_page=100", `[{"id":7,"name":"unit"}]`},
	"Jobs.Get": {func(ctx context.Context, c *gitlabci.Client, project gitlabci.ProjectID, id int64) error {
		return wireDone(c.Jobs.Get(ctx, project, gitlabci.JobID(id)))
	}, "GET /projects/group%2Fapp/jobs/7", ""},
	"Jobs.Log": {func(ctx context.Context, c *gitlabci.Client, project gitlabci.ProjectID, id int64) error {
		return wireRead(c.Jobs.Log(ctx, project, gitlabci.JobID(id)))
	}, "GET /projects/group%2Fapp/jobs/7/trace", ""},
	"Jobs.FollowLog": {func(ctx context.Context, c *gitlabci.Client, project gitlabci.ProjectID, id int64) error {
		return wireDone(c.Jobs.FollowLog(ctx, project, gitlabci.JobID(id), io.Discard, nil))
	}, "GET /projects/group%2Fapp/jobs/7", `{"id":7,"status":"skipped"}`}, // and so has no log
	"Jobs.Cancel": {func(ctx context.Context, c *gitlabci.Client, project gitlabci.ProjectID, id int64) error {
		return wireDone(c.Jobs.Cancel(ctx, project, gitlabci.JobID(id), nil))
	}, "POST /projects/group%2Fapp/jobs/7/cancel", ""},
	"Jobs.Retry": {func(ctx context.Context, c *gitlabci.Client, project gitlabci.ProjectID, id int64) error {
		return wireDone(c.Jobs.Retry(ctx, project, gitlabci.JobID(id), nil))
	}, "POST /projects/group%2Fapp/jobs/7/retry", ""},
	"Jobs.Play": {func(ctx context.Context, c *gitlabci.Client, project gitlabci.ProjectID, id int64) error {
		return wireDone(c.Jobs.Play(ctx, project, gitlabci.JobID(id), nil))
	}, "POST /projects/group%2Fapp/jobs/7/play", ""},
	"Jobs.PlayOrRetry": {func(ctx context.Context, c *gitlabci.Client, project gitlabci.ProjectID, id int64) error {
		return wireDone(c.Jobs.PlayOrRetry(ctx, project, gitlabci.JobID(id), nil))
	}, "POST /projects/group%2Fapp/jobs/7/play", ""},
	"Jobs.Erase": {func(ctx context.Context, c *gitlabci.Client, project gitlabci.ProjectID, id int64) error {
		return wireDone(c.Jobs.Erase(ctx, project, gitlabci.JobID(id)))
	}, "POST /projects/group%2Fapp/jobs/7/erase", ""},
	"Jobs.Current": {func(ctx context.Context, c *gitlabci.Client, _ gitlabci.ProjectID, _ int64) error {
		return wireDone(c.Jobs.Current(ctx))
	}, "GET /job", ""},
	"Jobs.AllowedAgents": {func(ctx context.Context, c *gitlabci.Client, _ gitlabci.ProjectID, _ int64) error {
		return wireDone(c.Jobs.AllowedAgents(ctx))
	}, "GET /job/allowed_agents", `{"job":{"id":7}}`},
	"Artifacts.Open": {func(ctx context.Context, c *gitlabci.Client, project gitlabci.ProjectID, id int64) error {
		return wireRead(c.Artifacts.Open(ctx, project, gitlabci.JobID(id), nil))
	}, "GET /projects/group%2Fapp/jobs/7/artifacts", ""},
	"Artifacts.OpenFile": {func(ctx context.Context, c *gitlabci.Client, project gitlabci.ProjectID, id int64) error {
		return wireRead(c.Artifacts.OpenFile(ctx, project, gitlabci.JobID(id), "out/a.txt"))
	}, "GET /projects/group%2Fapp/jobs/7/artifacts/out/a.txt", ""},
	"Artifacts.Save": {func(ctx context.Context, c *gitlabci.Client, project gitlabci.ProjectID, id int64) error {
		return saveSomewhere(ctx, c, project, gitlabci.JobID(id))
	}, "GET /projects/group%2Fapp/jobs/7/artifacts", ""},
	"Artifacts.Download": {func(ctx context.Context, c *gitlabci.Client, project gitlabci.ProjectID, id int64) error {
		return wireDone(c.Artifacts.Download(ctx, project, gitlabci.JobID(id), io.Discard, nil))
	}, "GET /projects/group%2Fapp/jobs/7/artifacts", ""},
	"Artifacts.Archive": {func(ctx context.Context, c *gitlabci.Client, project gitlabci.ProjectID, id int64) error {
		archive, err := c.Artifacts.Archive(ctx, project, gitlabci.JobID(id))
		if err != nil {
			return err
		}
		return archive.Close()
	}, "GET /projects/group%2Fapp/jobs/7/artifacts", emptyArchive},
	"Artifacts.Extract": {func(ctx context.Context, c *gitlabci.Client, project gitlabci.ProjectID, id int64) error {
		return extractSomewhere(ctx, c, project, gitlabci.JobID(id))
	}, "GET /projects/group%2Fapp/jobs/7/artifacts", emptyArchive},
	"Artifacts.ListEntries": {func(ctx context.Context, c *gitlabci.Client, project gitlabci.ProjectID, id int64) error {
		return wireDone(c.Artifacts.ListEntries(ctx, project, gitlabci.JobID(id), nil))
	}, "GET /projects/group%2Fapp/jobs/7/artifacts/tree", `[]`},
	"Artifacts.AllEntries": {func(ctx context.Context, c *gitlabci.Client, project gitlabci.ProjectID, id int64) error {
		return wireDrain(c.Artifacts.AllEntries(ctx, project, gitlabci.JobID(id), nil))
	}, "GET /projects/group%2Fapp/jobs/7/artifacts/tree?per_page=100", `[]`},
	"Artifacts.Keep": {func(ctx context.Context, c *gitlabci.Client, project gitlabci.ProjectID, id int64) error {
		return wireDone(c.Artifacts.Keep(ctx, project, gitlabci.JobID(id)))
	}, "POST /projects/group%2Fapp/jobs/7/artifacts/keep", ""},
	"Artifacts.Delete": {func(ctx context.Context, c *gitlabci.Client, project gitlabci.ProjectID, id int64) error {
		return c.Artifacts.Delete(ctx, project, gitlabci.JobID(id))
	}, "DELETE /projects/group%2Fapp/jobs/7/artifacts", ""},
	"Artifacts.DeleteAll": {func(ctx context.Context, c *gitlabci.Client, project gitlabci.ProjectID, _ int64) error {
		return c.Artifacts.DeleteAll(ctx, project)
	}, "DELETE /projects/group%2Fapp/artifacts", ""},
}

func wireDone[T any](_ T, err error) error { return err }

func wireRead[T io.ReadCloser](body T, err error) error {
	if err != nil {
		return err
	}
	defer body.Close()
	_, err = io.Copy(io.Discard, body)
	return err
}

// wireAnswer responds to a call with JSON.
func wireAnswer(body string) http.HandlerFunc {
	if body == "" {
		return ok
	}
	return answer(200, body)
}

// wireFile is the content expected from a call that reads a log or an artifact
// file.
var wireFile = regexp.MustCompile(`^GET [^?]*/(trace|artifacts|artifacts/out/a\.txt|artifacts/[^/?]+/download)(\?|$)`)

// wireStep responds to a call of wireCalls or wireFilled.
func wireStep(want, body string) http.HandlerFunc {
	if wireFile.MatchString(want) {
		return ofType("application/octet-stream", wireAnswer(body))
	}
	return wireAnswer(body)
}

// requireWire checks the one request that came: verb, path and query as they
// were sent, body, and the headers that go with these.
func requireWire(t *testing.T, s *script, want, body string) {
	t.Helper()
	require.Len(t, s.received(), 1)
	r := s.received()[0]
	require.Equal(t, want, r.Method+" "+strings.TrimPrefix(r.RequestURI, "/api/v4"))
	require.Equal(t, body != "", r.Header.Get("Content-Type") == "application/json", r.Header)
	if body == "" {
		require.Empty(t, s.bodies[0])
		require.Zero(t, r.ContentLength)
		require.Empty(t, r.Header.Values("Content-Type"))
		return
	}
	require.JSONEq(t, body, s.bodies[0])
}

func TestWireJobsAndArtifacts(t *testing.T) {
	for name, call := range wireCalls {
		t.Run(name, func(t *testing.T) {
			s := newScript(wireStep(call.want, call.answer))
			require.NoError(t, call.call(t.Context(), s.client(t), "group/app", 7))
			requireWire(t, s, call.want, "")
			header := s.received()[0].Header
			require.Equal(t, scriptToken, header.Get("Private-Token"))
			switch name {
			case "Artifacts.Open", "Artifacts.OpenFile", "Artifacts.Download", "Artifacts.Save", "Artifacts.Archive", "Artifacts.Extract":
				require.Equal(t, "*/*", header.Get("Accept"))
				require.Equal(t, []string{"identity"}, header.Values("Accept-Encoding"))
			case "Jobs.Log":
				require.Equal(t, "*/*", header.Get("Accept"))
				require.Equal(t, "gzip", header.Get("Accept-Encoding"))
			default:
				require.Equal(t, "application/json", header.Get("Accept"))
				require.Equal(t, "gzip", header.Get("Accept-Encoding"))
			}
		})
	}
}

// No method of the two services is forgotten above.
func TestWireCallsAreComplete(t *testing.T) {
	var methods []string
	for service, name := range map[reflect.Type]string{
		reflect.TypeFor[*gitlabci.JobsService]():      "Jobs.",
		reflect.TypeFor[*gitlabci.ArtifactsService](): "Artifacts.",
	} {
		for method := range service.Methods() {
			methods = append(methods, name+method.Name)
		}
	}
	require.ElementsMatch(t, methods, slices.Collect(maps.Keys(wireCalls)))
}

func TestWireRefusesBadNames(t *testing.T) {
	projects := []gitlabci.ProjectID{"", "app", "0", "-1", "00", "99999999999999999999", "group//app", "/app", "group/", "../app", "group/..", "./app", "group/../../user",
		gitlabci.ProjectNumber(0), gitlabci.ProjectNumber(-7)}
	for name, call := range wireCalls {
		t.Run(name, func(t *testing.T) {
			s := newScript(wireStep(call.want, call.answer))
			client := s.client(t)
			if strings.Contains(call.want, "/projects/") {
				for _, project := range projects {
					require.ErrorIs(t, call.call(t.Context(), client, project, 7), gitlabci.ErrInvalid, "%q", project)
				}
			}
			if strings.Contains(call.want, "/7") {
				for _, id := range []int64{0, -1, math.MinInt64} {
					require.ErrorIs(t, call.call(t.Context(), client, "group/app", id), gitlabci.ErrInvalid, id)
				}
			}
			require.Empty(t, s.received())
		})
	}
}

// A wireFilled is a struct of options with every field set, and what they
// become.
type wireFilled struct {
	opts   func() any
	except string // the field that excludes the others, or is not sent
	call   func(ctx context.Context, c *gitlabci.Client, opts any) error
	want   string
	body   string
	answer string
}

var wireFilledJobs = []wireFilled{
	{
		opts: func() any {
			return &gitlabci.ListJobsOptions{
				ListOptions: gitlabci.ListOptions{Page: 3, PerPage: 50, Prefetch: 2},
				Scope:       []gitlabci.Status{gitlabci.StatusFailed, "x&y"},
				Ref:         "feature/a+b c",
			}
		},
		except: "After",
		call: func(ctx context.Context, c *gitlabci.Client, opts any) error {
			return wireDone(c.Jobs.List(ctx, "group/app", opts.(*gitlabci.ListJobsOptions)))
		},
		want:   "GET /projects/group%2Fapp/jobs?page=3&per_page=50&ref=feature%2Fa%2Bb+c&scope%5B%5D=failed&scope%5B%5D=x%26y",
		answer: `[]`,
	},
	{
		opts: func() any {
			return &gitlabci.ListPipelineJobsOptions{
				ListOptions:    gitlabci.ListOptions{Page: 3, PerPage: 100, Prefetch: 2},
				Scope:          []gitlabci.Status{gitlabci.StatusManual},
				IncludeRetried: true,
			}
		},
		except: "After",
		call: func(ctx context.Context, c *gitlabci.Client, opts any) error {
			return wireDone(c.Jobs.ListForPipeline(ctx, "group/app", 7, opts.(*gitlabci.ListPipelineJobsOptions)))
		},
		want:   "GET /projects/group%2Fapp/pipelines/7/jobs?include_retried=true&page=3&per_page=100&scope%5B%5D=manual",
		answer: `[]`,
	},
	{
		opts: func() any {
			return &gitlabci.ListTriggerJobsOptions{
				ListOptions: gitlabci.ListOptions{Page: 3, PerPage: 1, Prefetch: 2},
				Scope:       []gitlabci.Status{gitlabci.StatusSuccess},
			}
		},
		except: "After",
		call: func(ctx context.Context, c *gitlabci.Client, opts any) error {
			return wireDone(c.Jobs.ListTriggerJobs(ctx, "group/app", 7, opts.(*gitlabci.ListTriggerJobsOptions)))
		},
		want:   "GET /projects/group%2Fapp/pipelines/7/bridges?page=3&per_page=1&scope%5B%5D=success",
		answer: `[]`,
	},
	{
		opts: func() any {
			return &gitlabci.FollowOptions{From: 7, MinInterval: 1, MaxInterval: 2, Linger: 3, GiveUpAfter: 4}
		},
		except: "Poll Rewritten",
		call: func(ctx context.Context, c *gitlabci.Client, opts any) error {
			return wireDone(c.Jobs.FollowLog(ctx, "group/app", 7, io.Discard, opts.(*gitlabci.FollowOptions)))
		},
		want:   "GET /projects/group%2Fapp/jobs/7",
		answer: `{"id":7,"status":"skipped"}`,
	},
	{
		opts: func() any { return &gitlabci.CancelJobOptions{Force: true} },
		call: func(ctx context.Context, c *gitlabci.Client, opts any) error {
			return wireDone(c.Jobs.Cancel(ctx, "group/app", 7, opts.(*gitlabci.CancelJobOptions)))
		},
		want: "POST /projects/group%2Fapp/jobs/7/cancel",
		body: `{"force":true}`,
	},
	{
		opts: func() any {
			return &gitlabci.RetryJobOptions{Inputs: map[string]any{"env": "prod", "n": 3, "dry": false, "tags": []string{"a", "<b>"}}}
		},
		call: func(ctx context.Context, c *gitlabci.Client, opts any) error {
			return wireDone(c.Jobs.Retry(ctx, "group/app", 7, opts.(*gitlabci.RetryJobOptions)))
		},
		want: "POST /projects/group%2Fapp/jobs/7/retry",
		body: `{"inputs":{"env":"prod","n":3,"dry":false,"tags":["a","<b>"]},"job_inputs":{"env":"prod","n":3,"dry":false,"tags":["a","<b>"]}}`,
	},
	{
		opts: func() any {
			return &gitlabci.PlayJobOptions{
				Variables: []*gitlabci.Variable{
					{Key: "DEPLOY", Value: "now", VariableType: gitlabci.VariableTypeFile, Raw: true},
					{Key: "EMPTY"},
				},
				Inputs: map[string]any{"env": "prod", "ratio": 0.5},
			}
		},
		call: func(ctx context.Context, c *gitlabci.Client, opts any) error {
			return wireDone(c.Jobs.Play(ctx, "group/app", 7, opts.(*gitlabci.PlayJobOptions)))
		},
		want: "POST /projects/group%2Fapp/jobs/7/play",
		body: `{"job_variables_attributes":[{"key":"DEPLOY","value":"now"},{"key":"EMPTY","value":""}],"job_inputs":{"env":"prod","ratio":0.5}}`,
	},
}

// Every field of the options is set, arrives, and is left as it was.
func TestWireFilledOptions(t *testing.T) {
	for _, test := range slices.Concat(wireFilledJobs, wireFilledArtifacts) {
		t.Run(reflect.TypeOf(test.opts()).Elem().Name(), func(t *testing.T) {
			opts := test.opts()
			require.Equal(t, test.except, strings.Join(goldenUnfilled(opts), " "), "fields that are not set")
			s := newScript(wireStep(test.want, test.answer))
			require.NoError(t, test.call(t.Context(), s.client(t), opts))
			requireWire(t, s, test.want, test.body)
			require.Equal(t, test.opts(), opts, "the caller's struct")
		})
	}
}

// No options of a method, and no source, are forgotten in the test above.
func TestWireFilledOptionsAreComplete(t *testing.T) {
	want := []string{"LatestArtifacts"}
	for _, service := range []reflect.Type{reflect.TypeFor[*gitlabci.JobsService](), reflect.TypeFor[*gitlabci.ArtifactsService]()} {
		for method := range service.Methods() {
			for in := range method.Type.Ins() {
				if in.Kind() == reflect.Pointer && strings.HasSuffix(in.Elem().Name(), "Options") {
					want = append(want, in.Elem().Name())
				}
			}
		}
	}
	slices.Sort(want)
	var got []string
	for _, test := range slices.Concat(wireFilledJobs, wireFilledArtifacts) {
		got = append(got, reflect.TypeOf(test.opts()).Elem().Name())
	}
	require.ElementsMatch(t, slices.Compact(want), got)
}

// What is given partly, or as nothing, and what is then sent.
func TestWireActions(t *testing.T) {
	tests := map[string]struct {
		call func(context.Context, *gitlabci.Client) error
		body string
	}{
		"cancel without force": {func(ctx context.Context, c *gitlabci.Client) error {
			return wireDone(c.Jobs.Cancel(ctx, "group/app", 7, &gitlabci.CancelJobOptions{}))
		}, ""},
		"retry with nothing": {func(ctx context.Context, c *gitlabci.Client) error {
			return wireDone(c.Jobs.Retry(ctx, "group/app", 7, &gitlabci.RetryJobOptions{}))
		}, ""},
		"retry with no inputs": {func(ctx context.Context, c *gitlabci.Client) error {
			return wireDone(c.Jobs.Retry(ctx, "group/app", 7, &gitlabci.RetryJobOptions{Inputs: map[string]any{}}))
		}, ""},
		"play with nothing": {func(ctx context.Context, c *gitlabci.Client) error {
			return wireDone(c.Jobs.Play(ctx, "group/app", 7, &gitlabci.PlayJobOptions{}))
		}, ""},
		"play with empty collections": {func(ctx context.Context, c *gitlabci.Client) error {
			return wireDone(c.Jobs.Play(ctx, "group/app", 7, &gitlabci.PlayJobOptions{Variables: []*gitlabci.Variable{}, Inputs: map[string]any{}}))
		}, ""},
		"play with variables alone": {func(ctx context.Context, c *gitlabci.Client) error {
			return wireDone(c.Jobs.Play(ctx, "group/app", 7, &gitlabci.PlayJobOptions{Variables: []*gitlabci.Variable{{Key: "A", Value: "1"}}}))
		}, `{"job_variables_attributes":[{"key":"A","value":"1"}]}`},
		"play with inputs alone": {func(ctx context.Context, c *gitlabci.Client) error {
			return wireDone(c.Jobs.Play(ctx, "group/app", 7, &gitlabci.PlayJobOptions{Inputs: map[string]any{"a": nil}}))
		}, `{"job_inputs":{"a":null}}`},
		"play with both, or retry": {func(ctx context.Context, c *gitlabci.Client) error {
			return wireDone(c.Jobs.PlayOrRetry(ctx, "group/app", 7, &gitlabci.PlayJobOptions{
				Variables: []*gitlabci.Variable{{Key: "A", Value: "1", VariableType: gitlabci.VariableTypeFile}}, Inputs: map[string]any{"b": "2"},
			}))
		}, `{"job_variables_attributes":[{"key":"A","value":"1"}],"job_inputs":{"b":"2"}}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := newScript(ok)
			require.NoError(t, test.call(t.Context(), s.client(t)))
			verb, _, _ := strings.Cut(name, " ")
			requireWire(t, s, "POST /projects/group%2Fapp/jobs/7/"+verb, test.body)
		})
	}
}

func TestWireRefusesBadOptions(t *testing.T) {
	noKey := &gitlabci.PlayJobOptions{Variables: []*gitlabci.Variable{{Key: "A"}, {Value: "1"}}}
	tests := map[string]func(context.Context, *gitlabci.Client) error{
		"variable without a key": func(ctx context.Context, c *gitlabci.Client) error {
			return wireDone(c.Jobs.Play(ctx, "group/app", 7, noKey))
		},
		"variable without a key, or retry": func(ctx context.Context, c *gitlabci.Client) error {
			return wireDone(c.Jobs.PlayOrRetry(ctx, "group/app", 7, noKey))
		},
		"nil variable": func(ctx context.Context, c *gitlabci.Client) error {
			return wireDone(c.Jobs.Play(ctx, "group/app", 7, &gitlabci.PlayJobOptions{Variables: []*gitlabci.Variable{nil}}))
		},
		"input that is not JSON, to play": func(ctx context.Context, c *gitlabci.Client) error {
			return wireDone(c.Jobs.Play(ctx, "group/app", 7, &gitlabci.PlayJobOptions{Inputs: map[string]any{"a": make(chan int)}}))
		},
		"input that is not JSON, to retry": func(ctx context.Context, c *gitlabci.Client) error {
			return wireDone(c.Jobs.Retry(ctx, "group/app", 7, &gitlabci.RetryJobOptions{Inputs: map[string]any{"a": math.NaN()}}))
		},
		"no name": func(ctx context.Context, c *gitlabci.Client) error {
			return wireDone(c.Jobs.FindByName(ctx, "group/app", 7, ""))
		},
		"negative page": func(ctx context.Context, c *gitlabci.Client) error {
			return wireDone(c.Jobs.List(ctx, "group/app", &gitlabci.ListJobsOptions{ListOptions: gitlabci.ListOptions{Page: -1}}))
		},
		"page too large": func(ctx context.Context, c *gitlabci.Client) error {
			return wireDrain(c.Jobs.All(ctx, "group/app", &gitlabci.ListJobsOptions{ListOptions: gitlabci.ListOptions{PerPage: 101}}))
		},
		"page of entries too large": func(ctx context.Context, c *gitlabci.Client) error {
			return wireDone(c.Artifacts.ListEntries(ctx, "group/app", 7, &gitlabci.ListEntriesOptions{ListOptions: gitlabci.ListOptions{PerPage: 101}}))
		},
		"not a cursor": func(ctx context.Context, c *gitlabci.Client) error {
			return wireDrain(c.Jobs.All(ctx, "group/app", &gitlabci.ListJobsOptions{ListOptions: gitlabci.ListOptions{After: "%zz"}}))
		},
	}
	for name, call := range tests {
		t.Run(name, func(t *testing.T) {
			s := newScript(ok)
			wireRefused(t, s, call(t.Context(), s.client(t)))
		})
	}
}
