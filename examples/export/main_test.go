package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/gitlabci"
	"example.com/gitlabci/examples/internal/console"
	"example.com/gitlabci/gitlabcitest"
)

func TestDemo(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	var out, notes bytes.Buffer
	if code := command(t.Context(), []string{"-demo"}, &out, &notes); code != 0 {
		t.Fatalf("the exit code is %d: %s", code, &notes)
	}
	if !strings.Contains(out.String(), "jobs.jsonl: 280 jobs of 2 projects, 1 skipped, in ") {
		t.Errorf("it says %s", &out)
	}
	for _, want := range []string{"jobs.jsonl has 100 jobs: the same command continues\n", "team/none is skipped: its jobs are hidden from the token, or CI is switched off\n"} {
		if !strings.Contains(notes.String(), want) {
			t.Errorf("%q is missing in:\n%s", want, &notes)
		}
	}
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("%v is left (%v)", left, err)
	}
}

// exportTo exports a group, or what it can before a request; 0 is none.
func exportTo(t *testing.T, srv *gitlabcitest.Server, file string, request int) (code int, notes bytes.Buffer) {
	t.Helper()
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	client := srv.Client(gitlabci.WithRetries(0), gitlabci.WithRateLimiter(&interrupter{request, interrupt}))
	e := &export{client: client, group: "team", file: file, notes: console.NewNotes(&notes)}
	return console.Code(ctx, "export", e.show(ctx, &notes), &notes), notes
}

// jobsIn counts the lines of a file, each of which is another job.
func jobsIn(t *testing.T, file string) (n int) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[gitlabci.JobID]bool{}
	for line := range strings.Lines(string(text)) {
		var job struct {
			ID   gitlabci.JobID
			Path string `json:"project_path"`
		}
		if err := json.Unmarshal([]byte(line), &job); err != nil || job.ID == 0 || !strings.HasPrefix(job.Path, "team/") {
			t.Fatalf("%s: %v", line, err)
		}
		if n++; seen[job.ID] {
			t.Errorf("job %d is there twice", job.ID)
		}
		seen[job.ID] = true
	}
	return n
}

// Wherever it is killed, also while it writes, no job is missing and none is there twice. So
// it is with jobs that begin meanwhile, of servers with cursors and with numbered pages.
func TestKilled(t *testing.T) {
	for version, requests := range map[string][]int{"19.0": {1, 2, 3, 4, 5, 6}, "14.0": {3, 4}} {
		for _, request := range requests {
			t.Run(fmt.Sprint(version, " before ", request), func(t *testing.T) {
				srv, file := newServer(gitlabcitest.WithVersion(version)), filepath.Join(t.TempDir(), "jobs.jsonl")
				if code, notes := exportTo(t, srv, file, request); code != 130 {
					t.Fatalf("the exit code is %d: %s", code, &notes)
				}
				if f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0); err != nil {
					t.Fatal(err)
				} else if _, err := f.WriteString(`{"id":7,"` + strings.Repeat("na", 1<<20)); err != nil || f.Close() != nil {
					t.Fatal(err)
				}
				p, later := srv.AddPipeline("team/app", gitlabcitest.Pipeline{}), 0
				for range 7 {
					p.AddJob(gitlabcitest.Job{})
				}
				if request <= 2 { // which is for the first page
					later = 7
				}
				code, notes := exportTo(t, srv, file, 0)
				if want := fmt.Sprintf(": %d jobs of 2 projects, 1 skipped, in ", 280+later); code != 0 || !strings.Contains(notes.String(), want) {
					t.Fatalf("the exit code is %d: %s", code, &notes)
				}
				if n := jobsIn(t, file); n != 280+later {
					t.Errorf("%d jobs", n)
				}
				if left, err := os.ReadDir(filepath.Dir(file)); err != nil || len(left) != 1 {
					t.Errorf("%v is left (%v)", left, err)
				}
			})
		}
	}
}

func TestSkipped(t *testing.T) {
	srv, file := newServer(), filepath.Join(t.TempDir(), "jobs.jsonl")
	srv.Handle("GET /api/v4/groups/team/projects", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `[{"id":1,"path_with_namespace":"team/off","builds_access_level":"disabled"},{"id":999,"path_with_namespace":"team/gone"}]`)
	}))
	code, notes := exportTo(t, srv, file, 0)
	if want := "team/off is skipped: CI is switched off\nteam/gone is skipped: it was deleted or moved meanwhile\n"; code != 0 || !strings.HasPrefix(notes.String(), want) || jobsIn(t, file) != 0 {
		t.Errorf("the exit code is %d: %s", code, &notes)
	}
}

// An export is not continued in a file that is another one.
func TestOtherFiles(t *testing.T) {
	for name, test := range map[string]struct {
		file, state string // "" is none
		code        int
		says        string
	}{
		"no export":   {"precious", "", 2, " exists already, and no export to it is to be continued"},
		"other group": {"", `{"group":"others"}`, 2, " is an export of others"},
		"shorter":     {"x", `{"group":"team","bytes":2}`, 1, " has lost what was exported: delete it and "},
		"no state":    {"x", "{", 1, ".state: unexpected end of JSON input"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "jobs.jsonl")
			for path, text := range map[string]string{file: test.file, file + ".state": test.state} {
				if err := os.WriteFile(path, []byte(text), 0o600); text != "" && err != nil {
					t.Fatal(err)
				} else if text == "" && os.Remove(path) != nil {
					t.Fatal("it is not removed")
				}
			}
			code, notes := exportTo(t, newServer(), file, 0)
			if code != test.code || !strings.Contains(notes.String(), test.says) || strings.Contains(notes.String(), "continues") {
				t.Errorf("the exit code is %d: %s", code, &notes)
			}
			if text, err := os.ReadFile(file); test.file != "" && (err != nil || string(text) != test.file) {
				t.Errorf("it has %s (%v)", text, err)
			}
		})
	}
}

func TestExitCodes(t *testing.T) {
	for _, name := range []string{"GITLAB_HOST", "CI_API_V4_URL", "CI_SERVER_URL", "CI_SERVER_TLS_CA_FILE", "CI_JOB_TOKEN", "GITLAB_TOKEN"} {
		t.Setenv(name, "")
	}
	t.Setenv("GITLAB_URL", "ftp://gitlab.example.com")
	file := filepath.Join(t.TempDir(), "none", "x")
	for args, want := range map[string]int{
		"-h": 0, "": 2, "team": 2, "-o x": 2, "-o x a b": 2, "-rate 0 -o x team": 2, "-rate NaN -o x team": 2, "-demo team": 2, "-nonsense": 2, "-o " + file + " team": 2,
	} {
		var out, notes bytes.Buffer
		if code := command(t.Context(), strings.Fields(args), &out, &notes); code != want || (want == 0) == (notes.Len() > 0) || out.Len() > 0 && args != "-h" {
			t.Errorf("%s: the exit code is %d: %s%s", args, code, &out, &notes)
		}
	}
	if code, notes := exportTo(t, newServer(), file, 0); code != 1 {
		t.Errorf("the exit code is %d: %s", code, &notes)
	}
}
