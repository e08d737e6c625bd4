package gitlabci_test

import (
	"context"
	"fmt"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

// A token for production is rotated. That of all other environments stays, and so do the
// flags: what Get returns has them.
func ExampleVariablesService_Set() {
	srv := gitlabcitest.NewServer()
	project := gitlabci.ProjectID("group/app")
	srv.AddVariable(project, gitlabci.CIVariable{Key: "TOKEN", Value: "for-all-others"})
	srv.AddVariable(project, gitlabci.CIVariable{Key: "TOKEN", Value: "for-production", EnvironmentScope: "production", Protected: true, Masked: true})
	client, ctx := srv.Client(), context.Background()

	token, err := client.Variables.Get(ctx, project, "TOKEN", &gitlabci.VariableOptions{Scope: "production"})
	if err != nil {
		fmt.Println(err)
		return
	}
	token.Value = "for-production-2"
	if _, err := client.Variables.Set(ctx, project, token); err != nil {
		fmt.Println(err)
		return
	}
	for v, err := range client.Variables.All(ctx, project, nil) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(v.Key, v.EnvironmentScope, v.Value, v.Masked)
	}
	fmt.Printf("%+v\n", token)
	// Output:
	// TOKEN * for-all-others false
	// TOKEN production for-production-2 true
	// {Key:TOKEN Value:[REDACTED] VariableType:env_var Protected:true Masked:true Hidden:false Raw:false EnvironmentScope:production Description:}
}

func ExampleLintService_Validate() {
	srv := gitlabcitest.NewServer()
	srv.OnLint("group/app", func(gitlabcitest.Lint) gitlabci.LintResult {
		return gitlabci.LintResult{Valid: true, Jobs: []*gitlabci.LintJob{
			{Name: "build", Stage: "build"}, {Name: "lint", Stage: "test", Needs: []gitlabci.LintNeed{}},
			{Name: "deploy", Stage: "deploy", Needs: []gitlabci.LintNeed{{Name: "build", Artifacts: true}}},
		}}
	})
	client, ctx := srv.Client(), context.Background()

	result, err := client.Lint.Validate(ctx, "group/app", "build: …", &gitlabci.LintOptions{IncludeJobs: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, problem := range result.Errors {
		fmt.Println(problem)
	}
	for _, job := range result.Jobs {
		switch {
		case job.Needs == nil:
			fmt.Println(job.Name, "waits for the stages before", job.Stage)
		case len(job.Needs) == 0:
			fmt.Println(job.Name, "waits for nothing")
		default:
			fmt.Println(job.Name, "waits for", job.Needs[0].Name)
		}
	}
	// Output:
	// build waits for the stages before build
	// lint waits for nothing
	// deploy waits for build
}
