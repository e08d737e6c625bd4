package promises_test

import (
	"context"
	"io"
	"math"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

// A wireFilled is a struct of options with every field set, and what they
// become.
type wireFilled struct {
	opts     func() any
	except   string // the field that excludes the others, or is not sent
	call     func(ctx context.Context, c *gitlabci.Client, opts any) error
	want     string
	body     string
	response string
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
			return testkit.Done(c.Jobs.List(ctx, "group/app", opts.(*gitlabci.ListJobsOptions)))
		},
		want:     "GET /projects/group%2Fapp/jobs?page=3&per_page=50&ref=feature%2Fa%2Bb+c&scope%5B%5D=failed&scope%5B%5D=x%26y",
		response: `[]`,
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
			return testkit.Done(c.Jobs.ListForPipeline(ctx, "group/app", 7, opts.(*gitlabci.ListPipelineJobsOptions)))
		},
		want:     "GET /projects/group%2Fapp/pipelines/7/jobs?include_retried=true&page=3&per_page=100&scope%5B%5D=manual",
		response: `[]`,
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
			return testkit.Done(c.Jobs.ListTriggerJobs(ctx, "group/app", 7, opts.(*gitlabci.ListTriggerJobsOptions)))
		},
		want:     "GET /projects/group%2Fapp/pipelines/7/bridges?page=3&per_page=1&scope%5B%5D=success",
		response: `[]`,
	},
	{
		opts: func() any {
			return &gitlabci.FollowOptions{From: 7, MinInterval: 1, MaxInterval: 2, Linger: 3, GiveUpAfter: 4}
		},
		except: "Poll Rewritten",
		call: func(ctx context.Context, c *gitlabci.Client, opts any) error {
			return testkit.Done(c.Jobs.FollowLog(ctx, "group/app", 7, io.Discard, opts.(*gitlabci.FollowOptions)))
		},
		want:     "GET /projects/group%2Fapp/jobs/7",
		response: `{"id":7,"status":"skipped"}`,
	},
	{
		opts: func() any { return &gitlabci.CancelJobOptions{Force: true} },
		call: func(ctx context.Context, c *gitlabci.Client, opts any) error {
			return testkit.Done(c.Jobs.Cancel(ctx, "group/app", 7, opts.(*gitlabci.CancelJobOptions)))
		},
		want: "POST /projects/group%2Fapp/jobs/7/cancel",
		body: `{"force":true}`,
	},
	{
		opts: func() any {
			return &gitlabci.RetryJobOptions{Inputs: map[string]any{"env": "prod", "n": 3, "dry": false, "tags": []string{"a", "<b>"}}}
		},
		call: func(ctx context.Context, c *gitlabci.Client, opts any) error {
			return testkit.Done(c.Jobs.Retry(ctx, "group/app", 7, opts.(*gitlabci.RetryJobOptions)))
		},
		want: "POST /projects/group%2Fapp/jobs/7/retry",
		body: `{"inputs":{"env":"prod","n":3,"dry":false,"tags":["a","<b>"]},"job_inputs":{"env":"prod","n":3,"dry":false,"tags":["a","<b>"]}}`,
	},
	{
		except: "Variables.Raw", // refused
		opts: func() any {
			return &gitlabci.PlayJobOptions{
				Variables: []*gitlabci.Variable{
					{Key: "DEPLOY", Value: "now", VariableType: gitlabci.VariableTypeEnvVar},
					{Key: "EMPTY"},
				},
				Inputs: map[string]any{"env": "prod", "ratio": 0.5},
			}
		},
		call: func(ctx context.Context, c *gitlabci.Client, opts any) error {
			return testkit.Done(c.Jobs.Play(ctx, "group/app", 7, opts.(*gitlabci.PlayJobOptions)))
		},
		want: "POST /projects/group%2Fapp/jobs/7/play",
		body: `{"job_variables_attributes":[{"key":"DEPLOY","value":"now"},{"key":"EMPTY","value":""}],"job_inputs":{"env":"prod","ratio":0.5}}`,
	},
}

// wireFile is a request whose response is a file.
var wireFile = regexp.MustCompile(`^GET [^?]*/(trace|artifacts|artifacts/out/a\.txt|artifacts/[^/?]+/download)(\?|$)`)

// wireStep is a valid response to a request.
func wireStep(want, body string) http.HandlerFunc {
	if wireFile.MatchString(want) {
		return testkit.OfType("application/octet-stream", testkit.JSONStep(body))
	}
	return testkit.JSONStep(body)
}

// Every field of the options is set, arrives, and is left as it was.
func TestWireFilledOptions(t *testing.T) {
	t.Parallel()
	for _, test := range slices.Concat(wireFilledJobs, wireFilledArtifacts) {
		t.Run(reflect.TypeOf(test.opts()).Elem().Name(), func(t *testing.T) {
			opts := test.opts()
			require.Equal(t, test.except, strings.Join(goldenUnfilled(opts), " "), "fields that are not set")
			s := testkit.NewScript(wireStep(test.want, test.response))
			require.NoError(t, test.call(t.Context(), s.Client(t), opts))
			requireWire(t, s, test.want, test.body)
			require.Equal(t, test.opts(), opts, "the caller's struct")
		})
	}
}

