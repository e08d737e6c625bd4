package work

import (
	"context"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"

	gitlab "gitlab.com/gitlab-org/api/client-go/v2"

	"example.com/gitlabci"
	"example.com/gitlabci/bench/internal/served"
)

// items ranges over what a task lists, and yields nil for each item or the
// error that ends it.
func items(ctx context.Context, t Task) (iter.Seq[error], error) {
	switch t.Client {
	case Ours:
		return ourItems(ctx, t)
	case Theirs:
		return theirItems(ctx, t)
	case Bare:
		client, err := plainClient(t)
		return bareItems(ctx, client, t), err
	}
	return nil, fmt.Errorf("there is no client %q", t.Client)
}

func errorsOf[T any](list iter.Seq2[*T, error]) iter.Seq[error] {
	return func(yield func(error) bool) {
		for _, err := range list {
			if !yield(err) {
				return
			}
		}
	}
}

// yieldEach yields nil for each item, and reports whether the loop wants more.
func yieldEach[T any](items []T, yield func(error) bool) bool {
	for range items {
		if !yield(nil) {
			return false
		}
	}
	return true
}

func ourItems(ctx context.Context, t Task) (iter.Seq[error], error) {
	client, err := newOurs(t)
	if err != nil {
		return nil, err
	}
	ahead := gitlabci.ListOptions{Prefetch: t.Prefetch}
	switch t.Work {
	case "pipelines":
		return errorsOf(client.Pipelines.All(ctx, project, &gitlabci.ListPipelinesOptions{ListOptions: ahead})), nil
	case "jobs":
		return errorsOf(client.Jobs.All(ctx, project, &gitlabci.ListJobsOptions{ListOptions: ahead})), nil
	case "cases":
		return errorsOf(client.Pipelines.TestCases(ctx, project, 1)), nil
	}
	return func(yield func(error) bool) {
		report, err := client.Pipelines.TestReport(ctx, project, 1)
		if err != nil {
			yield(err)
			return
		}
		for _, suite := range report.TestSuites {
			if !yieldEach(suite.TestCases, yield) {
				return
			}
		}
	}, nil
}

func theirItems(ctx context.Context, t Task) (iter.Seq[error], error) {
	client, err := newTheirs(t)
	if err != nil {
		return nil, err
	}
	within := gitlab.WithContext(ctx)
	switch t.Work {
	case "pipelines":
		opts := &gitlab.ListProjectPipelinesOptions{ListOptions: gitlab.ListOptions{PerPage: served.PerPage}}
		return errorsOf(gitlab.Scan2(func(page gitlab.PaginationOptionFunc) ([]*gitlab.PipelineInfo, *gitlab.Response, error) {
			return client.Pipelines.ListProjectPipelines(project, opts, within, page)
		})), nil
	case "jobs":
		opts := &gitlab.ListJobsOptions{ListOptions: gitlab.ListOptions{Pagination: "keyset", OrderBy: "id", Sort: "desc", PerPage: served.PerPage}}
		return errorsOf(gitlab.Scan2(func(page gitlab.PaginationOptionFunc) ([]*gitlab.Job, *gitlab.Response, error) {
			return client.Jobs.ListProjectJobs(project, opts, within, page)
		})), nil
	}
	return func(yield func(error) bool) {
		report, _, err := client.Pipelines.GetPipelineTestReport(project, 1, within)
		if err != nil {
			yield(err)
			return
		}
		for _, suite := range report.TestSuites {
			if !yieldEach(suite.TestCases, yield) {
				return
			}
		}
	}, nil
}

// bareItems reads pages, follows their links and does nothing else.
func bareItems(ctx context.Context, client *http.Client, t Task) iter.Seq[error] {
	url, inResponse := t.Base+"/api/v4/projects/group%2Fapp/", served.PerPage
	switch t.Work {
	case "pipelines":
		url += "pipelines?per_page=100"
	case "jobs":
		url += "jobs?pagination=keyset&order_by=id&sort=desc&per_page=100"
	default:
		url, inResponse = url+"pipelines/1/test_report", t.Size
	}
	return func(yield func(error) bool) {
		for url != "" {
			next, err := bareGet(ctx, client, url)
			if err != nil {
				yield(err)
				return
			}
			if !yieldEach(make([]struct{}, inResponse), yield) {
				return
			}
			url = next
		}
	}
}

// bareGet reads a response to its end and returns the URL of the next page.
func bareGet(ctx context.Context, client *http.Client, url string) (next string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("GET %s: %s", url, resp.Status)
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return "", err
	}
	next, _, _ = strings.Cut(strings.TrimPrefix(resp.Header.Get("Link"), "<"), ">")
	return next, nil
}
