package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"example.com/gitlabci/examples/internal/console"
	"example.com/gitlabci/examples/internal/console/consoletest"
	"example.com/gitlabci/gitlabcitest"
)

func TestDemo(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	synctest.Test(t, func(t *testing.T) {
		var out, notes bytes.Buffer
		if code := command(t.Context(), []string{"-demo"}, &out, &notes); code != 0 || notes.Len() > 0 {
			t.Fatalf("the exit code is %d: %s", code, &notes)
		}
		for _, want := range []string{
			"   5.80MB  " + time.Now().Local().Format("2006-01-02 15:04") + "  bin/app-linux-amd64\n", "\n8 files, 12.12MB unpacked\n",
			"build.zip: 12.12MB in 2.", "MB/s\n(resumed by a request for bytes=4000000-)\n", "reports: 4 files, 76.97KB in 0s\n",
		} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%q is missing in:\n%s", want, &out)
			}
		}
	})
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("%v is left (%v)", left, err)
	}
}

// An interrupt in the middle of a download leaves the old file as it was, and a folder with
// whole files.
func TestInterrupt(t *testing.T) {
	for flag, want := range map[string][]string{"-o": {"f: the old one"}, "-dir": nil} {
		t.Run(flag, func(t *testing.T) {
			folder := t.TempDir()
			if flag == "-o" {
				if err := os.WriteFile(filepath.Join(folder, "f"), []byte("the old one"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			synctest.Test(t, func(t *testing.T) {
				srv := gitlabcitest.NewServer()
				job := srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{
					Artifacts: fstest.MapFS{"a": {Data: bytes.Repeat([]byte("abc"), 999)}, "b": {Data: []byte("b")}},
				})
				srv.Fault(gitlabcitest.Fault{Break: gitlabcitest.BreakDrip, Delay: time.Second})
				var out, notes bytes.Buffer
				s, err := parse([]string{flag, filepath.Join(folder, "f"), "group/app", fmt.Sprint(job.ID)}, &out)
				if err != nil {
					t.Fatal(err)
				}
				ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
				defer stop()
				err = s.do(ctx, srv.Client(), &out, console.NewNotes(&notes))
				if code := console.Code(ctx, "artifacts", err, &notes); code != 130 || out.Len() > 0 {
					t.Errorf("the exit code is %d: %s%s", code, &out, &notes)
				}
			})
			if left := contents(t, folder); !slices.Equal(left, want) {
				t.Errorf("%q is left", left)
			}
		})
	}
}

// contents are the files below a folder with what is in them.
func contents(t *testing.T, folder string) (files []string) {
	t.Helper()
	root := os.DirFS(folder)
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(root, name)
		files = append(files, name+": "+string(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// A list that takes long says so.
func TestListThatTakesLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		job := srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{Artifacts: fstest.MapFS{"a": {Data: []byte("abc")}}})
		srv.Fault(gitlabcitest.Fault{Break: gitlabcitest.BreakStallHeader, Delay: 3 * time.Second, Times: 1})
		var out, notes bytes.Buffer
		s := &settings{project: "group/app", source: job.ID, list: true}
		if err := s.do(t.Context(), srv.Client(), &out, console.NewNotes(&notes)); err != nil || !strings.HasSuffix(out.String(), "  a\n1 files, 3B unpacked in 3s\n") {
			t.Errorf("%v: %s", err, &out)
		}
	})
}

// The flag -list prints the files that -dir extracts.
func TestList(t *testing.T) {
	files := fstest.MapFS{}
	for _, name := range []string{"a.xml", "x/a.xml", "x/y/b.xml", "coverage/index.html", "odd*/f", "[/g"} {
		files[name] = &fstest.MapFile{Data: []byte(name)}
	}
	srv := gitlabcitest.NewServer()
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{Name: "build", Artifacts: files})
	folder := t.TempDir()
	var out, notes bytes.Buffer
	for _, mode := range [][]string{{"-list"}, {"-dir", folder}} {
		s, err := parse(append(mode, "group/app", "main", "build"), &out)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.do(t.Context(), srv.Client(), &out, console.NewNotes(&notes)); err != nil {
			t.Errorf("%s: %v", mode, err)
		}
	}
	extracted := contents(t, folder)
	for _, file := range extracted {
		if name, _, _ := strings.Cut(file, ": "); !strings.Contains(out.String(), "  "+name+"\n") {
			t.Errorf("%s is not listed", name)
		}
	}
	if len(extracted) != len(files) || !strings.Contains(out.String(), "\n6 files, ") {
		t.Errorf("%q were extracted, and listed:\n%s", extracted, &out)
	}
}

func TestExitCodes(t *testing.T) {
	t.Chdir(t.TempDir()) // whose path may have spaces
	consoletest.SetEnv(t, consoletest.WrongURL, "")
	consoletest.ExitCodes(t, command, map[string]int{
		"-h": 0, "": 2, "group/app 1": 2, "-list -dir x group/app 1": 2, "-o x -match y group/app 1": 2, "-list group/app": 2, "-list group/app x": 2, "-list a b c d": 2,
		"-list group/app 1": 2, "-dir x -match [ group/app 1": 2, "-list -match x group/app 1": 2, "-o y -exclude x group/app 1": 2, "-nonsense": 2,
	})
	const extract = "-demo -dir . -match reports"
	for _, step := range []map[string]int{
		{extract + " -exclude **/e2e": 0}, {extract + " -match coverage": 1}, {extract + " -overwrite": 0}, {"-demo -o . group/app main build": 1},
	} {
		consoletest.ExitCodes(t, command, step)
	}
}
