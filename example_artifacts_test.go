package gitlabci_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing/fstest"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

// built is what the jobs of the examples leave behind.
var built = fstest.MapFS{
	"bin/app":      {Data: []byte("program")},
	"coverage.txt": {Data: []byte("98%\n")},
}

func ExampleArtifactsService_Download() {
	srv := gitlabcitest.NewServer()
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "v1.2", Tag: true}).AddJob(gitlabcitest.Job{Name: "build", Artifacts: built})
	client, ctx := srv.Client(), context.Background()

	var file bytes.Buffer // an *os.File, most likely
	n, err := client.Artifacts.Download(ctx, "group/app", gitlabci.LatestArtifacts{Ref: "v1.2", Job: "build"}, &file, nil)
	fmt.Println(n == int64(file.Len()), err)

	_, err = client.Artifacts.Download(ctx, "group/app", gitlabci.LatestArtifacts{Ref: "v1.3", Job: "build"}, &file, nil)
	fmt.Println(errors.Is(err, gitlabci.ErrNotFound))
	// Output:
	// true <nil>
	// true
}

func ExampleArtifactsService_Open() {
	srv := gitlabcitest.NewServer()
	job := srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{
		Reports: map[gitlabci.ArtifactType][]byte{gitlabci.ArtifactTypeSAST: []byte(`{"vulnerabilities":[]}`)},
	})
	client, ctx := srv.Client(), context.Background()

	report, err := client.Artifacts.Open(ctx, "group/app", job.ID, &gitlabci.OpenOptions{FileType: gitlabci.ArtifactTypeSAST})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer report.Close()
	text, err := io.ReadAll(report)
	fmt.Println(report.Name, string(text), err)
	// Output: gl-sast-report.json {"vulnerabilities":[]} <nil>
}

func ExampleArtifactsService_OpenFile() {
	srv := gitlabcitest.NewServer()
	job := srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{Artifacts: built})
	client, ctx := srv.Client(), context.Background()

	file, err := client.Artifacts.OpenFile(ctx, "group/app", job.ID, "coverage.txt", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer file.Close()
	if _, err := io.Copy(os.Stdout, file); err != nil {
		fmt.Println(err)
	}
	// Output: 98%
}

func ExampleArtifactsService_Save() {
	srv := gitlabcitest.NewServer()
	job := srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{
		Reports: map[gitlabci.ArtifactType][]byte{gitlabci.ArtifactTypeSAST: []byte(`{"vulnerabilities":[]}`)},
	})
	client, ctx := srv.Client(), context.Background()

	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "sast.json")
	opts := &gitlabci.SaveOptions{FileType: gitlabci.ArtifactTypeSAST}
	if err := client.Artifacts.Save(ctx, "group/app", job.ID, file, opts); err != nil {
		fmt.Println(err)
		return
	}
	text, err := os.ReadFile(file)
	fmt.Println(string(text), err)
	// Output: {"vulnerabilities":[]} <nil>
}

func ExampleArtifactsService_Archive() {
	srv := gitlabcitest.NewServer()
	job := srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{Artifacts: built})
	client, ctx := srv.Client(), context.Background()

	archive, err := client.Artifacts.Archive(ctx, "group/app", job.ID, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer archive.Close()
	names, err := fs.Glob(archive, "*.txt")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, name := range names {
		text, err := archive.ReadFile(name)
		fmt.Printf("%s: %s %v\n", name, bytes.TrimSpace(text), err)
	}
	// Output: coverage.txt: 98% <nil>
}

func ExampleArtifactsService_Extract() {
	srv := gitlabcitest.NewServer()
	job := srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{Artifacts: built})
	client, ctx := srv.Client(), context.Background()

	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	opts := &gitlabci.ExtractOptions{Match: []string{"bin/**"}}
	result, err := client.Artifacts.Extract(ctx, "group/app", job.ID, dir, opts)
	fmt.Println(result.Files, result.Bytes, err)

	_, err = client.Artifacts.Extract(ctx, "group/app", job.ID, dir, opts)
	fmt.Println(errors.Is(err, fs.ErrExist))
	// Output:
	// [bin/app] 7 <nil>
	// true
}

func ExampleArtifactsService_AllEntries() {
	srv := gitlabcitest.NewServer()
	job := srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{Artifacts: built})
	client, ctx := srv.Client(), context.Background()

	for entry, err := range client.Artifacts.AllEntries(ctx, "group/app", job.ID, &gitlabci.ListEntriesOptions{Recursive: true}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(entry.Type, entry.Path, entry.Size)
	}
	// Output:
	// directory bin/ 0
	// file bin/app 7
	// file coverage.txt 4
}

func ExampleArtifactsService_Keep() {
	srv := gitlabcitest.NewServer()
	job := srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{
		Artifacts: built, ArtifactsExpireAt: time.Now().Add(time.Hour),
	})
	client, ctx := srv.Client(), context.Background()

	kept, err := client.Artifacts.Keep(ctx, "group/app", job.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(kept.ArtifactsExpireAt.IsZero())
	// Output: true
}

func ExampleArtifactsService_Delete() {
	srv := gitlabcitest.NewServer()
	job := srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{Artifacts: built})
	client, ctx := srv.Client(), context.Background()

	fmt.Println(client.Artifacts.Delete(ctx, "group/app", job.ID))
	_, err := client.Artifacts.Open(ctx, "group/app", job.ID, nil)
	fmt.Println(errors.Is(err, gitlabci.ErrNotFound))
	// Output:
	// <nil>
	// true
}
