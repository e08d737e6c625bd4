package lenient_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/internal/testkit"
)

// benchJobs is a page of 100 jobs: those of ten pipelines, three users and two
// runners.
func benchJobs() string {
	jobs := []map[string]any{}
	for i := range 100 {
		id, pipeline, user := 550_100-i, 91_000-i/10, i/10%3+101
		sha := fmt.Sprintf("%040x", 0x2f9e6b1d4c7a+int64(pipeline))
		created := fmt.Sprintf("2026-04-09T05:%02d:%02d.%03dZ", 59-i/10, 59-i%10, i)
		web := "https://gitlab.example.com/group/app/-/"
		jobs = append(jobs, map[string]any{
			"id": id, "status": []string{"success", "failed", "running"}[i%3], "stage": []string{"build", "test", "deploy"}[i%3],
			"name": fmt.Sprintf("rspec %d/10", i%10+1), "ref": "main", "tag": false, "coverage": nil, "allow_failure": false,
			"created_at": created, "started_at": created, "finished_at": created, "erased_at": nil, "duration": 12.5 + float64(i), "queued_duration": 0.125 * float64(i),
			"user": map[string]any{
				"id": user, "username": fmt.Sprintf("user.%d", user), "name": fmt.Sprintf("User %d", user), "state": "active", "locked": false, "public_email": "",
				"avatar_url": fmt.Sprintf("https://gitlab.example.com/uploads/-/system/user/avatar/%d/a.png", user), "web_url": fmt.Sprintf("https://gitlab.example.com/user.%d", user),
				"created_at": "2021-08-17T10:45:30.625Z", "bio": "", "location": nil, "linkedin": "", "twitter": "", "discord": "", "website_url": "", "organization": nil,
				"job_title": "", "pronouns": nil, "bot": false, "work_information": nil, "followers": 0, "following": 0, "local_time": nil,
			},
			"commit": map[string]any{
				"id": sha, "short_id": sha[:8], "created_at": "2026-04-09T05:28:59.000+02:00", "parent_ids": []string{strings.Repeat("ab", 20)}, "title": "Check every valve twice",
				"message": fmt.Sprintf("Check every valve twice\n\nChange-Id: %d\n", pipeline), "author_name": "Noor Haddad", "author_email": "noor@example.org", "authored_date": "2026-04-09T05:27:11.000+02:00",
				"committer_name": "Noor Haddad", "committer_email": "noor@example.org", "committed_date": "2026-04-09T05:28:58.000+02:00", "trailers": map[string]any{}, "extended_trailers": map[string]any{},
				"web_url": web + "commit/" + sha,
			},
			"pipeline": map[string]any{
				"id": pipeline, "iid": pipeline - 90_000, "project_id": 57, "sha": sha, "ref": "main", "status": "running", "source": "push",
				"created_at": "2026-04-09T05:29:59.801Z", "updated_at": "2026-04-09T05:34:02.333Z", "web_url": fmt.Sprintf("%spipelines/%d", web, pipeline),
			},
			"web_url": fmt.Sprintf("%sjobs/%d", web, id), "project": map[string]any{"ci_job_token_scope_enabled": false},
			"artifacts":           []any{map[string]any{"file_type": "trace", "size": 4000 + i, "filename": "job.log", "file_format": nil}},
			"artifacts_expire_at": nil, "archived": false, "tag_list": []string{"docker", "linux"},
			"runner": map[string]any{
				"id": 22 + i%2, "description": "shed-7", "ip_address": nil, "active": true, "paused": false, "is_shared": true, "runner_type": "instance_type", "name": "gitlab-runner",
				"online": true, "created_at": "2025-12-01T04:05:06.070Z", "status": "online", "job_execution_status": "active",
			},
			"runner_manager": map[string]any{
				"id": 61 + i%2, "system_id": "r_9b3a77e0c114", "version": "19.0.2", "revision": "41f0be9c", "platform": "linux", "architecture": "amd64",
				"created_at": "2025-12-02T13:14:15.160Z", "contacted_at": created, "ip_address": "192.0.2.61", "status": "online",
			},
		})
	}
	return benchJSON(jobs)
}

// benchPipelines is a page of 100 pipelines.
func benchPipelines() string {
	pipelines := []map[string]any{}
	for i := range 100 {
		id := 91_000 - i
		pipelines = append(pipelines, map[string]any{
			"id": id, "iid": id - 90_000, "project_id": 57, "sha": fmt.Sprintf("%040x", 0x2f9e6b1d4c7a+int64(id)), "ref": "main", "status": "success", "source": "push",
			"created_at": fmt.Sprintf("2026-04-09T05:%02d:59.801Z", 59-i/2), "updated_at": fmt.Sprintf("2026-04-09T06:%02d:02.333Z", 59-i/2),
			"web_url": fmt.Sprintf("https://gitlab.example.com/group/app/-/pipelines/%d", id), "name": nil,
		})
	}
	return benchJSON(pipelines)
}

func benchJSON(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(data)
}

func BenchmarkDecodeJobs(b *testing.B) {
	s := testkit.CannedJSON(benchJobs())
	client := s.Client(b)
	b.SetBytes(int64(len(s.Body)))
	b.ReportAllocs()
	for b.Loop() {
		s.URLs = nil
		page, err := client.Jobs.List(b.Context(), "group/app", nil)
		require.NoError(b, err)
		require.Len(b, page.Items, 100)
	}
}

func BenchmarkDecodePipelines(b *testing.B) {
	s := testkit.CannedJSON(benchPipelines())
	client := s.Client(b)
	b.SetBytes(int64(len(s.Body)))
	b.ReportAllocs()
	for b.Loop() {
		s.URLs = nil
		page, err := client.Pipelines.List(b.Context(), "group/app", nil)
		require.NoError(b, err)
		require.Len(b, page.Items, 100)
	}
}

func BenchmarkDecodeTestCases(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		report, n := &testkit.GrowingReport{N: 1000, Size: 200}, 0
		for _, err := range report.Client(b).Pipelines.TestCases(b.Context(), "group/app", 42) {
			require.NoError(b, err)
			n++
		}
		require.Equal(b, 1000, n)
		b.SetBytes(int64(report.BytesRead))
	}
}
