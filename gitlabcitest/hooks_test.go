package gitlabcitest_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

// A received is a delivery as a receiver got it.
type received struct {
	at     time.Time
	header http.Header
	raw    string
	body   object
}

// status is what the event is about, as "pipeline running" or "job unit success".
func (r received) status() string {
	switch r.body["object_kind"] {
	case "pipeline":
		return "pipeline " + r.body.in("object_attributes")["status"].(string)
	case "build":
		return fmt.Sprint("job ", r.body["build_name"], " ", r.body["build_status"])
	case "deployment":
		return fmt.Sprint("deployment ", r.body["environment"], " ", r.body["status"])
	}
	return ""
}

// A receiver keeps what it gets, and responds with a status.
type receiver struct {
	mu     sync.Mutex
	got    []received
	status int           // 0 is 200
	slow   time.Duration // before the response
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	raw, err := io.ReadAll(req.Body)
	one := received{at: time.Now(), header: req.Header.Clone(), raw: string(raw)}
	if err == nil && json.Unmarshal(raw, &one.body) == nil {
		r.mu.Lock()
		r.got = append(r.got, one)
		r.mu.Unlock()
	}
	select {
	case <-time.After(r.slow):
	case <-req.Context().Done():
	}
	if r.status != 0 {
		w.WriteHeader(r.status)
	}
	io.WriteString(w, "thanks")
}

func (r *receiver) all() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

func (r *receiver) statuses() (found []string) {
	for _, one := range r.all() {
		found = append(found, one.status())
	}
	return found
}

const (
	hookSecret   = "correct horse"
	signingToken = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
)

// requireSigned checks a delivery's signature by the rules of Standard Webhooks.
func requireSigned(t *testing.T, r received) {
	t.Helper()
	key := make([]byte, 32)
	for i := range key {
		key[i] = byte(i)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(r.header.Get("webhook-id") + "." + r.header.Get("webhook-timestamp") + "." + r.raw))
	require.Equal(t, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)), r.header.Get("webhook-signature"))
}

// hooked is a server in a bubble whose project has a hook.
func hooked(t *testing.T, h gitlabcitest.Hook, f func(t *testing.T, srv *gitlabcitest.Server, got *receiver)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		srv, got := gitlabcitest.NewServer(), &receiver{}
		h.Handler = got
		srv.AddHook("group/app", h)
		f(t, srv, got)
	})
}

var twoJobs = []gitlabcitest.Job{
	{Name: "unit", Script: gitlabcitest.Script{Queues: 5 * time.Second, Runs: time.Minute}},
	{Name: "deploy", Stage: "deploy", Environment: "production", Script: gitlabcitest.Script{Runs: 30 * time.Second, Result: gitlabci.StatusFailed}},
}

// Events come by the clock, whether or not a request comes.
func TestHooksFollowTheClock(t *testing.T) {
	hooked(t, gitlabcitest.Hook{}, func(t *testing.T, srv *gitlabcitest.Server, got *receiver) {
		srv.OnCreate("group/app", gitlabcitest.Pipeline{}, twoJobs...)
		start := time.Now()
		_, err := srv.Client().Pipelines.Create(t.Context(), "group/app", "main", nil)
		require.NoError(t, err)
		time.Sleep(time.Hour)
		var steps []string
		for _, r := range got.all() {
			steps = append(steps, fmt.Sprint(r.at.Sub(start), " ", r.status()))
		}
		require.Equal(t, []string{
			"0s job unit created", "0s job deploy created", "0s pipeline created",
			"0s job unit pending", "0s pipeline pending",
			"5s job unit running", "5s pipeline running",
			"1m5s job unit success", "1m5s job deploy pending", "1m5s job deploy running", "1m5s deployment production running",
			"1m35s job deploy failed", "1m35s deployment production failed", "1m35s pipeline failed",
		}, withoutStep(steps, "1m5s pipeline running"))
	})
}

// withoutStep leaves out a step that the pipeline may or may not go through.
func withoutStep(steps []string, step string) []string {
	return slices.DeleteFunc(steps, func(one string) bool {
		return one == step || one == strings.Replace(step, "running", "pending", 1)
	})
}

// What exists already is delivered when it changes, and not before.
func TestHooksOfWhatIsThere(t *testing.T) {
	hooked(t, gitlabcitest.Hook{Events: []gitlabcitest.HookEvent{gitlabcitest.HookEventPipeline}}, func(t *testing.T, srv *gitlabcitest.Server, got *receiver) {
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusRunning})
		j := p.AddJob(gitlabcitest.Job{Status: gitlabci.StatusRunning})
		srv.Wait()
		require.Empty(t, got.all())
		srv.SetJobStatus(j.ID, gitlabci.StatusSuccess)
		srv.Wait()
		require.Equal(t, []string{"pipeline success"}, got.statuses(), "no events of jobs")
		p.AddStatus(gitlabcitest.CommitStatus{Status: gitlabci.StatusFailed})
		srv.Wait()
		require.Equal(t, []string{"pipeline success", "pipeline failed"}, got.statuses(), "a status counts, and is no job")
	})
}

