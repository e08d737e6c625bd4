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
	"example.com/gitlabci/examples/internal/console/consoletest"
	"example.com/gitlabci/examples/internal/state"
	"example.com/gitlabci/gitlabcitest"
)

func TestDemo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out, notes bytes.Buffer
		if code := command(t.Context(), []string{"-demo"}, &out, &notes); code != 0 || notes.String() != "watching 4 pipelines for 5s\n" {
			t.Fatalf("the exit code is %d: %s", code, &notes)
		}
		for _, want := range []string{
			"gitlab_pipelines_finished_total\n  group/app main failed: 1\n  group/app main success: 1\n  group/app other success: 1\n",
			"gitlab_pipeline_duration_seconds\n  group/app main: 2, 3s in all\n",
			"gitlab_jobs_failed_total\n  group/app script_failure: 1\n",
			"gitlab_pipelines_running\n  group/app: 1\n",
			"  /projects/:id/pipelines/:pipeline_id GET 200: 3\n",
		} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s is missing in:\n%s", want, &out)
			}
		}
	})
}

// start starts a watcher, which ends with the context.
func start(t *testing.T, ctx context.Context, srv *gitlabcitest.Server, path string) (w *watcher, printed func() string, ended chan error) {
	file, err := state.Open[gitlabci.JobID](path)
	if err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewRegistry()
	w = &watcher{client: srv.Client(), metrics: newMetrics(registry), state: file}
	mux := http.NewServeMux()
	if err := w.receive(mux, "", "invented", t.Output()); err != nil {
		t.Fatal(err)
	}
	srv.AddHook("group/app", gitlabcitest.Hook{URL: "https://exporter.example/gitlab", Handler: mux, Token: "invented"})
	ended = make(chan error, 1)
	go func() { ended <- w.watch(ctx, "group/app") }()
	return w, func() string {
		var out strings.Builder
		if err := printMetrics(registry, &out); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}, ended
}

const finished, failed = "gitlab_pipelines_finished_total\n  group/app main success: 1\n", "gitlab_jobs_failed_total\n"

