package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

// addPipelines adds pipelines that run for some seconds.
func addPipelines(srv *gitlabcitest.Server) {
	for i, ref := range []string{"main", "main", "fix/cache", "main"} {
		job := gitlabcitest.Job{Name: "unit", Script: gitlabcitest.Script{Queues: 500 * time.Millisecond, Runs: time.Duration(1+i) * time.Second}}
		if i%2 == 1 {
			job.Script.Result, job.Script.FailureReason = gitlabci.StatusFailed, gitlabci.FailureReasonScriptFailure
		}
		srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: ref}).AddJob(job)
	}
}

// demo watches a fake GitLab for some seconds, and prints the metrics without buckets.
func demo(ctx context.Context, m *metrics, registry prometheus.Gatherer, out io.Writer) error {
	folder, err := os.MkdirTemp("", "exporter")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	store, err := openStore(filepath.Join(folder, "state"))
	if err != nil {
		return err
	}
	srv := gitlabcitest.NewServer()
	addPipelines(srv)
	watching, cancel := context.WithTimeout(ctx, 4*time.Second)
	defer cancel()
	w := &watcher{client: srv.Client(gitlabci.WithHooks(m.hooks())), metrics: m, store: store, refs: []string{"main"}, interval: time.Second}
	if err := w.watch(watching, "group/app"); !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return printMetrics(registry, out)
}

func printMetrics(registry prometheus.Gatherer, out io.Writer) error {
	families, err := registry.Gather()
	if err != nil {
		return err
	}
	var text strings.Builder
	for _, family := range families {
		if _, err := expfmt.MetricFamilyToText(&text, family); err != nil {
			return err
		}
	}
	for line := range strings.Lines(text.String()) {
		if !strings.HasPrefix(line, "#") && !strings.Contains(line, "_bucket{") {
			if _, err := fmt.Fprint(out, line); err != nil {
				return err
			}
		}
	}
	return nil
}
