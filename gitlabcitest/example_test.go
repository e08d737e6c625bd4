package gitlabcitest_test

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"testing/fstest"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

// broken is the code under test: a bot that names the branches of a project
// whose newest pipeline failed.
func broken(ctx context.Context, client *gitlabci.Client, project gitlabci.ProjectID) ([]string, error) {
	var branches []string
	opts := &gitlabci.ListPipelinesOptions{Scope: gitlabci.PipelineScopeBranches, Status: gitlabci.StatusFailed}
	for pipeline, err := range client.Pipelines.All(ctx, project, opts) {
		if err != nil {
			return nil, err
		}
		branches = append(branches, pipeline.Ref)
	}
	return branches, nil
}

func Example() {
	srv := gitlabcitest.NewServer()
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "main"})
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "topic", Status: gitlabci.StatusFailed})
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "fixed", Status: gitlabci.StatusFailed})
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "fixed"})

	// The first response is lost on its way; the client retries by itself.
	srv.Fault(gitlabcitest.Fault{Route: "GET /projects/:id/pipelines", Status: 502, Times: 1})

	branches, err := broken(context.Background(), srv.Client(), "group/app")
	fmt.Println(branches, err)
	for _, request := range srv.Requests() {
		fmt.Println(request.Method, request.Path, request.Status)
	}
	// Output:
	// [topic] <nil>
	// GET /api/v4/projects/group%2Fapp/pipelines 502
	// GET /api/v4/projects/group%2Fapp/pipelines 200
}

func ExampleJob_log() {
	srv := gitlabcitest.NewServer()
	pipeline := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusFailed})
	pipeline.AddJob(gitlabcitest.Job{Name: "build"})
	pipeline.AddJob(gitlabcitest.Job{Name: "unit", Status: gitlabci.StatusFailed, Log: "$ go test\n--- FAIL: TestAdd\n"})

	ctx, client := context.Background(), srv.Client()
	failed := &gitlabci.ListPipelineJobsOptions{Scope: []gitlabci.Status{gitlabci.StatusFailed}}
	for job, err := range client.Jobs.AllForPipeline(ctx, "group/app", pipeline.ID, failed) {
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
		fmt.Println(job.Name)
		io.Copy(os.Stdout, log)
	}
	// Output:
	// unit
	// $ go test
	// --- FAIL: TestAdd
}

func ExampleJob_artifacts() {
	srv := gitlabcitest.NewServer()
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{
		Name:      "build",
		Artifacts: fstest.MapFS{"version.txt": {Data: []byte("1.2.3\n")}, "bin/app": {Data: []byte("\x7fELF"), Mode: 0o755}},
	})

	ctx, client := context.Background(), srv.Client()
	latest := gitlabci.LatestArtifacts{Ref: "main", Job: "build"}
	file, err := client.Artifacts.OpenFile(ctx, "group/app", latest, "version.txt", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer file.Close()
	io.Copy(os.Stdout, file)

	var archive bytes.Buffer
	if _, err := client.Artifacts.Download(ctx, "group/app", latest, &archive, nil); err != nil {
		fmt.Println(err)
		return
	}
	unpacked, err := zip.NewReader(bytes.NewReader(archive.Bytes()), int64(archive.Len()))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, member := range unpacked.File {
		fmt.Println(member.Mode(), member.Name)
	}
	// Output:
	// 1.2.3
	// drwxr-xr-x bin/
	// -rwxr-xr-x bin/app
	// -rw-r--r-- version.txt
}

// Artifacts come from a storage on another origin, which sees no token.
func ExampleWithStorage() {
	srv := gitlabcitest.NewServer(gitlabcitest.WithStorage(gitlabcitest.Storage{}))
	job := srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{
		Artifacts: fstest.MapFS{"report.txt": {Data: []byte("fine")}},
	})

	_, err := srv.Client().Artifacts.Download(context.Background(), "group/app", job.ID, io.Discard, nil)
	fmt.Println(err)
	for _, r := range srv.Requests() {
		fmt.Println(r.Status, r.Route, "with token:", r.Header.Get("Private-Token") != "")
	}
	// Output:
	// <nil>
	// 302 GET /projects/:id/jobs/:job_id/artifacts with token: true
	// 200 GET storage with token: false
}
