package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/gitlabci"
)

// freePort is a port that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
}

// build compiles a program.
func build(t *testing.T, pkg string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	if text, err := exec.Command("go", "build", "-ldflags=-s -w", "-o", path, pkg).CombinedOutput(); err != nil {
		t.Fatalf("go build %s: %v\n%s", pkg, err, text)
	}
	return path
}

// A process is a program that runs, and what it prints.
type process struct {
	cmd  *exec.Cmd
	out  *bufio.Scanner
	seen []string // lines
}

// start starts a program, which is killed when the test ends.
func start(t *testing.T, env []string, program string, args ...string) *process {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // so that a test that fails ends
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: cmd, out: bufio.NewScanner(out)}
	t.Cleanup(func() { p.kill() })
	return p
}

// await reads lines until so many have a text, and returns the last of these. Events and
// what the bot has done come in any order.
func (p *process) await(t *testing.T, text string, lines int) string {
	t.Helper()
	for i := 0; ; i++ {
		if i == len(p.seen) {
			if !p.out.Scan() {
				t.Fatalf("%q is missing in:\n%s", text, strings.Join(p.seen, "\n"))
			}
			p.seen = append(p.seen, p.out.Text())
		}
		if strings.Contains(p.seen[i], text) {
			if lines--; lines == 0 {
				return p.seen[i]
			}
		}
	}
}

// kill ends the program as a crash does.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	_ = p.cmd.Wait()         // with "signal: killed"
}

// stop ends it by SIGTERM, and reads what it still prints.
func (p *process) stop(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.await(t, "stopped", 1)
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
}

// startNginx starts nginx with the location in nginx.conf, on a port.
func startNginx(t *testing.T, port, botPort string) {
	t.Helper()
	path, err := exec.LookPath("nginx")
	if err != nil {
		if path, err = exec.LookPath("/usr/sbin/nginx"); err != nil {
			t.Skip("nginx is not installed")
		}
	}
	location, err := os.ReadFile("nginx.conf")
	if err != nil || !strings.Contains(string(location), "127.0.0.1:9000") {
		t.Fatalf("nginx.conf has no location: %v", err)
	}
	folder, user := t.TempDir(), ""
	if os.Getuid() == 0 {
		user = "user root;" // the folder is not that of others
	}
	config := fmt.Sprintf(`%s worker_processes 1; daemon off; pid %[2]s/pid; error_log stderr notice;
events { worker_connections 64; }
http {
	access_log off;
	client_body_temp_path %[2]s/body; proxy_temp_path %[2]s/proxy;
	fastcgi_temp_path %[2]s/fastcgi; uwsgi_temp_path %[2]s/uwsgi; scgi_temp_path %[2]s/scgi;
	server {
		listen 127.0.0.1:%[3]s;
		%[4]s
	}
}
`, user, folder, port, strings.Replace(string(location), "127.0.0.1:9000", "127.0.0.1:"+botPort, 1))
	file := filepath.Join(folder, "nginx.conf")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "-p", folder, "-c", file)
	notes, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // or its worker would stay
		_ = cmd.Wait()
	})
	(&process{cmd: cmd, out: bufio.NewScanner(notes)}).await(t, "start worker process ", 1)
}

// A fakeGitLab has old pipelines, of which some begin to fail.
type fakeGitLab struct {
	client    *gitlabci.Client
	pipelines []*gitlabci.PipelineInfo // that have not failed yet, of different commits
	failed    []*gitlabci.PipelineInfo
}

func newFakeGitLab(t *testing.T, url, token string) *fakeGitLab {
	t.Helper()
	client, err := gitlabci.NewClient(gitlabci.WithBaseURL(url), gitlabci.WithToken(token))
	if err != nil {
		t.Fatal(err)
	}
	s := &fakeGitLab{client: client}
	for p, err := range client.Pipelines.All(t.Context(), demoProject, &gitlabci.ListPipelinesOptions{Ref: "main", Status: gitlabci.StatusSuccess}) {
		if err != nil {
			t.Fatal(err)
		}
		s.pipelines = append(s.pipelines, p)
	}
	return s
}

// fail lets pipelines fail, by a status of another program.
func (s *fakeGitLab) fail(t *testing.T, n int) {
	t.Helper()
	for _, p := range s.pipelines[:n] {
		opts := &gitlabci.SetStatusOptions{Name: "gate", Pipeline: p.ID}
		if _, err := s.client.Statuses.Set(t.Context(), demoProject, p.SHA, gitlabci.StatusFailed, opts); err != nil {
			t.Fatal(err)
		}
	}
	s.failed = append(s.failed, s.pipelines[:n]...)
	s.pipelines = s.pipelines[n:]
}

// statuses are those of the bot that a pipeline has.
func (s *fakeGitLab) statuses(ctx context.Context, p *gitlabci.PipelineInfo) (int, error) {
	page, err := s.client.Statuses.List(ctx, demoProject, p.SHA, &gitlabci.ListStatusesOptions{Name: "hookbot", Pipeline: p.ID, All: true})
	if err != nil {
		return 0, err
	}
	return len(page.Items), nil
}

// Over real HTTP, fakegitlab delivers to nginx, which forwards to the bot. The bot is killed in
// the middle of its work, is down for a while, and starts again.
func TestBehindNginx(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds programs and starts them")
	}
	port, botPort := freePort(t), freePort(t)
	startNginx(t, port, botPort)
	// A hook is disabled after four failures, so the bot must be there soon after the fake.
	fakegitlab, program := build(t, "example.com/gitlabci/cmd/fakegitlab"), build(t, ".")
	fake := start(t, nil, fakegitlab,
		"-addr", "127.0.0.1:0", "-hook", "http://127.0.0.1:"+port+"/gitlab", "-hook-signing-token", demoToken)
	_, url, _ := strings.Cut(fake.await(t, "GITLAB_URL=", 1), "=")
	_, token, _ := strings.Cut(fake.await(t, "GITLAB_TOKEN=", 1), "=")
	state := filepath.Join(t.TempDir(), "state.json")
	env := []string{"GITLAB_URL=" + url, "GITLAB_TOKEN=" + token, "HOOKBOT_SIGNING_TOKEN=" + demoToken}
	startBot := func() *process {
		bot := start(t, env, program, "-listen", "127.0.0.1:"+botPort, "-state", state, "-lookback", "1m", demoProject)
		bot.await(t, "listening on ", 1)
		return bot
	}

	bot := startBot()
	server := newFakeGitLab(t, url, token)
	server.fail(t, 2)
	bot.await(t, "is failed in", 1)
	bot.await(t, "no job of the pipeline failed", 2)
	server.fail(t, 4)
	bot.await(t, "no job of the pipeline failed", 3)
	bot.kill()
	server.fail(t, 2) // of which it has no event

	bot = startBot()
	last := server.failed[len(server.failed)-1]
	bot.await(t, fmt.Sprintf("pipeline %d of ", last.ID), 1)
	server.fail(t, 2)
	last = server.failed[len(server.failed)-1]
	bot.await(t, fmt.Sprintf("event: pipeline %d is failed", last.ID), 1)
	bot.await(t, fmt.Sprintf("pipeline %d of ", last.ID), 1)
	bot.stop(t)

	for _, p := range server.failed {
		if n, err := server.statuses(t.Context(), p); n != 1 || err != nil {
			t.Errorf("pipeline %d has %d statuses: %v", p.ID, n, err)
		}
	}
}
