package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"golang.org/x/sync/errgroup"

	"example.com/gitlabci"
	"example.com/gitlabci/examples/internal/console"
)

// list reads the pipelines, and details of each unless they are to be left out.
func list(ctx context.Context, client *gitlabci.Client, s *settings, bar *console.Bar) ([]*gitlabci.Pipeline, error) {
	var pipelines []*gitlabci.Pipeline
	for info, err := range client.Pipelines.All(ctx, s.project, &s.opts) {
		if err != nil {
			return nil, err
		}
		pipelines = append(pipelines, &gitlabci.Pipeline{PipelineInfo: *info})
		bar.Set(int64(len(pipelines)), 0)
		if len(pipelines) == s.limit {
			break
		}
	}
	if s.brief {
		return pipelines, nil
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(4)
	var read atomic.Int64
	for i, listed := range pipelines {
		group.Go(func() error {
			pipeline, err := client.Pipelines.Get(ctx, s.project, listed.ID)
			bar.Set(read.Add(1), int64(len(pipelines)))
			if errors.Is(err, gitlabci.ErrNotFound) {
				return nil // it was deleted meanwhile, and is printed as it was listed
			}
			pipelines[i] = pipeline
			return err
		})
	}
	return pipelines, group.Wait()
}

// printTable prints a table of at most 79 columns, how many pipelines have which status, and
// if it took long, how long.
func printTable(out io.Writer, pipelines []*gitlabci.Pipeline, took time.Duration) error {
	t, colored := console.NewTable(map[int]int{2: 9, 3: 17, 5: 9, 6: 8}), console.WantsColors(out)
	t.AppendHeader(table.Row{"pipeline", "status", "ref", "sha", "source", "user", "age", "took"})
	counts := map[gitlabci.Status]int{}
	for _, pipeline := range pipelines {
		t.AppendRow(row(pipeline, colored))
		counts[pipeline.Status]++
	}
	var words []string
	for _, status := range slices.Sorted(maps.Keys(counts)) {
		words = append(words, fmt.Sprintf("%d %s", counts[status], console.StatusText(status, colored)))
	}
	if len(pipelines) > 0 {
		fmt.Fprintln(out, t.Render())
	}
	total := fmt.Sprintf("%d pipelines%s", len(pipelines), console.InTime(took))
	_, err := fmt.Fprintln(out, strings.TrimSuffix(total+": "+strings.Join(words, ", "), ": "))
	return err
}

func row(p *gitlabci.Pipeline, colored bool) table.Row {
	user, ref := "", p.Ref
	if strings.HasPrefix(ref, "refs/merge-requests/") {
		ref = "!" + strings.Split(ref, "/")[2]
	}
	if p.User != nil {
		user = p.User.Username
	}
	source := strings.NewReplacer("merge_request_event", "MR", "_", " ").Replace(string(p.Source))
	return table.Row{p.ID, console.StatusText(p.Status, colored), console.Printable(ref), p.SHA[:min(8, len(p.SHA))],
		console.Printable(source), console.Printable(user), console.Ago(time.Since(p.CreatedAt)), console.Took(p.Duration.Duration())}
}
