package gitlabci_test

import (
	"bytes"
	"context"
	"iter"
	"sync"

	"example.com/gitlabci"
)

// workflowDeeds are methods that make many calls. The route is that of the call
// which a fault hits.
func workflowDeeds() []deed {
	const p = "/projects/:id/pipelines/:pipeline_id"
	return []deed{
		{"Pipelines.Find", "GET /projects/:id/pipelines", reading, true, result(func(ctx context.Context, c *gitlabci.Client) (*gitlabci.Pipeline, error) {
			return c.Pipelines.Find(ctx, "group/app", &gitlabci.FindPipelineOptions{Ref: "main"})
		})},
		{"Pipelines.Tree", "GET " + p + "/jobs", reading, true, onPipeline((*gitlabci.PipelinesService).Tree)},
		{"Pipelines.CancelEach", "POST " + p + "/cancel", repeatable, false, onEach((*gitlabci.PipelinesService).CancelEach)},
		{"Pipelines.DeleteEach", "DELETE " + p, bare, false, onEach((*gitlabci.PipelinesService).DeleteEach)},
		{"Pipelines.RetryEach", "POST " + p + "/retry", once, false, onEach((*gitlabci.PipelinesService).RetryEach)},
	}
}

type eachMethod = func(*gitlabci.PipelinesService, context.Context, gitlabci.ProjectID, iter.Seq2[*gitlabci.PipelineInfo, error], *gitlabci.EachOptions) iter.Seq2[*gitlabci.EachResult, error]

// onEach is a method on one pipeline. Its error is the pipeline's, or that of
// the loop.
func onEach(do eachMethod) func(context.Context, *gitlabci.Client) error {
	return func(ctx context.Context, c *gitlabci.Client) (last error) {
		for result, err := range do(c.Pipelines, ctx, "group/app", pipelinesOf(matrixPipeline), nil) {
			if err != nil {
				return err
			}
			last = result.Err
		}
		return last
	}
}

// pipelinesOf is an iterator over pipelines of which nothing but the ID is
// known.
func pipelinesOf(ids ...gitlabci.PipelineID) iter.Seq2[*gitlabci.PipelineInfo, error] {
	return func(yield func(*gitlabci.PipelineInfo, error) bool) {
		for _, id := range ids {
			if !yield(&gitlabci.PipelineInfo{ID: id}, nil) {
				return
			}
		}
	}
}

// A syncBuffer takes what calls write that are made at once.
type syncBuffer struct {
	mu  sync.Mutex
	out bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.out.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.out.String()
}
