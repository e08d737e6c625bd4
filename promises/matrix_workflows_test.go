package promises_test

import (
	"bytes"
	"context"
	"sync"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
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

// onEach is a method on one pipeline. Its error is the pipeline's, or that of
// the loop.
func onEach(do testkit.EachMethod) func(context.Context, *gitlabci.Client) error {
	return func(ctx context.Context, c *gitlabci.Client) (last error) {
		for result, err := range do(c.Pipelines, ctx, "group/app", testkit.PipelinesOf(matrixPipeline), nil) {
			if err != nil {
				return err
			}
			last = result.Err
		}
		return last
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
