package gitlabci_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
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

func ExampleJobsService_All() {
	srv := gitlabcitest.NewServer()
	pipeline := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	pipeline.AddJob(gitlabcitest.Job{Name: "build"})
	pipeline.AddJob(gitlabcitest.Job{Name: "test", Status: gitlabci.StatusFailed})
	client, ctx := srv.Client(), context.Background()

	failed := &gitlabci.ListJobsOptions{Scope: []gitlabci.Status{gitlabci.StatusFailed}}
	for job, err := range client.Jobs.All(ctx, "group/app", failed) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(job.ID, job.Name, job.FailureReason)
	}
	// Output: 1002 test script_failure
}

func ExampleJobsService_AllTriggerJobs() {
	srv := gitlabcitest.NewServer()
	srv.AddProject("group/deploy")
	downstream := srv.AddPipeline("group/deploy", gitlabcitest.Pipeline{Status: gitlabci.StatusRunning})
	pipeline := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	pipeline.AddTriggerJob(gitlabcitest.Job{Name: "deploy", Downstream: downstream})
	client, ctx := srv.Client(), context.Background()

	for job, err := range client.Jobs.AllTriggerJobs(ctx, "group/app", pipeline.ID, nil) {
		if err != nil {
			fmt.Println(err)
			return
		}
		started, err := client.Pipelines.Get(ctx, job.DownstreamPipeline.ProjectID, job.DownstreamPipeline.ID)
		fmt.Println(job.Name, started.Status, err)
	}
	// Output: deploy running <nil>
}

