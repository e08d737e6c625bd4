package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"example.com/gitlabci"
)

// isFinal reports whether trying again does not help: the pipeline is gone, or GitLab
// refuses the status.
func isFinal(err error) bool {
	for _, target := range []error{gitlabci.ErrNotFound, gitlabci.ErrForbidden, gitlabci.ErrInvalid, errors.ErrUnsupported} {
		if errors.Is(err, target) {
			return !errors.Is(err, gitlabci.ErrRateLimited) && !errors.Is(err, gitlabci.ErrOutcomeUnknown)
		}
	}
	return false
}

// explain reads why a pipeline failed, and sets the status. Its state is success, since the
// pipeline would stay failed after a retry with a status that is failed.
func (b *bot) explain(ctx context.Context, project gitlabci.ProjectID, pipeline *gitlabci.PipelineInfo) (string, error) {
	failures, err := b.client.Pipelines.Failures(ctx, project, pipeline.ID, &gitlabci.FailuresOptions{Downstream: true})
	if err != nil {
		return "", err
	}
	reason, target := reasonOf(failures)
	opts := &gitlabci.SetStatusOptions{Name: b.settings.name, Pipeline: pipeline.ID, Description: reason, TargetURL: target}
	_, err = b.client.Statuses.Set(ctx, project, pipeline.SHA, gitlabci.StatusSuccess, opts)
	return reason, err
}

// reasonOf says in a line why a pipeline failed, and where to read more.
func reasonOf(failures []*gitlabci.JobFailure) (reason, target string) {
	if len(failures) == 0 {
		return "no job of the pipeline failed", ""
	}
	first := failures[0]
	name := ""
	if first.Job != nil {
		name, target = first.Job.Name, first.Job.WebURL
	} else if first.TriggerJob != nil {
		name, target = first.TriggerJob.Name, first.TriggerJob.WebURL
	}
	reason = string(first.Reason)
	if first.Summary != nil && first.Summary.Reason != "" {
		reason = first.Summary.Reason
	}
	if more := len(failures) - 1; more > 0 {
		name = fmt.Sprintf("%s and %d more", name, more)
	}
	reason = strings.Join(strings.Fields(name+": "+reason), " ")
	if letters := []rune(reason); len(letters) > 255 { // GitLab takes no more
		reason = string(letters[:254]) + "…"
	}
	if len(target) > 255 {
		target = ""
	}
	return reason, target
}
