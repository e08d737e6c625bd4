package gitlabcitest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

func TestEnvironmentRoutes(t *testing.T) {
	srv := gitlabcitest.NewServer()
	added := srv.AddEnvironment("group/app", gitlabcitest.Environment{Name: "review/topic", ExternalURL: "https://topic.example.com", CreatedAt: day(1)})
	require.Equal(t, "development", added.Tier)
	srv.AddDeployment("group/app", gitlabcitest.Deployment{Environment: "review/topic", Username: "noor"})
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{Environment: "production", Status: gitlabci.StatusRunning})
	o := get(t, srv, "/projects/1/environments/1").object(t)
	requireKeys(t, "id name slug external_url created_at updated_at tier last_deployment state auto_stop_at description auto_stop_setting", o)
	require.Equal(t, "review-topic", o["slug"])
	requireKeys(t, "id iid ref sha created_at updated_at user deployable status", o.in("last_deployment"))
	all := get(t, srv, "/projects/1/environments").list(t)
	requireKeys(t, "id name slug external_url created_at updated_at tier project state auto_stop_at description auto_stop_setting", all[1])
	require.Equal(t, []any{"review/topic", "production"}, []any{all[0]["name"], all[1]["name"]})
	require.Nil(t, get(t, srv, "/projects/1/environments/2").object(t)["last_deployment"], "it runs")
	d := get(t, srv, "/projects/1/deployments/2").object(t)
	requireKeys(t, "id iid ref sha created_at updated_at user deployable status environment", d)
	require.Equal(t, "running", d["status"])
	require.Equal(t, "2", get(t, srv, "/projects/1/deployments").header.Get("X-Total"))
	for path, status := range map[string]int{
		"/environments?search=ab": 400, "/environments?search=abc&name=d": 400, "/environments?states=x": 400, "/environments/9": 404,
		"/deployments/9": 404, "/deployments?order_by=finished_at": 400, "/deployments?updated_after=2024-01-01T00:00:00Z": 400,
		"/deployments?finished_after=2024-01-01T00:00:00Z&order_by=finished_at": 400, "/deployments?status=x": 400,
	} {
		require.Equal(t, status, get(t, srv, "/projects/1"+path).status, path)
	}
	require.Equal(t, 401, send(t, srv, "GET", "/projects/1/environments", "", "anonymous").status)
	require.Equal(t, 404, get(t, srv, "/projects/9/deployments").status)
	for _, misuse := range []func(){
		func() { srv.AddEnvironment("group/app", gitlabcitest.Environment{}) },
		func() { srv.AddEnvironment("group/app", gitlabcitest.Environment{Name: "review/topic"}) },
		func() { srv.AddEnvironment("group/app", gitlabcitest.Environment{Name: "x", State: "x"}) },
		func() { srv.AddEnvironment("group/app", gitlabcitest.Environment{Name: "x", ID: 1}) },
		func() { srv.AddDeployment("group/app", gitlabcitest.Deployment{}) },
		func() { srv.AddDeployment("group/app", gitlabcitest.Deployment{Environment: "x", ID: 1}) },
		func() { srv.AddDeployment("group/app", gitlabcitest.Deployment{Environment: "x", Status: "x"}) },
	} {
		require.Panics(t, misuse)
	}
}