func TestHookHeaders(t *testing.T) {
	hooked(t, gitlabcitest.Hook{Token: hookSecret, SigningToken: signingToken}, func(t *testing.T, srv *gitlabcitest.Server, got *receiver) {
		other := &receiver{}
		srv.AddHook("group/app", gitlabcitest.Hook{Handler: other})
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusPending})
		j := p.AddJob(gitlabcitest.Job{Status: gitlabci.StatusPending, Environment: "review/1"})
		time.Sleep(time.Minute)
		srv.SetJobStatus(j.ID, gitlabci.StatusRunning)
		srv.Wait()
		require.Equal(t, []string{"job test running", "deployment review/1 running", "pipeline running"}, got.statuses())
		keys, uuids := map[string]bool{}, map[string]bool{}
		for i, r := range got.all() {
			requireSigned(t, r)
			for name, want := range map[string]string{
				"Content-Type": "application/json", "User-Agent": "GitLab/19.5.0", "X-Gitlab-Instance": "https://gitlab.example.com",
				"X-Gitlab-Token": hookSecret, "X-Gitlab-Event": []string{"Job Hook", "Deployment Hook", "Pipeline Hook"}[i],
				"Webhook-Timestamp": strconv.FormatInt(time.Now().Unix(), 10), "Webhook-Id": r.header.Get("Idempotency-Key"),
			} {
				require.Equal(t, want, r.header.Get(name), name)
			}
			keys[r.header.Get("webhook-id")], uuids[r.header.Get("X-Gitlab-Webhook-UUID")] = true, true
			theirs := other.all()[i].header
			require.Equal(t, r.header.Get("X-Gitlab-Event-UUID"), theirs.Get("X-Gitlab-Event-UUID"), "of the event")
			require.NotEqual(t, r.header.Get("webhook-id"), theirs.Get("webhook-id"), "of the delivery")
			require.Empty(t, theirs.Get("X-Gitlab-Token")+theirs.Get("webhook-signature"))
		}
		require.Len(t, keys, 3)
		require.Len(t, uuids, 3)
		require.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, got.all()[0].header.Get("webhook-id"))
	})
}

// Older releases have fewer headers.
func TestHookHeadersOfReleases(t *testing.T) {
	for release, absent := range map[string]string{
		"18.11": "Webhook-Id Webhook-Timestamp Webhook-Signature",
		"17.3":  "Webhook-Id Webhook-Timestamp Webhook-Signature Idempotency-Key",
		"15.4":  "Webhook-Id Webhook-Timestamp Webhook-Signature Idempotency-Key X-Gitlab-Webhook-Uuid",
	} {
		synctest.Test(t, func(t *testing.T) {
			srv, got := gitlabcitest.NewServer(gitlabcitest.WithVersion(release)), &receiver{}
			srv.AddHook("group/app", gitlabcitest.Hook{Handler: got, Token: hookSecret, SigningToken: signingToken})
			j := srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{Status: gitlabci.StatusRunning})
			srv.SetJobStatus(j.ID, gitlabci.StatusSuccess)
			srv.Wait()
			for name := range strings.FieldsSeq(absent) {
				require.Empty(t, got.all()[0].header.Values(name), name)
			}
			require.Equal(t, "GitLab/"+release+".0", got.all()[0].header.Get("User-Agent"))
			require.NotEmpty(t, got.all()[0].header.Get("X-Gitlab-Event-UUID"))
		})
	}
}

const (
	hookUserKeys    = "id name username avatar_url email"
	hookProjectKeys = "id name description web_url avatar_url git_ssh_url git_http_url namespace visibility_level path_with_namespace default_branch ci_config_path"
)

