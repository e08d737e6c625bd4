package promises_test

import (
	"context"
	"errors"
	"io"
	"maps"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

// wrongObjects are bodies that are not the requested object, and their messages.
var wrongObjects = map[string]string{
	`{}`:                              "",
	`{"message":"403 Forbidden"}`:     "403 Forbidden",
	`{"error":"invalid_token"}`:       "invalid_token",
	`{"id":null}`:                     "",
	`{"id":"abc","name":"x"}`:         "",
	`{"id":0}`:                        "",
	`{"id":-7}`:                       "",
	`{"id":9223372036854775808}`:      "",
	`{"id":[7]}`:                      "",
	`{"message":{"base":["no way"]}}`: "no way",

	// Nothing that GitLab lists has a message in place of its status.
	`{"id":7,"message":"403 Forbidden"}`:              "403 Forbidden",
	`{"id":7,"error":"insufficient_scope"}`:           "insufficient_scope",
	`{"id":7,"status":403,"message":"no such thing"}`: "no such thing",
}

// wrongElements are those that a list is checked for.
func wrongElements() (bodies []string) {
	for body := range wrongObjects {
		if !strings.HasPrefix(body, `{"id":7,`) {
			bodies = append(bodies, body)
		}
	}
	return bodies
}

// objectReads are reads of one object.
var objectReads = map[string]func(context.Context, *gitlabci.Client) error{
	"get":     testkit.Call("Pipelines.Get"),
	"latest":  testkit.Call("Pipelines.Latest"),
	"job":     testkit.Call("Jobs.Get"),
	"current": testkit.Call("Jobs.Current"),
	"agents":  testkit.Call("Jobs.AllowedAgents"),
	"report":  testkit.Call("Pipelines.TestReport"),
	"summary": testkit.Call("Pipelines.TestReportSummary"),
	"cases":   testkit.Call("Pipelines.TestCases"),
}

// objectWrites are writes that return the changed object.
var objectWrites = map[string]func(context.Context, *gitlabci.Client) error{
	"cancel":     testkit.Call("Pipelines.Cancel"),
	"rename":     testkit.Call("Pipelines.UpdateMetadata"),
	"cancel job": testkit.Call("Jobs.Cancel"),
	"keep":       testkit.Call("Artifacts.Keep"),
	"run":        testkit.Call("Pipelines.Run"),
}

// If a read gets another object, the error has the message in it.
func TestReadsOfAnotherObject(t *testing.T) {
	t.Parallel()
	for name, read := range objectReads {
		for body, message := range wrongObjects {
			err := read(t.Context(), testkit.NewScript(testkit.Respond(200, body)).Client(t))
			require.Error(t, err, "%s: %s", name, body)
			require.ErrorContains(t, err, message, "%s: %s", name, body)
			require.NotErrorIs(t, err, gitlabci.ErrInvalid, "it was sent")
		}
	}
}

// A write whose response is another object may have been executed, and is not sent
// again.
func TestWritesWithAnotherResponse(t *testing.T) {
	t.Parallel()
	writes := maps.Clone(objectWrites)
	maps.Copy(writes, onceCalls)
	delete(writes, "do") // it returns the response unread
	for name, write := range writes {
		for body, message := range wrongObjects {
			s := testkit.NewScript(testkit.Respond(201, body))
			err := write(t.Context(), s.Client(t))
			require.ErrorIs(t, err, gitlabci.ErrOutcomeUnknown, "%s: %s", name, body)
			require.ErrorContains(t, err, message, "%s: %s", name, body)
			require.Len(t, s.Received(), 1, "%s: %s", name, body)
		}
	}
}

// The response to a call about pipeline or job 7 is that one, and not another one that a
// cache or a proxy has mixed it up with.
func TestAnotherID(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]func(context.Context, *gitlabci.Client) error{
		"get":        testkit.Call("Pipelines.Get"),
		"job":        testkit.Call("Jobs.Get"),
		"follow":     testkit.Call("Jobs.FollowLog"),
		"retry":      testkit.Call("Pipelines.Retry"),
		"cancel":     testkit.Call("Pipelines.Cancel"),
		"rename":     testkit.Call("Pipelines.UpdateMetadata"),
		"cancel job": testkit.Call("Jobs.Cancel"),
		"erase":      testkit.Call("Jobs.Erase"),
		"keep":       testkit.Call("Artifacts.Keep"),
	} {
		synctest.Test(t, func(t *testing.T) {
			s := testkit.NewScript(testkit.Respond(200, `{"id":8,"status":"skipped","name":"Nightly"}`))
			err := call(t.Context(), s.Client(t))
			require.ErrorContains(t, err, "not the requested object: it has the ID 8", name)
			isWrite := s.Received()[0].Method != "GET"
			require.Equal(t, isWrite, errors.Is(err, gitlabci.ErrOutcomeUnknown), name)
			if isWrite {
				require.Len(t, s.Received(), 1, name)
			}
		})
	}
	for _, name := range []string{"Jobs.Retry", "Jobs.Play", "Jobs.PlayOrRetry", "Jobs.Current", "Pipelines.Latest", "Pipelines.Create"} {
		s := testkit.NewScript(testkit.Respond(200, `{"id":8,"status":"pending"}`))
		require.NoError(t, testkit.Call(name)(t.Context(), s.Client(t)), name)
	}
}

// A keyed create looks for its pipeline.
func TestKeyedCreateWithAnotherResponse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		keys := newKeyServer(testkit.Respond(200, `{"message":"ok"}`))
		_, err := keyed(t.Context(), keys.Client(t, gitlabci.WithRetries(0)), "k1")
		require.ErrorIs(t, err, gitlabci.ErrOutcomeUnknown)
	})
}