// A second exporter with the same file counts what changed since, and nothing again.
func TestRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		defer srv.Close()
		path := filepath.Join(t.TempDir(), "state")
		watch := func() string {
			ctx, cancel := context.WithTimeout(t.Context(), 6*time.Minute)
			defer cancel()
			_, printed, ended := start(t, ctx, srv, path)
			if err := <-ended; !errors.Is(err, context.DeadlineExceeded) {
				t.Fatal(err)
			}
			return printed()
		}
		pipeline := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
		pipeline.AddJob(gitlabcitest.Job{Name: "lint", AllowFailure: true, Script: gitlabcitest.Script{Runs: time.Second, Result: gitlabci.StatusFailed}})
		deploy := pipeline.AddJob(gitlabcitest.Job{Name: "deploy", AllowFailure: true, When: gitlabcitest.WhenManual, Script: gitlabcitest.Script{Runs: 2 * time.Minute}})
		if got := watch(); !strings.Contains(got, finished) || !strings.Contains(got, failed) {
			t.Errorf("first, the metrics are:\n%s", got)
		}
		if got := watch(); strings.Contains(got, "finished_total") || strings.Contains(got, failed) {
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

// A webhook counts a pipeline minutes before the next poll would. A deleted pipeline no longer
// counts as running.
func TestWebhook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		defer srv.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		_, printed, ended := start(t, ctx, srv, filepath.Join(t.TempDir(), "state"))
		time.Sleep(10 * time.Minute) // polls are rare now
		srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{Script: gitlabcitest.Script{Runs: time.Second}})
		stuck := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
		stuck.AddJob(gitlabcitest.Job{Script: gitlabcitest.Script{Runs: 2 * time.Hour}})
		time.Sleep(2 * time.Second)
		if got := printed(); !strings.Contains(got, finished) {
			t.Errorf("a second after a webhook, the metrics are:\n%s", got)
		}
		time.Sleep(30 * time.Second)
		const running = "gitlab_pipelines_running\n  group/app: "
		if got := printed(); !strings.Contains(got, running+"1\n") {
			t.Errorf("half a minute later, they are:\n%s", got)
		}
		if err := srv.Client().Pipelines.Delete(ctx, "group/app", stuck.ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(30 * time.Second)
		if got := printed(); !strings.Contains(got, finished) || !strings.Contains(got, running+"0\n") {
			t.Errorf("after one was deleted, they are:\n%s", got)
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

func TestExitCodes(t *testing.T) {
	consoletest.SetEnv(t, "http://127.0.0.1:9", "glpat-0")
	t.Chdir(t.TempDir()) // whose path may have spaces
	if err := os.WriteFile("damaged", []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	consoletest.ExitCodes(t, command, map[string]int{
		"-h": 0, "": 2, "-demo a": 2, "-nonsense": 2, "-state damaged a": 2, "-listen nowhere:x a": 1,
	})
}

// Debian's Prometheus scrapes the program, which reads a GitLab on a socket. It takes five
// seconds until it begins, so its promtool reads the same text, and it scrapes only with
// GITLABCI_TEST_ALL=1, as in .ci/run.
func TestPrometheus(t *testing.T) {
	listen, folder := startOnSocket(t), t.TempDir()
	t.Run("promtool", func(t *testing.T) {
		program := lookPath(t, "promtool")
		text := poll(t, func() (string, bool) {
			response, err := http.Get("http://" + listen + "/metrics")
			if err != nil {
				return "", false // it does not listen yet
			}
			defer response.Body.Close()
			text, err := io.ReadAll(response.Body)
			if kind := response.Header.Get("Content-Type"); err != nil || !strings.HasPrefix(kind, "text/plain; version=0.0.4") {
				t.Errorf("the metrics are %q: %v", kind, err)
			}
			return string(text), strings.Contains(string(text), "\n"+counted+" 1\n")
		})
		check := exec.Command(program, "check", "metrics")
		check.Stdin = strings.NewReader(text)
		if notes, err := check.CombinedOutput(); err != nil || len(notes) > 0 {
			t.Errorf("promtool says: %v: %s\n%s", err, notes, text)
		}
	})
	t.Run("prometheus", func(t *testing.T) {
		if os.Getenv("GITLABCI_TEST_ALL") == "" {
			t.Skip("it waits for five seconds: GITLABCI_TEST_ALL=1 and .ci/run run it")
		}
		program, web, file := lookPath(t, "prometheus"), free(t), filepath.Join(folder, "prometheus.yml")
		config := fmt.Sprintf("scrape_configs: [{job_name: gitlab, scrape_interval: 200ms, scrape_timeout: 200ms, static_configs: [{targets: [%q]}]}]", listen)
		if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		prometheus := exec.CommandContext(ctx, program, "--config.file="+file,
			"--storage.tsdb.path="+filepath.Join(folder, "data"), "--web.listen-address="+web, "--log.level=error")
		if err := prometheus.Start(); err != nil {
			t.Fatal(err)
		}
		if value := poll(t, func() (string, bool) { return query(web, counted) }); value != "1" {
			t.Errorf("Prometheus has %q", value)
		}
		stop()
		prometheus.Wait()
	})
}

// counted is what the program counts in startOnSocket, as Prometheus writes it.
const counted = `gitlab_pipelines_finished_total{project="group/app",ref="main",status="failed"}`

// startOnSocket runs the program until the test ends, and returns where it listens.
func startOnSocket(t *testing.T) (listen string) {
	srv := gitlabcitest.NewServer()
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusFailed, Duration: time.Minute})
	server, err := srv.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	consoletest.SetEnv(t, server, srv.Token())
	t.Setenv("EXPORTER_SECRET_TOKEN", "invented")
	state := filepath.Join(t.TempDir(), "state")
	since := fmt.Sprintf(`{"group/app":{"since":%q}}`, time.Now().Add(-time.Hour).Format(time.RFC3339))
	if err := os.WriteFile(state, []byte(since), 0o600); err != nil {
		t.Fatal(err)
	}
	listen = free(t)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	var notes bytes.Buffer
	go func() {
		ended <- command(ctx, []string{"-listen", listen, "-state", state, "group/app"}, io.Discard, &notes)
	}()
	t.Cleanup(func() {
		stop()
		if code := <-ended; code != 0 {
			t.Errorf("the exit code is %d: %s", code, &notes)
		}
	})
	return listen
}

// lookPath finds a program of Debian's package.
func lookPath(t *testing.T, name string) string {
	program, err := exec.LookPath(name)
	if err != nil {
		t.Skip(name + " is not installed: apt-get install prometheus")
	}
	return program
}

// free is a host and port that nobody listens on.
func free(t *testing.T) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// poll tries something until it is done, for half a minute.
func poll(t *testing.T, try func() (string, bool)) (got string) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for tick := time.Tick(20 * time.Millisecond); ctx.Err() == nil; <-tick {
		var done bool
		if got, done = try(); done {
			return got
		}
	}
	t.Fatalf("after half a minute there is: %s", got)
	return ""
}

// query queries Prometheus for a value.
func query(web, what string) (string, bool) {
	response, err := http.Get("http://" + web + "/api/v1/query?query=" + url.QueryEscape(what))
	if err != nil {
		return "", false // it does not listen yet
	}
	defer response.Body.Close()
	var body struct {
		Data struct{ Result []struct{ Value [2]any } }
	}
	if err := json.NewDecoder(response.Body).Decode(&body); err != nil || len(body.Data.Result) != 1 {
		return "", false
	}
	return fmt.Sprint(body.Data.Result[0].Value[1]), true
}