func TestPipelinePayload(t *testing.T) {
	hooked(t, gitlabcitest.Hook{}, func(t *testing.T, srv *gitlabcitest.Server, got *receiver) {
		m := srv.AddMergeRequest("group/app", gitlabcitest.MergeRequest{IID: 3, Source: "topic"})
		p := m.AddPipeline(gitlabcitest.PipelineKindDetached, gitlabcitest.Pipeline{
			Status: gitlabci.StatusPending, Name: "Nightly", Username: "noor", Variables: []*gitlabci.Variable{{Key: "A", Value: "b"}},
		})
		p.AddJob(gitlabcitest.Job{Name: "unit", Status: gitlabci.StatusSuccess, Artifacts: files(), Tags: []string{"docker"}})
		j := p.AddJob(gitlabcitest.Job{Name: "deploy", Status: gitlabci.StatusRunning, Environment: "Staging/eu", AllowFailure: true})
		time.Sleep(90 * time.Second)
		srv.FailJob(j.ID, gitlabci.FailureReasonScriptFailure)
		srv.Wait()
		o := got.all()[len(got.all())-1].body
		requireKeys(t, "object_kind object_attributes merge_request user project commit builds", o)
		a := o.in("object_attributes")
		requireKeys(t, "id iid name ref tag sha before_sha source status detailed_status stages created_at finished_at duration queued_duration protected_ref variables url", a)
		for key, want := range map[string]any{
			"ref": "topic", "status": "success", "detailed_status": "passed with warnings", "name": "Nightly", "stages": []any{"test"},
			"created_at": "2000-01-01 00:00:00 UTC", "finished_at": "2000-01-01 00:01:30 UTC", "protected_ref": false,
			"variables": []any{map[string]any{"key": "A", "value": "b"}}, "source": "merge_request_event",
		} {
			require.Equal(t, want, a[key], key)
		}
		requireKeys(t, "id iid title source_branch source_project_id target_branch target_project_id state merge_status detailed_merge_status url", o.in("merge_request"))
		requireKeys(t, hookUserKeys, o.in("user"))
		require.Equal(t, "[REDACTED]", o.in("user")["email"])
		requireKeys(t, hookProjectKeys, o.in("project"))
		requireKeys(t, "id message title timestamp url author", o.in("commit"))
		require.Equal(t, "2000-01-01T00:00:00+00:00", o.in("commit")["timestamp"])
		builds := o["builds"].([]any)
		require.Len(t, builds, 2)
		first, second := object(builds[0].(map[string]any)), object(builds[1].(map[string]any))
		requireKeys(t, "id stage name status created_at started_at finished_at duration queued_duration failure_reason when manual allow_failure user runner artifacts_file environment", first)
		require.Equal(t, "artifacts.zip", first.in("artifacts_file")["filename"])
		require.Equal(t, map[string]any{"filename": nil, "size": nil}, second["artifacts_file"])
		require.Equal(t, []any{nil, "script_failure"}, []any{first["failure_reason"], second["failure_reason"]})
		require.Equal(t, map[string]any{"name": "Staging/eu", "action": "start", "deployment_tier": "staging"}, second["environment"])
		requireKeys(t, "id description runner_type active is_shared tags", first.in("runner"))
		require.InDelta(t, 90, second["duration"], 0.1)
	})
}

func TestJobAndDeploymentPayloads(t *testing.T) {
	hooked(t, gitlabcitest.Hook{}, func(t *testing.T, srv *gitlabcitest.Server, got *receiver) {
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{ID: 7})
		p.AddJob(gitlabcitest.Job{Name: "deploy", Retried: true, Status: gitlabci.StatusFailed})
		j := p.AddJob(gitlabcitest.Job{ID: 70, Name: "deploy", Status: gitlabci.StatusPending, Environment: "prod"})
		srv.SetJobStatus(j.ID, gitlabci.StatusRunning)
		time.Sleep(time.Minute)
		srv.SetJobStatus(j.ID, gitlabci.StatusSuccess)
		srv.Wait()
		deliveries := got.all()
		o := deliveries[3].body
		require.Equal(t, "job deploy success", deliveries[3].status())
		requireKeys(t, "object_kind ref tag before_sha sha retries_count build_id build_name build_stage build_status build_created_at build_started_at "+
			"build_finished_at build_created_at_iso build_started_at_iso build_finished_at_iso build_duration build_queued_duration build_allow_failure "+
			"build_failure_reason pipeline_id runner project_id project_name user commit repository project environment", o)
		for key, want := range map[string]any{
			"build_id": 70.0, "retries_count": 1.0, "build_failure_reason": "unknown_failure", "project_name": "Group / App", "pipeline_id": 7.0,
			"build_started_at": "2000-01-01 00:00:00 UTC", "build_finished_at": "2000-01-01 00:01:00 UTC", "build_finished_at_iso": "2000-01-01T00:01:00Z", "build_duration": 60.0,
		} {
			require.Equal(t, want, o[key], key)
		}
		require.Equal(t, 7.0, o.in("commit")["id"], "of the pipeline")
		requireKeys(t, "id name sha message author_name author_email author_url status duration started_at finished_at started_at_iso finished_at_iso", o.in("commit"))
		requireKeys(t, "name url description homepage git_http_url git_ssh_url visibility_level", o.in("repository"))

		require.Equal(t, "deployment prod success", deliveries[4].status())
		d := deliveries[4].body
		requireKeys(t, "object_kind status status_changed_at deployment_id deployable_id deployable_url environment environment_tier environment_slug "+
			"environment_external_url project short_sha user user_url commit_url commit_title", d)
		require.Equal(t, []any{1.0, 70.0, "production", "2000-01-01 00:01:00 +0000"}, []any{d["deployment_id"], d["deployable_id"], d["environment_tier"], d["status_changed_at"]})
		require.Equal(t, 1.0, deliveries[1].body["deployment_id"], "the same one")
	})
}