// No options of a method, and no source, are forgotten in the test above.
func TestWireFilledOptionsAreComplete(t *testing.T) {
	t.Parallel()
	want := []string{"LatestArtifacts"}
	for _, service := range []reflect.Type{reflect.TypeFor[*gitlabci.JobsService](), reflect.TypeFor[*gitlabci.ArtifactsService]()} {
		for method := range service.Methods() {
			if method.Name == "Wait" || method.Name == "Latest" {
				continue // these say what is requested, and are not sent
			}
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

// Options that are given partly, or empty, and what is then sent.
func TestWireActions(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		call func(context.Context, *gitlabci.Client) error
		body string
	}{
		"cancel without force": {func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Done(c.Jobs.Cancel(ctx, "group/app", 7, &gitlabci.CancelJobOptions{}))
		}, ""},
		"retry with nothing": {func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Done(c.Jobs.Retry(ctx, "group/app", 7, &gitlabci.RetryJobOptions{}))
		}, ""},
		"retry with no inputs": {func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Done(c.Jobs.Retry(ctx, "group/app", 7, &gitlabci.RetryJobOptions{Inputs: map[string]any{}}))
		}, ""},
		"play with nothing": {func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Done(c.Jobs.Play(ctx, "group/app", 7, &gitlabci.PlayJobOptions{}))
		}, ""},
		"play with empty collections": {func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Done(c.Jobs.Play(ctx, "group/app", 7, &gitlabci.PlayJobOptions{Variables: []*gitlabci.Variable{}, Inputs: map[string]any{}}))
		}, ""},
		"play with variables alone": {func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Done(c.Jobs.Play(ctx, "group/app", 7, &gitlabci.PlayJobOptions{Variables: []*gitlabci.Variable{{Key: "A", Value: "1"}}}))
		}, `{"job_variables_attributes":[{"key":"A","value":"1"}]}`},
		"play with inputs alone": {func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Done(c.Jobs.Play(ctx, "group/app", 7, &gitlabci.PlayJobOptions{Inputs: map[string]any{"a": 0}}))
		}, `{"job_inputs":{"a":0}}`},
		"play with both, or retry": {func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Done(c.Jobs.PlayOrRetry(ctx, "group/app", 7, &gitlabci.PlayJobOptions{
				Variables: []*gitlabci.Variable{{Key: "A", Value: "1", VariableType: gitlabci.VariableTypeEnvVar}}, Inputs: map[string]any{"b": "2"},
			}))
		}, `{"job_variables_attributes":[{"key":"A","value":"1"}],"job_inputs":{"b":"2"}}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := testkit.NewScript(testkit.OK)
			require.NoError(t, test.call(t.Context(), s.Client(t)))
			verb, _, _ := strings.Cut(name, " ")
			requireWire(t, s, "POST /projects/group%2Fapp/jobs/7/"+verb, test.body)
		})
	}
}

func TestWireRefusesBadOptions(t *testing.T) {
	t.Parallel()
	noKey := &gitlabci.PlayJobOptions{Variables: []*gitlabci.Variable{{Key: "A"}, {Value: "1"}}}
	tests := map[string]func(context.Context, *gitlabci.Client) error{
		"variable without a key": func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Done(c.Jobs.Play(ctx, "group/app", 7, noKey))
		},
		"variable without a key, or retry": func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Done(c.Jobs.PlayOrRetry(ctx, "group/app", 7, noKey))
		},
		"nil variable": func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Done(c.Jobs.Play(ctx, "group/app", 7, &gitlabci.PlayJobOptions{Variables: []*gitlabci.Variable{nil}}))
		},
		"input that is not JSON, to play": func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Done(c.Jobs.Play(ctx, "group/app", 7, &gitlabci.PlayJobOptions{Inputs: map[string]any{"a": make(chan int)}}))
		},
		"input that is not JSON, to retry": func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Done(c.Jobs.Retry(ctx, "group/app", 7, &gitlabci.RetryJobOptions{Inputs: map[string]any{"a": math.NaN()}}))
		},
		"no name": func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Done(c.Jobs.FindByName(ctx, "group/app", 7, ""))
		},
		"negative page": func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Done(c.Jobs.List(ctx, "group/app", &gitlabci.ListJobsOptions{ListOptions: gitlabci.ListOptions{Page: -1}}))
		},
		"page too large": func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Drain(c.Jobs.All(ctx, "group/app", &gitlabci.ListJobsOptions{ListOptions: gitlabci.ListOptions{PerPage: 101}}))
		},
		"page of entries too large": func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Done(c.Artifacts.ListEntries(ctx, "group/app", 7, &gitlabci.ListEntriesOptions{ListOptions: gitlabci.ListOptions{PerPage: 101}}))
		},
		"not a cursor": func(ctx context.Context, c *gitlabci.Client) error {
			return testkit.Drain(c.Jobs.All(ctx, "group/app", &gitlabci.ListJobsOptions{ListOptions: gitlabci.ListOptions{After: "%zz"}}))
		},
	}
	for name, call := range tests {
		t.Run(name, func(t *testing.T) {
			s := testkit.NewScript(testkit.OK)
			testkit.RequireNotSent(t, s, call(t.Context(), s.Client(t)))
		})
	}
}
