package main

import (
	"context"
	"fmt"
	"strings"

	"example.com/gitlabci"
)

// readNeeds reads what the jobs of a pipeline wait for. Only the validation of a project's
// configuration returns that, and not for child pipelines.
func readNeeds(ctx context.Context, client *gitlabci.Client, p *gitlabci.Pipeline) (needs, error) {
	if p.Source == gitlabci.SourceParentPipeline {
		return nil, nil
	}
	result, err := client.Lint.ValidateProject(ctx, p.ProjectID, &gitlabci.LintProjectOptions{ContentRef: p.SHA, IncludeJobs: true})
	switch {
	case err != nil:
		return nil, err
	case !result.Valid:
		return nil, fmt.Errorf("the configuration is not valid: %s", strings.Join(result.Errors, ", "))
	}
	all := needs{}
	for _, job := range result.Jobs {
		if job.Needs == nil {
			continue // it waits for the earlier stages
		}
		all[job.Name] = []string{}
		for _, need := range job.Needs {
			all[job.Name] = append(all[job.Name], need.Name)
		}
	}
	return all, nil
}
