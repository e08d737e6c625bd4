package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"example.com/gitlabci"
	"example.com/gitlabci/examples/internal/console"
	"example.com/gitlabci/examples/internal/console/consoletest"
	"example.com/gitlabci/gitlabcitest"
)

func TestDemo(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	var out, notes bytes.Buffer
	if code := command(t.Context(), []string{"-demo"}, &out, &notes); code != 0 {
		t.Fatalf("the exit code is %d: %s", code, &notes)
	}
	for _, file := range []string{"jobs.jsonl", "jobs.parquet"} {
		if want := file + ": 280 jobs of 2 projects, 1 skipped, in "; !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in:\n%s", want, &out)
		}
		if want := file + " has 100 jobs: the same command continues\nteam/none is skipped: its jobs are hidden from the token, or CI is switched off\n"; !strings.Contains(notes.String(), want) {
			t.Errorf("%q is missing in:\n%s", want, &notes)
		}
	}
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("%v is left (%v)", left, err)
	}
}

// exportTo exports a group, and is interrupted before a request; 0 is none.
func exportTo(t *testing.T, srv *gitlabcitest.Server, file string, request int) (code int, notes bytes.Buffer) {
	t.Helper()
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	client := srv.Client(gitlabci.WithRetries(0), gitlabci.WithRateLimiter(&interrupter{request, interrupt}))
	e := newExport(client, "team", file, console.NewNotes(&notes))
	e.most = min(e.most, 150) // of a part
	return console.Code(ctx, "export", e.show(ctx, &notes), &notes), notes
}

// jobsIn counts the jobs of an export, each of which is another one.
func jobsIn(t *testing.T, file string) (n int) {
	t.Helper()
	seen := map[gitlabci.JobID]bool{}
	add := func(id gitlabci.JobID, project string) {
		if n++; seen[id] || id == 0 || !strings.HasPrefix(project, "team/") {
			t.Errorf("job %d of %s is there twice, or is none", id, project)
		}
		seen[id] = true
	}
	if filepath.Ext(file) == ".parquet" {
		for _, part := range partsOf(t, file) {
			rows, err := parquet.ReadFile[row](part)
			if err != nil {
				t.Fatal(part, err)
			}
			for _, r := range rows {
				add(r.ID, r.Project)
			}
		}
		return n
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var job struct {
			ID   gitlabci.JobID
			Path string `json:"project_path"`
		}
		if err := json.Unmarshal([]byte(line), &job); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		add(job.ID, job.Path)
	}
	return n
}

// partsOf are the files of a folder, which are all parts.
func partsOf(t *testing.T, folder string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(folder, "*"))
	parts, err2 := filepath.Glob(filepath.Join(folder, "part-??????.parquet"))
	if err != nil || err2 != nil || len(all) != len(parts) || len(parts) == 0 {
		t.Fatalf("the folder has %q (%v, %v)", all, err, err2)
	}
	return parts
}

// leaveGarbage writes what a run leaves that is killed while it writes jobs, or before it
// stores its state.
func leaveGarbage(t *testing.T, file string) {
	t.Helper()
	garbage := []byte(`{"id":7,"` + strings.Repeat("na", 1<<20))
	if filepath.Ext(file) == ".parquet" {
		if err := os.MkdirAll(file, 0o700); err != nil {
			t.Fatal(err)
		}
		parts, err := filepath.Glob(filepath.Join(file, "*"))
		next := filepath.Join(file, fmt.Sprintf("part-%06d.parquet", len(parts)+1))
		if err != nil || parquet.WriteFile(next, []row{{ID: 1001, Project: "team/twice"}}) != nil || os.WriteFile(next+".new", garbage, 0o600) != nil {
			t.Fatal(err)
		}
		return
	}
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(garbage); err != nil || f.Close() != nil {
		t.Fatal(err)
	}
}

