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
	"example.com/gitlabci/gitlabcitest"
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

// The bot of TestBehindNginx is a process of the test's own program.
func TestMain(m *testing.M) {
	if os.Getenv("HOOKBOT_TEST_BOT") != "" {
		main()
	}
	os.Exit(m.Run())
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
	config := fmt.Sprintf(`%s worker_processes 1; daemon off; pid "%[2]s/pid"; error_log stderr notice;
events { worker_connections 64; }
http {
	access_log off;
	client_body_temp_path "%[2]s/body"; proxy_temp_path "%[2]s/proxy";
	fastcgi_temp_path "%[2]s/fastcgi"; uwsgi_temp_path "%[2]s/uwsgi"; scgi_temp_path "%[2]s/scgi";
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

// Over real HTTP, the fake delivers to nginx, which forwards to the bot. The bot is killed in
// the middle of its work, is down for a while, and starts again.
func TestBehindNginx(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts programs")
	}
	port, botPort := freePort(t), freePort(t)
	startNginx(t, port, botPort)
	d := &demonstration{srv: gitlabcitest.NewServer()}
	d.srv.AddHook(demoProject, gitlabcitest.Hook{
		URL: "http://127.0.0.1:" + port + "/gitlab", SigningToken: demoToken, Events: []gitlabcitest.HookEvent{gitlabcitest.HookEventPipeline},
	})
	url, err := d.srv.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer d.srv.Close()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	state := filepath.Join(t.TempDir(), "state.json")
	env := []string{"HOOKBOT_TEST_BOT=1", "GITLAB_URL=" + url, "GITLAB_TOKEN=" + d.srv.Token(), "HOOKBOT_SIGNING_TOKEN=" + demoToken}
	startBot := func() *process {
		bot := start(t, env, program, "-listen", "127.0.0.1:"+botPort, "-state", state, "-lookback", "1m", demoProject)
		bot.await(t, "listening on ", 1)
		return bot
	}
	var failed []*gitlabcitest.Pipeline
	fail := func(n int) (last gitlabci.PipelineID) {
		for range n {
			p := d.srv.AddPipeline(demoProject, gitlabcitest.Pipeline{Ref: "main"})
			p.AddJob(gitlabcitest.Job{Name: "unit", Script: gitlabcitest.Script{Runs: 10 * time.Millisecond, Log: "--- FAIL: TestAdd (0.00s)\n", Result: gitlabci.StatusFailed}})
			failed, last = append(failed, p), p.ID
		}
		return last
	}

	bot := startBot()
	fail(5)
	bot.await(t, "is failed in", 1)
	bot.await(t, ": unit: ", 2)
	bot.kill()
	missed := fail(1) // of which none of three events arrives; GitLab gives a hook up after four

	bot = startBot()
	last := fail(2)
	bot.await(t, fmt.Sprintf("event: pipeline %d is failed", last), 1)
	bot.await(t, fmt.Sprintf("pipeline %d of ", missed), 1)
	bot.await(t, fmt.Sprintf("pipeline %d of ", last), 1)
	bot.stop(t)
	d.explained(t, failed...)
}
