package gitlabcitest_test

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

// The pipeline of a merge request is that of its current head.
func ExampleServer_AddMergeRequest() {
	srv := gitlabcitest.NewServer()
	m := srv.AddMergeRequest("group/app", gitlabcitest.MergeRequest{Source: "feature"})
	m.AddPipeline(gitlabcitest.PipelineKindDetached, gitlabcitest.Pipeline{Status: gitlabci.StatusSuccess})
	gate := func() {
		find := &gitlabci.FindPipelineOptions{MergeRequest: m.IID, SHA: m.SHA}
		p, err := srv.Client().Pipelines.Find(context.Background(), "group/app", find)
		if err != nil {
			fmt.Println("no pipeline yet")
			return
		}
		fmt.Println(p.Ref, p.Status)
	}
	gate()
	m.SHA = m.Push("")
	gate()
	// Output:
	// refs/merge-requests/1/head success
	// no pipeline yet
}

// An endpoint that the server does not know is added by a handler.
func ExampleServer_Handle() {
	srv := gitlabcitest.NewServer()
	srv.Handle("GET /api/v4/projects/{project}/labels", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `[{"name":"bug of %s"}]`, r.PathValue("project"))
	}))
	req, err := http.NewRequest(http.MethodGet, "projects/group%2Fapp/labels", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	resp, err := srv.Client().Do(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	fmt.Println(string(body), err)
	// Output: [{"name":"bug of group/app"}] <nil>
}
