package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"example.com/gitlabci"
)

// isDenied reports whether the token has too few rights. That is no property of a pipeline:
// others could not be explained either, and would be missed if they counted as handled.
func isDenied(err error) bool {
	return refuses(err, gitlabci.ErrUnauthorized, gitlabci.ErrForbidden)
}

// isMissing reports whether the pipeline is gone. It may also not be there yet: a server
// with several databases can read from one that is late.
func isMissing(err error) bool {
	return refuses(err, gitlabci.ErrNotFound) && !errors.Is(err, errors.ErrUnsupported)
}

// isFinal reports whether trying again does not help: GitLab refuses the status.
func isFinal(err error) bool { return refuses(err, gitlabci.ErrInvalid, errors.ErrUnsupported) }

func refuses(err error, targets ...error) bool {
	is := func(target error) bool { return errors.Is(err, target) }
	return slices.ContainsFunc(targets, is) && !is(gitlabci.ErrRateLimited) && !is(gitlabci.ErrOutcomeUnknown)
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
