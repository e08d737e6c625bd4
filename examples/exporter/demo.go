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

	"example.com/gitlabci"
	"example.com/gitlabci/examples/internal/state"
	"example.com/gitlabci/gitlabcitest"
)

// fakeGitLab has pipelines that run for 1, 2 and 3 seconds, and one that runs for longer.
func fakeGitLab() *gitlabcitest.Server {
	srv := gitlabcitest.NewServer()
	for i, ref := range []string{"main", "main", "fix/cache", "main"} {
		job := gitlabcitest.Job{Name: "unit", Script: gitlabcitest.Script{Queues: 500 * time.Millisecond, Runs: time.Duration(1+i) * time.Second}}
		switch i {
		case 1:
			job.Script.Result, job.Script.FailureReason = gitlabci.StatusFailed, gitlabci.FailureReasonScriptFailure
		case 3:
			job.Script.Runs = time.Hour
		}
		srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: ref}).AddJob(job)
	}
	return srv
}

// demo watches a fake GitLab for some seconds, and prints the metrics.
func demo(ctx context.Context, m *metrics, registry prometheus.Gatherer, out, notes io.Writer) error {
	const lasts = 5 * time.Second
	fmt.Fprintf(notes, "watching 4 pipelines for %v\n", lasts)
	folder, err := os.MkdirTemp("", "exporter")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	file, err := state.Open[gitlabci.JobID](filepath.Join(folder, "state"))
	if err != nil {
		return err
	}
	watching, cancel := context.WithTimeout(ctx, lasts)
	defer cancel()
	w := &watcher{client: fakeGitLab().Client(gitlabci.WithHooks(m.hooks())), metrics: m, state: file, refs: []string{"main"}, interval: time.Second}
	if err := w.watch(watching, "group/app"); ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return printMetrics(registry, out)
}

// printMetrics prints metrics for people: each name, and below it the labels and values.
func printMetrics(registry prometheus.Gatherer, out io.Writer) error {
	families, err := registry.Gather()
	if err != nil {
		return err
	}
	var text strings.Builder
	for _, family := range families {
		fmt.Fprintln(&text, family.GetName())
		for _, metric := range family.GetMetric() {
			var labels []string
			for _, label := range metric.GetLabel() {
				labels = append(labels, label.GetValue())
			}
			value := fmt.Sprint(metric.GetCounter().GetValue() + metric.GetGauge().GetValue())
			if h := metric.GetHistogram(); h != nil {
				value = fmt.Sprintf("%d, %gs in all", h.GetSampleCount(), h.GetSampleSum())
			}
			fmt.Fprintf(&text, "  %s: %s\n", strings.Join(labels, " "), value)
		}
	}
	_, err = io.WriteString(out, text.String())
	return err
}