// A successful delete has no content.
func TestDeletesWithAnotherResponse(t *testing.T) {
	t.Parallel()
	deletes := map[string]func(context.Context, *gitlabci.Client) error{
		"pipeline":      testkit.Calls["delete"],
		"artifacts":     testkit.Call("Artifacts.Delete"),
		"all artifacts": testkit.Call("Artifacts.DeleteAll"),
	}
	for name, remove := range deletes {
		for _, body := range []string{`{"message":"403 Forbidden"}`, `{"error":"invalid_token"}`, `[]`, `[{"id":7}]`, `no`} {
			err := remove(t.Context(), testkit.NewScript(testkit.Respond(200, body)).Client(t))
			require.ErrorIs(t, err, gitlabci.ErrOutcomeUnknown, "%s: %s", name, body)
		}
		err := remove(t.Context(), testkit.NewScript(testkit.Respond(202, `{"message":"401 Unauthorized"}`)).Client(t))
		require.ErrorIs(t, err, gitlabci.ErrOutcomeUnknown, name)
		require.NoError(t, remove(t.Context(), testkit.NewScript(testkit.Respond(202, `{"message":"202 Accepted"}`)).Client(t)), name)
		require.NoError(t, remove(t.Context(), testkit.NewScript(testkit.Respond(204, "")).Client(t)), name)
		require.NoError(t, remove(t.Context(), testkit.NewScript(testkit.Respond(200, " ")).Client(t)), name)
		require.NoError(t, remove(t.Context(), testkit.NewScript(testkit.Respond(200, `{"id":7}`)).Client(t)), name)
	}
}

// The error for an element that is not the right object has its index.
func TestListsOfOtherObjects(t *testing.T) {
	t.Parallel()
	lists := map[string]func(context.Context, *gitlabci.Client) error{
		"pipelines":    testkit.Call("Pipelines.List"),
		"jobs":         testkit.Call("Jobs.List"),
		"trigger jobs": testkit.Call("Jobs.ListTriggerJobs"),
		"entries":      testkit.Call("Artifacts.ListEntries"),
		"variables":    testkit.Call("Pipelines.Variables"),
		"each": func(ctx context.Context, c *gitlabci.Client) error {
			for _, err := range c.Pipelines.DeleteEach(ctx, "group/app", c.Pipelines.All(ctx, "group/app", nil), nil) {
				return err
			}
			return nil
		},
	}
	const good = `{"id":7,"key":"A","path":"a","name":"a"}`
	for name, list := range lists {
		for _, body := range wrongElements() {
			if name == "entries" && body == `{"id":"abc","name":"x"}` { // an entry may have only a name
				continue
			}
			s := testkit.NewScript(testkit.Respond(200, "["+good+","+body+"]"))
			require.ErrorContains(t, list(t.Context(), s.Client(t)), "element 1", "%s: %s", name, body)
			require.Len(t, s.Received(), 1, "%s: %s", name, body)
		}
	}
}

// An ID is valid in every notation of a number.
func TestUsableIDs(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{"id":7}`, `{"id":"7"}`, `{"id":7.0}`, `{"id":7e0}`} {
		pipeline, err := testkit.NewScript(testkit.Respond(200, body)).Client(t).Pipelines.Get(t.Context(), "group/app", 7)
		require.NoError(t, err, body)
		require.EqualValues(t, 7, pipeline.ID, body)
	}
}

// JSON is not a log or an archive, but can be a file in an archive.
func TestJSONInPlaceOfAFile(t *testing.T) {
	t.Parallel()
	latest := gitlabci.LatestArtifacts{Ref: "main", Job: "unit"}
	message := testkit.Respond(200, `{"message":"401 Unauthorized: `+testkit.Token+`"}`)
	for name, read := range map[string]func(context.Context, *gitlabci.Client) error{
		"log": func(ctx context.Context, c *gitlabci.Client) error {
			_, err := c.Jobs.Log(ctx, "group/app", 9)
			return err
		},
		"archive of a job": func(ctx context.Context, c *gitlabci.Client) error {
			_, err := c.Artifacts.Open(ctx, "group/app", gitlabci.JobID(9), nil)
			return err
		},
		"latest archive": func(ctx context.Context, c *gitlabci.Client) error {
			_, err := c.Artifacts.Download(ctx, "group/app", latest, io.Discard, nil)
			return err
		},
		"ranges": func(ctx context.Context, c *gitlabci.Client) error {
			_, err := c.Artifacts.Archive(ctx, "group/app", gitlabci.JobID(9), nil)
			return err
		},
		"member": func(ctx context.Context, c *gitlabci.Client) error {
			_, err := c.Artifacts.OpenFile(ctx, "group/app", gitlabci.JobID(9), "dist/app.tar", nil)
			return err
		},
	} {
		err := read(t.Context(), testkit.NewScript(message).Client(t))
		require.ErrorContains(t, err, "application/json", name)
		require.ErrorContains(t, err, "401 Unauthorized", name)
		require.NotContains(t, err.Error(), testkit.Token, name)
	}
	for _, path := range []string{"report.json", "dist/app.js.map", "coverage-json"} {
		file, err := testkit.NewScript(testkit.Respond(200, `{"a":1}`)).Client(t).Artifacts.OpenFile(t.Context(), "group/app", gitlabci.JobID(9), path, nil)
		require.NoError(t, err, path)
		require.NoError(t, file.Close())
	}
}