func ExampleJobsService_Log() {
	srv := gitlabcitest.NewServer()
	pipeline := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	pipeline.AddJob(gitlabcitest.Job{Name: "test", Log: "$ go test ./...\nok\n"})
	client, ctx := srv.Client(), context.Background()

	job, err := client.Jobs.FindByName(ctx, "group/app", pipeline.ID, "test")
	if err != nil {
		fmt.Println(err)
		return
	}
	log, err := client.Jobs.Log(ctx, "group/app", job.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer log.Close()
	if _, err := io.Copy(os.Stdout, log); err != nil {
		fmt.Println(err)
	}
	// Output:
	// $ go test ./...
	// ok
}

func ExampleJobsService_FollowLog() {
	srv := gitlabcitest.NewServer()
	pipeline := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	pipeline.AddJob(gitlabcitest.Job{Name: "test", Status: gitlabci.StatusFailed, Log: "$ go test ./...\nFAIL\n"})
	client, ctx := srv.Client(), context.Background()

	job, err := client.Jobs.FindByName(ctx, "group/app", pipeline.ID, "test")
	if err != nil {
		fmt.Println(err)
		return
	}
	job, err = client.Jobs.FollowLog(ctx, "group/app", job.ID, os.Stdout, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("It ended:", job.Status)
	// Output:
	// $ go test ./...
	// FAIL
	// It ended: failed
}

func ExampleJobsService_Get() {
	srv := gitlabcitest.NewServer()
	added := srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{
		Name: "test", Status: gitlabci.StatusFailed, FailureReason: gitlabci.FailureReasonJobExecutionTimeout, Duration: time.Hour,
	})
	client, ctx := srv.Client(), context.Background()

	job, err := client.Jobs.Get(ctx, "group/app", added.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(job.Name, job.Status, job.FailureReason, "after", job.Duration.Duration())
	// Output: test failed job_execution_timeout after 1h0m0s
}

// The newest jobs of a project, for a page of a dashboard. Next is what the page after it
// needs; "" means that there is none.
func ExampleJobsService_List() {
	srv := gitlabcitest.NewServer()
	pipeline := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	for _, name := range []string{"build", "test", "deploy"} {
		pipeline.AddJob(gitlabcitest.Job{Name: name})
	}
	client, ctx := srv.Client(), context.Background()

	opts := &gitlabci.ListJobsOptions{ListOptions: gitlabci.ListOptions{PerPage: 2}}
	for range 2 {
		page, err := client.Jobs.List(ctx, "group/app", opts)
		if err != nil {
			fmt.Println(err)
			return
		}
		for _, job := range page.Items {
			fmt.Println(job.ID, job.Name)
		}
		fmt.Println("more:", page.Next != "")
		opts.After = page.Next
	}
	// Output:
	// 1003 deploy
	// 1002 test
	// more: true
	// 1001 build
	// more: false
}

// Each attempt of each job of a pipeline. Without IncludeRetried, only the newest attempt of
// each job is listed. ListForPipeline returns the same, one page at a time.
func ExampleJobsService_AllForPipeline() {
	srv := gitlabcitest.NewServer()
	pipeline := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	pipeline.AddJob(gitlabcitest.Job{Name: "test", Status: gitlabci.StatusFailed, Retried: true})
	pipeline.AddJob(gitlabcitest.Job{Name: "test"})
	client, ctx := srv.Client(), context.Background()

	for job, err := range client.Jobs.AllForPipeline(ctx, "group/app", pipeline.ID, &gitlabci.ListPipelineJobsOptions{IncludeRetried: true}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(job.ID, job.Name, job.Status)
	}
	page, err := client.Jobs.ListForPipeline(ctx, "group/app", pipeline.ID, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(page.Items), "job")
	// Output:
	// 1002 test success
	// 1001 test failed
	// 1 job
}

// The trigger jobs of a pipeline that failed, and why. They are in no list of other jobs.
func ExampleJobsService_ListTriggerJobs() {
	srv := gitlabcitest.NewServer()
	pipeline := srv.AddPipeline("group/app", gitlabcitest.Pipeline{})
	pipeline.AddTriggerJob(gitlabcitest.Job{
		Name: "deploy", Status: gitlabci.StatusFailed, FailureReason: gitlabci.FailureReasonDownstreamBridgeProjectNotFound,
	})
	client, ctx := srv.Client(), context.Background()

	failed := &gitlabci.ListTriggerJobsOptions{Scope: []gitlabci.Status{gitlabci.StatusFailed}}
	page, err := client.Jobs.ListTriggerJobs(ctx, "group/app", pipeline.ID, failed)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, job := range page.Items {
		fmt.Println(job.Name, job.FailureReason, "started a pipeline:", job.DownstreamPipeline != nil)
	}
	// Output: deploy downstream_bridge_project_not_found started a pipeline: false
}

// The newest successful build of a branch, although a later job of its pipeline failed.
func ExampleJobsService_Latest() {
	srv := gitlabcitest.NewServer()
	pipeline := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "main", Status: gitlabci.StatusFailed})
	pipeline.AddJob(gitlabcitest.Job{Name: "build"})
	pipeline.AddJob(gitlabcitest.Job{Name: "test", Status: gitlabci.StatusFailed})
	client, ctx := srv.Client(), context.Background()

	job, err := client.Jobs.Latest(ctx, "group/app", "main", "build", &gitlabci.LatestJobOptions{AnyPipeline: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(job.ID, job.Name, job.Pipeline.Status)
	// Output: 1001 build failed
}

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

// An archive is a file system: its folders and sizes are known without a request for the
// files. A link is not followed.
func ExampleArchive() {
	srv := gitlabcitest.NewServer()
	job := srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{Artifacts: fstest.MapFS{
		"bin/app-1.4": {Data: []byte("program")},
		"bin/app":     {Data: []byte("app-1.4"), Mode: fs.ModeSymlink | 0o777},
	}})
	client, ctx := srv.Client(), context.Background()

	archive, err := client.Artifacts.Archive(ctx, "group/app", job.ID, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer archive.Close()
	if info, err := archive.Stat("bin"); err != nil || !info.IsDir() {
		fmt.Println("no folder:", err)
		return
	}
	entries, err := archive.ReadDir("bin")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, entry := range entries {
		info, err := archive.Lstat("bin/" + entry.Name())
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(info.Mode(), info.Size(), entry.Name())
		if target, err := archive.ReadLink("bin/" + entry.Name()); err == nil {
			fmt.Println("  links to", target)
		}
	}
	fmt.Println("left out:", archive.Skipped()) // names that lead out of the archive, for example
	// Output:
	// Lrwxrwxrwx 7 app
	//   links to app-1.4
	// -rw-r--r-- 7 app-1.4
	// left out: []
}

// A large file in an archive is read as it arrives.
func ExampleArchive_Open() {
	srv := gitlabcitest.NewServer()
	job := srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{Artifacts: built})
	client, ctx := srv.Client(), context.Background()

	archive, err := client.Artifacts.Archive(ctx, "group/app", job.ID, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer archive.Close()
	file, err := archive.Open("bin/app")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer file.Close()
	hash := sha256.New()
	n, err := io.Copy(hash, file)
	fmt.Printf("%d bytes, SHA-256 %.4x…, %v\n", n, hash.Sum(nil), err)
	// Output: 7 bytes, SHA-256 1310ca2c…, <nil>
}

// Read is for a program that takes a file in pieces of its own. If the connection breaks, Read
// requests the missing bytes.
func ExampleArtifactFile_Read() {
	srv := gitlabcitest.NewServer()
	job := srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{Artifacts: built})
	client, ctx := srv.Client(), context.Background()

	file, err := client.Artifacts.OpenFile(ctx, "group/app", job.ID, "coverage.txt", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer file.Close()
	piece := make([]byte, 2)
	for {
		n, err := file.Read(piece)
		fmt.Printf("%q ", piece[:n])
		if err != nil {
			fmt.Println(err) // io.EOF after the last byte
			return
		}
	}
	// Output: "98" "%\n" "" EOF
}

// One page of a folder, for a program that shows pages itself.
func ExampleArtifactsService_ListEntries() {
	srv := gitlabcitest.NewServer()
	job := srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{Artifacts: built})
	client, ctx := srv.Client(), context.Background()

	page, err := client.Artifacts.ListEntries(ctx, "group/app", job.ID, &gitlabci.ListEntriesOptions{Path: "bin"})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, entry := range page.Items {
		fmt.Println(entry.Path, entry.Size)
	}
	fmt.Println(page.Total, "entries, last page:", page.Next == "")
	// Output:
	// bin/app 7
	// 1 entries, last page: true
}

// All that a project's jobs have built is deleted, except what the newest successful pipeline
// of each branch and tag has.
func ExampleArtifactsService_DeleteAll() {
	srv := gitlabcitest.NewServer()
	old := srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{Artifacts: built})
	newest := srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{Artifacts: built})
	client, ctx := srv.Client(), context.Background()

	if err := client.Artifacts.DeleteAll(ctx, "group/app"); err != nil {
		fmt.Println(err)
		return
	}
	for _, id := range []gitlabci.JobID{old.ID, newest.ID} {
		job, err := client.Jobs.Get(ctx, "group/app", id)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(job.ID, "has artifacts:", job.ArtifactsFile != nil)
	}
	// Output:
	// 1001 has artifacts: false
	// 1002 has artifacts: true
}

