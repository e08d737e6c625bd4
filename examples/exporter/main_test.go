package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

func TestDemo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out, notes bytes.Buffer
		if code := command(t.Context(), []string{"-demo"}, &out, &notes); code != 0 || notes.Len() > 0 {
			t.Fatalf("the exit code is %d: %s", code, &notes)
		}
		for _, want := range []string{
			`gitlab_pipelines_finished_total{project="group/app",ref="main",status="failed"} 1`,
			`gitlab_pipelines_finished_total{project="group/app",ref="main",status="success"} 1`,
			`gitlab_pipelines_finished_total{project="group/app",ref="other",status="success"} 1`,
			`gitlab_pipeline_duration_seconds_sum{project="group/app",ref="main"} 3`,
			`gitlab_jobs_failed_total{project="group/app",reason="script_failure"} 1`,
			`gitlab_pipelines_running{project="group/app"} 1`,
			`gitlab_client_requests_total{endpoint="/projects/:id/pipelines/:pipeline_id",method="GET",status="200"} 3`,
		} {
			if !strings.Contains(out.String(), want+"\n") {
				t.Errorf("%s is missing in:\n%s", want, &out)
			}
		}
	})
}

// A second exporter with the same file counts what changed since, and nothing again.
func TestRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		path := filepath.Join(t.TempDir(), "state")
		watch := func() string {
			store, err := openStore(path)
			if err != nil {
				t.Fatal(err)
			}
			registry := prometheus.NewRegistry()
			w := &watcher{client: srv.Client(), metrics: newMetrics(registry), store: store}
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
			defer cancel()
			if err := w.watch(ctx, "group/app"); !errors.Is(err, context.DeadlineExceeded) {
				t.Fatal(err)
			}
			var out strings.Builder
			if err := printMetrics(registry, &out); err != nil {
				t.Fatal(err)
			}
			return out.String()
		}
		pipeline := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
		pipeline.AddJob(gitlabcitest.Job{Name: "lint", AllowFailure: true, Script: gitlabcitest.Script{Runs: time.Second, Result: gitlabci.StatusFailed}})
		deploy := pipeline.AddJob(gitlabcitest.Job{Name: "deploy", AllowFailure: true, When: gitlabcitest.WhenManual, Script: gitlabcitest.Script{Runs: 2 * time.Minute}})
		const finished, failed = `gitlab_pipelines_finished_total{project="group/app",ref="main",status="success"} 1`, `gitlab_jobs_failed_total{`
		if got := watch(); !strings.Contains(got, finished) || !strings.Contains(got, failed) {
			t.Errorf("first, the metrics are:\n%s", got)
		}
		if got := watch(); strings.Contains(got, "finished_total{") || strings.Contains(got, failed) {
			t.Errorf("when nothing has changed, they are:\n%s", got)
		}
		if _, err := srv.Client().Jobs.Play(t.Context(), "group/app", deploy.ID, nil); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if got := watch(); !strings.Contains(got, finished) || strings.Contains(got, failed) {
			t.Errorf("after a job was played, they are:\n%s", got)
		}
	})
}

func settle(t *testing.T) {
	for _, name := range []string{"GITLAB_HOST", "CI_API_V4_URL", "CI_SERVER_URL", "CI_JOB_TOKEN", "GITLAB_TOKEN", "EXPORTER_SIGNING_TOKEN", "EXPORTER_SECRET_TOKEN"} {
		t.Setenv(name, "")
	}
}

func TestExitCodes(t *testing.T) {
	settle(t)
	t.Setenv("GITLAB_TOKEN", "glpat-0")
	t.Setenv("GITLAB_URL", "http://127.0.0.1:9")
	damaged := filepath.Join(t.TempDir(), "state")
	if err := os.WriteFile(damaged, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]int{
		"-h": 0, "": 2, "-demo a": 2, "-nonsense": 2, "-state " + damaged + " a": 2, "-hook-addr 127.0.0.1:0 a": 2, "-listen nowhere:x a": 1,
	} {
		var out, notes bytes.Buffer
		if code := command(t.Context(), strings.Fields(args), &out, &notes); code != want || (want == 0) == (notes.Len() > 0) {
			t.Errorf("%s: the exit code is %d: %s%s", args, code, &out, &notes)
		}
	}
}

// Debian's Prometheus scrapes the program, which reads a GitLab on a socket.
func TestPrometheus(t *testing.T) {
	program, err := exec.LookPath("prometheus")
	if err != nil {
		t.Skip("prometheus is not installed: apt-get install prometheus")
	}
	settle(t)
	srv := gitlabcitest.NewServer()
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusFailed, Duration: time.Minute})
	address, err := srv.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	t.Setenv("GITLAB_URL", address)
	t.Setenv("GITLAB_TOKEN", srv.Token())
	t.Setenv("EXPORTER_SECRET_TOKEN", "invented")
	folder := t.TempDir()
	since := fmt.Sprintf(`{"projects":{"group/app":{"since":%q}}}`, time.Now().Add(-time.Hour).Format(time.RFC3339))
	listen, web := free(t), free(t)
	config := fmt.Sprintf("scrape_configs: [{job_name: gitlab, scrape_interval: 200ms, scrape_timeout: 200ms, static_configs: [{targets: [%q]}]}]", listen)
	for name, text := range map[string]string{"state": since, "prometheus.yml": config} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan int, 1)
	var notes bytes.Buffer
	go func() {
		ended <- command(ctx, []string{"-listen", listen, "-hook-addr", "127.0.0.1:0", "-state", filepath.Join(folder, "state"), "group/app"}, io.Discard, &notes)
	}()
	prometheus := exec.CommandContext(ctx, program, "--config.file="+filepath.Join(folder, "prometheus.yml"),
		"--storage.tsdb.path="+filepath.Join(folder, "data"), "--web.listen-address="+web, "--log.level=error")
	if err := prometheus.Start(); err != nil {
		t.Fatal(err)
	}
	value := query(t, web, `gitlab_pipelines_finished_total{project="group/app",ref="main",status="failed"}`)
	if value != "1" {
		t.Errorf("Prometheus has %q", value)
	}
	stop()
	prometheus.Wait()
	if code := <-ended; code != 0 {
		t.Errorf("the exit code is %d: %s", code, &notes)
	}
}

// free is an address that nobody listens on.
func free(t *testing.T) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// query asks Prometheus until it has a value, for half a minute.
func query(t *testing.T, web, what string) string {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for tick := time.Tick(100 * time.Millisecond); ctx.Err() == nil; <-tick {
		response, err := http.Get("http://" + web + "/api/v1/query?query=" + url.QueryEscape(what))
		if err != nil {
			continue // it does not listen yet
		}
		var body struct {
			Data struct{ Result []struct{ Value [2]any } }
		}
		err = json.NewDecoder(response.Body).Decode(&body)
		response.Body.Close()
		if err == nil && len(body.Data.Result) == 1 {
			return fmt.Sprint(body.Data.Result[0].Value[1])
		}
	}
	return ""
}
