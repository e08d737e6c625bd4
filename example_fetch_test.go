package gitlabci_test

import (
	"context"
	"fmt"
	"net/http"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

// issues is a fake with an endpoint that it does not have by itself.
func issues() *gitlabci.Client {
	srv := gitlabcitest.NewServer()
	srv.Handle("GET /api/v4/projects/{project}/issues", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `[{"iid":2,"title":"Flaky test"},{"iid":1,"title":"Slow build"}]`)
	}))
	srv.Handle("GET /api/v4/projects/{project}/issues/{iid}", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"iid":2,"title":"Flaky test","labels":["ci"]}`)
	}))
	srv.Handle("POST /api/v4/projects/{project}/issues/{iid}/notes", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, `{"id":7,"body":"Failed again."}`)
	}))
	return srv.Client()
}

// Issue has the fields that a program wants.
type Issue struct {
	IID    int64    `json:"iid"`
	Title  string   `json:"title"`
	Labels []string `json:"labels"`
}

func ExampleFetch() {
	client := issues()
	issue, err := gitlabci.Fetch[Issue](context.Background(), client, gitlabci.At("/projects/:id/issues/:iid", "group/app", 2), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(issue.Title, issue.Labels)
	// Output: Flaky test [ci]
}

func ExampleFetchAll() {
	client := issues()
	type options struct {
		gitlabci.ListOptions
		Labels string `url:"labels,omitempty"`
	}
	endpoint := gitlabci.At("/projects/:id/issues", "group/app")
	for issue, err := range gitlabci.FetchAll[Issue](context.Background(), client, endpoint, &options{Labels: "ci"}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(issue.IID, issue.Title)
	}
	// Output:
	// 2 Flaky test
	// 1 Slow build
}

func ExampleFetchPage() {
	page, err := gitlabci.FetchPage[Issue](context.Background(), issues(), gitlabci.At("/projects/:id/issues", "group/app"), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(page.Items), page.Next == "")
	// Output: 2 true
}

func ExampleSend() {
	type note struct {
		ID   int64  `json:"id,omitempty"`
		Body string `json:"body"`
	}
	endpoint := gitlabci.At("/projects/:id/issues/:iid/notes", "group/app", 2)
	sent, err := gitlabci.Send[note](context.Background(), issues(), "POST", endpoint, note{Body: "Failed again."}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(sent.ID)
	// Output: 7
}

// Another client of the same server sends through this one.
func ExampleClient_RoundTripper() {
	client := issues()
	other := &http.Client{Transport: client.RoundTripper()}
	resp, err := other.Get(gitlabcitest.URL + "/api/v4/projects/7/issues/2")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	fmt.Println(resp.Status)
	// Output: 200 OK
}

// A dashboard reads the jobs of the last ten pipelines of each project of a group. By the
// REST API, that takes a request for the projects, one for each project, and one for each
// pipeline.
func ExampleGraphQL() {
	srv := gitlabcitest.NewServer()
	for project := range 20 {
		path := fmt.Sprintf("group/app%d", project)
		srv.AddProject(path)
		for range 10 {
			p := srv.AddPipeline(path, gitlabcitest.Pipeline{Ref: "main"})
			p.AddJob(gitlabcitest.Job{Name: "build"})
			p.AddJob(gitlabcitest.Job{Name: "test", Status: gitlabci.StatusFailed})
		}
	}
	type jobs struct {
		Nodes []struct {
			Name, Status string
		}
	}
	type pipelines struct {
		Nodes []struct {
			Jobs jobs
		}
	}
	type dashboard struct {
		Group struct {
			Projects struct {
				Nodes []struct {
					FullPath  string
					Pipelines pipelines
				}
			}
		}
	}
	const query = `query ($group: ID!) {
		group(fullPath: $group) { projects(includeSubgroups: true) { nodes {
			fullPath
			pipelines(first: 10) { nodes { jobs { nodes { name status } } } }
		} } }
	}`
	got, err := gitlabci.GraphQL[dashboard](context.Background(), srv.Client(), query, map[string]any{"group": "group"})
	if err != nil {
		fmt.Println(err)
		return
	}
	failed := 0
	for _, project := range got.Group.Projects.Nodes {
		for _, pipeline := range project.Pipelines.Nodes {
			for _, job := range pipeline.Jobs.Nodes {
				if job.Status == "FAILED" {
					failed++
				}
			}
		}
	}
	fmt.Println(len(got.Group.Projects.Nodes), "projects,", failed, "failed jobs,", len(srv.Requests()), "request")
	// Output: 21 projects, 200 failed jobs, 1 request
}

// Each value stays one segment of the path. Logs, hooks and metrics see the template.
func ExampleAt() {
	srv := gitlabcitest.NewServer()
	srv.AddRef("group/app", gitlabcitest.Ref{Name: "feature/a#b"})
	endpoint := gitlabci.At("/projects/:id/repository/branches/:branch", "group/app", "feature/a#b")
	branch, err := gitlabci.Fetch[struct{ Name string }](context.Background(), srv.Client(), endpoint, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(endpoint, branch.Name)
	fmt.Println(srv.Requests()[0].Path)
	// Output:
	// /projects/:id/repository/branches/:branch feature/a#b
	// /api/v4/projects/group%2Fapp/repository/branches/feature%2Fa%23b
}