// The reports that OpenOptions.FileType can select. GitLab shows the others, but does not hand
// them out.
func ExampleArtifactType_Downloadable() {
	srv := gitlabcitest.NewServer()
	added := srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{Reports: map[gitlabci.ArtifactType][]byte{
		gitlabci.ArtifactTypeSAST:      []byte(`{"vulnerabilities":[]}`),
		gitlabci.ArtifactTypeTerraform: []byte(`{"create":1}`),
	}})
	client, ctx := srv.Client(), context.Background()

	job, err := client.Jobs.Get(ctx, "group/app", added.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, report := range job.Artifacts {
		fmt.Println(report.FileType, report.FileType.Downloadable())
	}
	// Output:
	// sast true
	// terraform false
}

// An archive that was downloaded before is unpacked with the same limits and checks. A
// hostile one writes nothing.
func ExampleExtractZip() {
	var archive bytes.Buffer // an *os.File and its size, most likely
	w := zip.NewWriter(&archive)
	if _, err := w.Create("../../etc/passwd"); err != nil {
		fmt.Println(err)
		return
	}
	if err := w.Close(); err != nil {
		fmt.Println(err)
		return
	}
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	_, err = gitlabci.ExtractZip(context.Background(), bytes.NewReader(archive.Bytes()), int64(archive.Len()), dir, nil)
	fmt.Println(errors.Is(err, gitlabci.ErrUnsafeArchive))
	// Output: true
}