// Downstream pipelines say where they come from, and trigger jobs have no events.
func TestDownstreamPayload(t *testing.T) {
	hooked(t, gitlabcitest.Hook{}, func(t *testing.T, srv *gitlabcitest.Server, got *receiver) {
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{ID: 7})
		bridge := p.AddJob(gitlabcitest.Job{Name: "child", Trigger: &gitlabcitest.Trigger{Depend: true, Jobs: []gitlabcitest.Job{twoJobs[0]}}})
		time.Sleep(time.Hour)
		children := 0
		for _, r := range got.all() {
			require.NotContains(t, r.status(), "job child")
			if source, ok := r.body["source_pipeline"].(map[string]any); ok {
				children++
				require.Equal(t, []any{7.0, float64(bridge.ID)}, []any{source["pipeline_id"], source["job_id"]})
			}
		}
		require.Equal(t, 8, children, "four of the job and four of its pipeline")
	})
}

// If GitLab compresses an event on its way, durations are text.
func TestLargePayload(t *testing.T) {
	hooked(t, gitlabcitest.Hook{}, func(t *testing.T, srv *gitlabcitest.Server, got *receiver) {
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
		for i := range 200 {
			p.AddJob(gitlabcitest.Job{Name: fmt.Sprint("unit ", i), Duration: 90 * time.Second})
		}
		j := p.AddJob(gitlabcitest.Job{Status: gitlabci.StatusRunning})
		srv.SetJobStatus(j.ID, gitlabci.StatusFailed)
		srv.Wait()
		builds := got.all()[1].body["builds"].([]any)
		require.Equal(t, "90", builds[0].(map[string]any)["duration"])
	})
}

func TestHooksOfBlockedUsers(t *testing.T) {
	hooked(t, gitlabcitest.Hook{}, func(t *testing.T, srv *gitlabcitest.Server, got *receiver) {
		srv.AddUser(gitlabcitest.User{Username: "gone", Blocked: true})
		j := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Username: "gone"}).AddJob(gitlabcitest.Job{Status: gitlabci.StatusRunning})
		srv.SetJobStatus(j.ID, gitlabci.StatusSuccess)
		srv.Wait()
		require.Empty(t, got.all())
	})
}

// Over HTTP to another process, and no goroutine is left.
func TestHooksOverHTTP(t *testing.T) {
	got := &receiver{}
	target := httptest.NewServer(got)
	defer target.Close()
	srv := gitlabcitest.NewServer()
	srv.AddHook("group/app", gitlabcitest.Hook{URL: target.URL + "/hook?a=b", Token: hookSecret, SigningToken: signingToken})
	j := srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{Status: gitlabci.StatusRunning})
	srv.SetJobStatus(j.ID, gitlabci.StatusFailed)
	srv.Wait()
	require.Equal(t, []string{"job test failed", "pipeline failed"}, got.statuses())
	requireSigned(t, got.all()[0])
	srv.Close()
	srv.SetJobStatus(srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{Status: gitlabci.StatusRunning}).ID, gitlabci.StatusFailed)
	srv.Wait()
	require.Len(t, got.all(), 2, "a closed server tells nobody")
}

// Close ends a delivery that is being made, and waits for that.
func TestCloseEndsDeliveries(t *testing.T) {
	hooked(t, gitlabcitest.Hook{}, func(t *testing.T, srv *gitlabcitest.Server, got *receiver) {
		got.slow = time.Hour
		j := srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{Status: gitlabci.StatusRunning})
		srv.SetJobStatus(j.ID, gitlabci.StatusFailed)
		synctest.Wait()
		start := time.Now()
		srv.Close()
		synctest.Wait()
		require.Zero(t, time.Since(start))
		require.Len(t, got.all(), 1)
	})
}

// The receivers of hooks may call the server.
func TestHookThatCallsTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
		srv.AddHook("group/app", gitlabcitest.Hook{Events: []gitlabcitest.HookEvent{gitlabcitest.HookEventJob}, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, err := srv.Client().Statuses.Set(r.Context(), "group/app", p.SHA, gitlabci.StatusRunning, nil)
			if err != nil {
				w.WriteHeader(http.StatusInternalServerError)
			}
		})})
		j := p.AddJob(gitlabcitest.Job{Status: gitlabci.StatusRunning})
		srv.SetJobStatus(j.ID, gitlabci.StatusFailed)
		srv.Wait()
		require.Equal(t, []string{"default running 101"}, statusesOf(t, srv, p.SHA, "stage=external"))
		require.Equal(t, "200", get(t, srv, "/projects/1/hooks/1/events").list(t)[0]["response_status"])
	})
}
