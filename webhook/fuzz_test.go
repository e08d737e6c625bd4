package webhook_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
	"example.com/gitlabci/webhook"
)

// Any verified body is an event of its kind, or an error, and is printed without secrets.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.json")
	require.NoError(f, err)
	require.NotEmpty(f, files)
	for _, file := range files {
		body, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(body)
	}
	for _, value := range testkit.ScalarPairs {
		f.Add(fmt.Appendf(nil, `{"object_kind":"pipeline","object_attributes":{"id":31,"iid":%[1]s,"stages":%[1]s,"duration":%[1]s,"created_at":%[1]s,"variables":[%[1]s]},"user":%[1]s,"builds":[%[1]s,{"id":1,"runner":%[1]s}],"source_pipeline":%[1]s}`, value))
		f.Add(fmt.Appendf(nil, `{"object_kind":"build","build_id":%[1]s,"build_failure_reason":%[1]s,"project_id":%[1]s,"commit":%[1]s,"repository":%[1]s,"project":%[1]s}`, value))
		f.Add(fmt.Appendf(nil, `{"object_kind":"deployment","deployment_id":1,"status":%[1]s,"user":%[1]s,"project":%[1]s}`, value))
		f.Add(fmt.Appendf(nil, `{"object_kind":%s}`, value))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		e, err := newVerifier(t, webhook.SecretToken(secret)).Parse(newRequest(string(body), "X-Gitlab-Token", secret, "X-Gitlab-Instance", "https://gitlab.example.com"))
		if err != nil {
			require.True(t, errors.Is(err, webhook.ErrMalformed) || errors.Is(err, webhook.ErrTooLarge), err)
			require.False(t, json.Valid(body) && errors.Is(err, webhook.ErrMalformed), err)
			return
		}
		require.Equal(t, string(body), string(e.Raw))
		require.Equal(t, e.Kind == webhook.KindPipeline, e.Pipeline != nil)
		require.Equal(t, e.Kind == webhook.KindJob, e.Job != nil)
		require.Equal(t, e.Kind == webhook.KindDeployment, e.Deployment != nil)
		checkEvent(t, e)
		require.NoError(t, webhook.NewHub().Handle(t.Context(), e))
		require.NotEmpty(t, fmt.Sprint(e))
		_, err = json.Marshal(e)
		require.NoError(t, err)
	})
}

// checkEvent holds an event to what the fields are documented to be.
func checkEvent(t *testing.T, e *webhook.Event) {
	t.Helper()
	if p := e.Pipeline; p != nil {
		require.Positive(t, p.ID)
		require.True(t, p.Commit == nil || p.Commit.ID != "")
		require.True(t, p.User == nil || p.User.ID > 0)
		for _, build := range p.Builds {
			require.Positive(t, build.ID)
			require.True(t, build.Status == gitlabci.StatusFailed || build.FailureReason == "")
			require.True(t, build.Runner == nil || build.Runner.Active != build.Runner.Paused)
		}
	}
	if job := e.Job; job != nil {
		require.Positive(t, job.ID)
		require.True(t, job.Status == gitlabci.StatusFailed || job.FailureReason == "")
	}
	if d := e.Deployment; d != nil {
		require.Positive(t, d.ID)
	}
}

// Only headers and bodies that a token has signed are accepted, and those with the secret
// token if nothing is signed.
func FuzzVerify(f *testing.F) {
	now := time.Now().Unix()
	right := sign(vectorToken, vectorID, vectorTime, vectorBody)
	for _, signature := range []string{right, "v1,AAAA " + right, right + " ", "v1," + right, "", "v1,", "v2," + right[3:], right[:len(right)-1]} {
		f.Add(vectorID, strconv.Itoa(vectorTime), signature, "", vectorBody)
		f.Add(vectorID, strconv.Itoa(vectorTime), signature, secret, vectorBody)
	}
	f.Add(vectorID+"."+strconv.Itoa(vectorTime), "5", right, "", "5")
	f.Add("", "", "", secret, vectorBody)
	f.Add(vectorID, strconv.FormatInt(now, 10), sign(vectorToken, vectorID, now, vectorBody), "", vectorBody)
	f.Fuzz(func(t *testing.T, id, timestamp, signature, token, body string) {
		v := newVerifier(t, webhook.SigningToken(vectorToken), webhook.SecretToken(secret), webhook.Tolerance(100*365*24*time.Hour))
		r := newRequest(body)
		for name, value := range map[string]string{"Webhook-Id": id, "Webhook-Timestamp": timestamp, "Webhook-Signature": signature, "X-Gitlab-Token": token} {
			if value != "" {
				r.Header[name] = []string{value}
			}
		}
		_, err := v.Parse(r)
		at, _ := strconv.ParseInt(timestamp, 10, 64)
		isSigned := fmt.Sprint(at) == timestamp && containsWord(signature, sign(vectorToken, id, at, body))
		switch {
		case max(len(id), len(timestamp), len(signature), len(token)) > 1024:
			require.ErrorIs(t, err, webhook.ErrCredentials)
		case signature != "" && !isSigned, signature == "" && token != secret:
			require.ErrorIs(t, err, webhook.ErrNotVerified)
		case signature == "" && token == secret:
			require.NotErrorIs(t, err, webhook.ErrNotVerified)
		case err == nil:
			require.True(t, isSigned)
			_, err = v.Parse(signedRequest(vectorToken, id, time.Unix(at, 0), body))
			require.ErrorIs(t, err, webhook.ErrReplayed)
		}
	})
}

func containsWord(text, word string) bool { return slices.Contains(strings.Split(text, " "), word) }
