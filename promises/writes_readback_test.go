package promises_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

// readBackCalls are the writes that are read back, with what then says that
// they were done and what does not.
var readBackCalls = map[string]struct {
	call       func(context.Context, *gitlabci.Client) (any, error)
	path       string
	done, open []string
}{
	"cancel pipeline": {
		func(ctx context.Context, c *gitlabci.Client) (any, error) {
			return c.Pipelines.Cancel(ctx, "group/app", 7)
		},
		"pipelines/7",
		[]string{`{"id":7,"status":"canceled"}`, `{"id":7,"status":"canceling"}`, `{"id":7,"status":"success"}`},
		[]string{`{"id":7,"status":"running"}`, `{"id":7}`, `[]`},
	},
	"rename pipeline": {
		func(ctx context.Context, c *gitlabci.Client) (any, error) {
			return c.Pipelines.UpdateMetadata(ctx, "group/app", 7, &gitlabci.UpdateMetadataOptions{Name: " nightly "})
		},
		"pipelines/7",
		[]string{`{"id":7,"name":"nightly"}`},
		[]string{`{"id":7,"name":"weekly"}`, `{"id":7}`},
	},
	"cancel job": {
		func(ctx context.Context, c *gitlabci.Client) (any, error) {
			return c.Jobs.Cancel(ctx, "group/app", 7, nil)
		},
		"jobs/7",
		[]string{`{"id":7,"status":"canceled"}`, `{"id":7,"status":"canceling"}`, `{"id":7,"status":"failed"}`},
		[]string{`{"id":7,"status":"pending"}`},
	},
	"cancel job by force": {
		func(ctx context.Context, c *gitlabci.Client) (any, error) {
			return c.Jobs.Cancel(ctx, "group/app", 7, &gitlabci.CancelJobOptions{Force: true})
		},
		"jobs/7",
		[]string{`{"id":7,"status":"canceled"}`},
		[]string{`{"id":7,"status":"canceling"}`},
	},
	"keep artifacts": {
		func(ctx context.Context, c *gitlabci.Client) (any, error) {
			return c.Artifacts.Keep(ctx, "group/app", 7)
		},
		"jobs/7",
		[]string{`{"id":7,"artifacts_file":{"filename":"a.zip","size":1}}`},
		[]string{`{"id":7,"artifacts_file":{"filename":"a.zip","size":1},"artifacts_expire_at":"2026-01-01T00:00:00Z"}`, `{"id":7}`},
	},
}

func TestReadBackAfterARefusal(t *testing.T) {
	t.Parallel()
	for name, test := range readBackCalls {
		for _, refusal := range []int{401, 403, 404, 405, 409, 422} {
			synctest.Test(t, func(t *testing.T) {
				for _, state := range test.done {
					s := testkit.NewScript(testkit.Reset, testkit.Respond(refusal, `{"message":"no"}`), testkit.Respond(200, state))
					got, err := test.call(t.Context(), s.Client(t))
					require.NoError(t, err, "%s after %d, %s", name, refusal, state)
					require.NotNil(t, got)
					require.Len(t, s.Received(), 3)
					require.Equal(t, http.MethodGet, s.Received()[2].Method)
					require.Equal(t, "/api/v4/projects/group%2Fapp/"+test.path, s.Received()[2].RequestURI)
				}
				for _, state := range test.open {
					s := testkit.NewScript(testkit.Respond(502, ``), testkit.Respond(refusal, `{"message":"no"}`), testkit.Respond(200, state))
					_, err := test.call(t.Context(), s.Client(t))
					require.ErrorIs(t, err, gitlabci.ErrOutcomeUnknown, "%s after %d, %s", name, refusal, state)
					require.ErrorContains(t, err, "no")
					require.NotContains(t, err.Error(), "GET")
				}
			})
		}
	}
}

// A read that fails as well changes nothing, and one that helps nobody is not
// made.
func TestReadBackThatDoesNotHelp(t *testing.T) {
	t.Parallel()
	for name, test := range readBackCalls {
		synctest.Test(t, func(t *testing.T) {
			s := testkit.NewScript(testkit.Reset, testkit.Respond(403, ``), testkit.Respond(404, `{"message":"404 Not found"}`))
			_, err := test.call(t.Context(), s.Client(t))
			require.ErrorIs(t, err, gitlabci.ErrOutcomeUnknown, name)
			require.ErrorIs(t, err, gitlabci.ErrForbidden, name)
			require.NotErrorIs(t, err, gitlabci.ErrNotFound, name)
			require.Len(t, s.Received(), 3, name)

			for _, steps := range [][]http.HandlerFunc{
				{testkit.Respond(403, ``)}, // nothing was lost
				{testkit.Respond(429, ``, "Retry-After", "1"), testkit.Respond(403, ``)},                          // nor here
				{testkit.Reset, testkit.Respond(500, ``), testkit.Reset, testkit.Respond(502, ``), testkit.Reset}, // nobody to ask
			} {
				s := testkit.NewScript(steps...)
				_, err := test.call(t.Context(), s.Client(t))
				require.Error(t, err)
				for _, r := range s.Received() {
					require.NotEqual(t, http.MethodGet, r.Method, name)
				}
			}

			ctx, cancel := context.WithCancel(t.Context())
			s = testkit.NewScript(testkit.Reset, func(w http.ResponseWriter, r *http.Request) {
				cancel()
				testkit.Respond(403, ``)(w, r)
			}, testkit.Respond(200, test.done[0]))
			_, err = test.call(ctx, s.Client(t))
			require.ErrorIs(t, err, gitlabci.ErrOutcomeUnknown, name)
		})
	}
}
