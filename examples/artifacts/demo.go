package main

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/examples/internal/console"
	"example.com/gitlabci/gitlabcitest"
)

// demo does everything in a temporary folder: it lists the files, downloads them over a slow
// connection that breaks, and unpacks some.
func demo(ctx context.Context, s *settings, out io.Writer, notes *console.Notes) (err error) {
	folder, err := os.MkdirTemp("", "artifacts-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	srv := fakeGitLab()
	client := srv.Client(gitlabci.WithHooks(gitlabci.Hooks{OnWait: notes.Wait}))
	list := settings{project: s.project, source: s.source, list: true}
	save := settings{project: s.project, source: s.source, file: filepath.Join(folder, "build.zip")}
	extract := settings{project: s.project, source: s.source, dir: filepath.Join(folder, "reports"), match: []string{"**/*.xml", "coverage"}}
	const route = "GET /projects/:id/jobs/artifacts/:ref_name/download"
	fmt.Fprintln(out, "$ artifacts -list group/app main build")
	if err := list.do(ctx, client, out, notes); err != nil {
		return err
	}
	fmt.Fprintln(out, "\n$ artifacts -o build.zip group/app main build  # it breaks on the way")
	srv.Fault(gitlabcitest.Fault{Route: route, Break: gitlabcitest.BreakResetBody, After: 4_000_000, Times: 1})
	quick := srv.Fault(gitlabcitest.Fault{Route: route, Break: gitlabcitest.BreakDrip, Piece: 64 << 10, Delay: 20 * time.Millisecond})
	if err := save.do(ctx, client, out, notes); err != nil {
		return err
	}
	quick()
	for _, request := range srv.Requests() {
		if bytes := request.Header.Get("Range"); request.Fault && bytes != "" {
			fmt.Fprintln(out, "(resumed by a request for", bytes+")")
		}
	}
	fmt.Fprintln(out, "\n$ artifacts -dir reports -match '**/*.xml' -match coverage group/app main build")
	return extract.do(ctx, client, out, notes)
}

// fakeGitLab is one with a job that has some 12 MB of artifacts.
func fakeGitLab() *gitlabcitest.Server {
	noise, now := make([]byte, 6<<20), time.Now().Truncate(time.Hour)
	rand.NewChaCha8([32]byte{}).Read(noise) // never fails
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	for _, file := range []struct {
		name string
		size int
	}{
		{"bin/app-linux-amd64", 5_800_000}, {"bin/app-linux-arm64", 5_600_000}, {"bin/SHA256SUMS", 172},
		{"coverage/index.html", 48_210}, {"coverage/style.css", 3_114}, {"docs/manual.pdf", 640_002},
		{"reports/unit/junit.xml", 18_430}, {"reports/e2e/junit.xml", 7_212},
	} {
		part, err := w.CreateHeader(&zip.FileHeader{Name: file.name, Modified: now})
		if err == nil {
			_, err = part.Write(noise[:file.size])
		}
		if err != nil {
			panic(err) // a buffer takes everything
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	srv := gitlabcitest.NewServer(gitlabcitest.WithStrongETags())
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{Name: "build", Archive: archive.Bytes()})
	return srv
}