// Whenever it is killed, no job is missing and none is there twice, even if jobs begin
// meanwhile. This is so with cursors and with numbered pages.
func TestKilled(t *testing.T) {
	for name, requests := range map[string][]int{"jobs.jsonl": {2, 4, -3}, "jobs.parquet": {2, 4, 6, -4}} {
		for _, request := range requests {
			version := "19.0"
			if request < 0 {
				version, request = "14.0", -request
			}
			t.Run(fmt.Sprint(version, " ", name, " before ", request), func(t *testing.T) {
				t.Parallel()
				srv, file := newServer(gitlabcitest.WithVersion(version)), filepath.Join(t.TempDir(), name)
				if code, notes := exportTo(t, srv, file, request); code != 130 {
					t.Fatalf("the exit code is %d: %s", code, &notes)
				}
				leaveGarbage(t, file)
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

// A run that was killed after its first write, and one that fails before its first page, leave
// nothing that a later run refuses.
func TestKilledBeforeTheFirstState(t *testing.T) {
	for _, name := range []string{"jobs.jsonl", "jobs.parquet"} {
		file := filepath.Join(t.TempDir(), name)
		leaveGarbage(t, file)
		if err := os.WriteFile(file+".state", []byte(`{"group":"team"}`), 0o600); err != nil {
			t.Fatal(err)
		}
		if code, notes := exportTo(t, newServer(), file, 1); code != 130 {
			t.Fatalf("the exit code is %d: %s", code, &notes)
		}
		if left, err := os.ReadDir(filepath.Dir(file)); err != nil || len(left) > 0 {
			t.Errorf("%v is left (%v)", left, err)
		}
		if code, notes := exportTo(t, newServer(), file, 0); code != 0 || jobsIn(t, file) != 280 {
			t.Errorf("the exit code is %d: %s", code, &notes)
		}
	}
}

// What a job does not have is null.
func TestParquet(t *testing.T) {
	srv, file := gitlabcitest.NewServer(), filepath.Join(t.TempDir(), "jobs.parquet")
	project := srv.AddProject("team/app")
	created := time.Date(2026, 5, 4, 3, 2, 1, 123_000_000, time.UTC)
	p := srv.AddPipeline("team/app", gitlabcitest.Pipeline{Ref: "v1", SHA: strings.Repeat("a", 40), Username: "noor", CreatedAt: created})
	p.AddJob(gitlabcitest.Job{
		Name: "unit", Stage: "test", Status: gitlabci.StatusFailed, FailureReason: gitlabci.FailureReasonScriptFailure, AllowFailure: true,
		Coverage: new(0.0), Tags: []string{"amd64", "linux"}, Archive: []byte("zip"),
		CreatedAt: created, StartedAt: created.Add(3 * time.Second), FinishedAt: created.Add(10 * time.Second),
	})
	p.AddJob(gitlabcitest.Job{Name: "play", Stage: "deploy", Status: gitlabci.StatusManual, CreatedAt: created})
	if code, notes := exportTo(t, srv, file+"/", 0); code != 0 {
		t.Fatalf("the exit code is %d: %s", code, &notes)
	}
	rows, err := parquet.ReadFile[row](partsOf(t, file)[0])
	if err != nil || len(rows) != 2 {
		t.Fatalf("%v (%v)", rows, err)
	}
	want := row{
		ID: 1001, ProjectID: int64(project), Project: "team/app", PipelineID: 101, Stage: "test", Name: "unit",
		Status: "failed", FailureReason: "script_failure", AllowFailure: true, Ref: "v1", SHA: strings.Repeat("a", 40), User: "noor",
		CreatedAt: created, StartedAt: created.Add(3 * time.Second), FinishedAt: created.Add(10 * time.Second),
		Duration: 7, QueuedDuration: 3, Coverage: new(0.0), Runner: "fake runner", Tags: []string{"amd64", "linux"}, ArtifactsSize: 3,
		WebURL: "https://gitlab.example.com/team/app/-/jobs/1001",
	}
	if !reflect.DeepEqual(rows[1], want) {
		t.Errorf("the job is %+v", rows[1])
	}
	type nullable struct {
		Name     string     `parquet:"name"`
		Started  *time.Time `parquet:"started_at,optional,timestamp(microsecond)"`
		Duration *float64   `parquet:"duration,optional"`
		Reason   *string    `parquet:"failure_reason,optional"`
		Coverage *float64   `parquet:"coverage,optional"`
	}
	nulls, err := parquet.ReadFile[nullable](partsOf(t, file)[0])
	if err != nil || nulls[0] != (nullable{Name: "play"}) || nulls[1].Started == nil || nulls[1].Coverage == nil {
		t.Errorf("%+v (%v)", nulls, err)
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

// An export is not continued in the file of another one.
func TestOtherFiles(t *testing.T) {
	for name, test := range map[string]struct {
		file, state string // "" is none
		code        int
		says        string
	}{
		"no export":   {"precious", "", 2, " exists already, and no export to it was interrupted"},
		"other group": {"", `{"group":"others"}`, 2, " is an export of others"},
		"shorter":     {"x", `{"group":"team","place":2}`, 1, " has lost what was written to it: delete it and "},
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
	consoletest.SetEnv(t, consoletest.WrongURL, "")
	file := filepath.Join(t.TempDir(), "none", "x")
	consoletest.ExitCodes(t, command, map[string]int{
		"-h": 0, "": 2, "team": 2, "-o x": 2, "-o x a b": 2, "-rate 0 -o x team": 2, "-rate NaN -o x team": 2, "-demo team": 2, "-nonsense": 2, "-o " + file + " team": 2,
	})
	if code, notes := exportTo(t, newServer(), file, 0); code != 1 {
		t.Errorf("the exit code is %d: %s", code, &notes)
	}
	file = filepath.Join(t.TempDir(), "jobs.jsonl")
	if code, notes := exportTo(t, gitlabcitest.NewServer(), file, 0); code != 1 || strings.Contains(notes.String(), "continues") {
		t.Errorf("of a group that does not exist, the exit code is %d: %s", code, &notes)
	}
	if left, err := os.ReadDir(filepath.Dir(file)); err != nil || len(left) > 0 {
		t.Errorf("%v is left (%v)", left, err)
	}
}
