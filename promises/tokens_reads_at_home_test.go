package promises_test

import (
	"context"
	"io"
	"net/http"
	"strings"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

// reads has one read of each kind.
var reads = map[string]func(context.Context, *gitlabci.Client) error{
	"get": testkit.Calls["get"],
	"list": func(ctx context.Context, c *gitlabci.Client) error {
		_, err := c.Pipelines.List(ctx, "group/app", nil)
		return err
	},
	"all": func(ctx context.Context, c *gitlabci.Client) error {
		for _, err := range c.Jobs.All(ctx, "group/app", nil) {
			if err != nil {
				return err
			}
		}
		return nil
	},
	"variables": func(ctx context.Context, c *gitlabci.Client) error {
		_, err := c.Pipelines.Variables(ctx, "group/app", 7)
		return err
	},
	"test report": func(ctx context.Context, c *gitlabci.Client) error {
		_, err := c.Pipelines.TestReport(ctx, "group/app", 7)
		return err
	},
	"test cases": func(ctx context.Context, c *gitlabci.Client) error {
		for _, err := range c.Pipelines.TestCases(ctx, "group/app", 7) {
			if err != nil {
				return err
			}
		}
		return nil
	},
	"find": func(ctx context.Context, c *gitlabci.Client) error {
		_, err := c.Pipelines.Find(ctx, "group/app", &gitlabci.FindPipelineOptions{Ref: "main"})
		return err
	},
	"wait": func(ctx context.Context, c *gitlabci.Client) error {
		_, err := c.Pipelines.Wait(ctx, "group/app", 7, nil)
		return err
	},
	"log": func(ctx context.Context, c *gitlabci.Client) error {
		log, err := c.Jobs.Log(ctx, "group/app", 9)
		if err != nil {
			return err
		}
		defer log.Close()
		_, err = io.Copy(io.Discard, log)
		return err
	},
	"job": func(ctx context.Context, c *gitlabci.Client) error {
		_, err := c.Jobs.Get(ctx, "group/app", 9)
		return err
	},
}

// readAtHome responds to reads of one finished pipeline.
func readAtHome(w http.ResponseWriter, r *http.Request) {
	body := `{"id":7,"status":"success","project_id":42,"ref":"main"}`
	switch path := r.URL.Path; {
	case strings.HasSuffix(path, "/pipelines"):
		body = `[` + body + `]`
	case strings.HasSuffix(path, "/jobs"), strings.HasSuffix(path, "/variables"), strings.HasSuffix(path, "/bridges"):
		body = `[]`
	case strings.HasSuffix(path, "/test_report"):
		body = `{"test_suites":[]}`
	case strings.HasSuffix(path, "/trace"):
		testkit.Respond(http.StatusOK, body, "Content-Type", "text/plain")(w, r)
		return
	}
	testkit.Respond(http.StatusOK, body)(w, r)
}
