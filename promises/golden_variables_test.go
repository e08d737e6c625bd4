package promises_test

import (
	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

// goldenVariables are the responses about variables and configuration.
var goldenVariables = []goldenTest{
	{call: "variables_list", file: "variables_list.json", want: goldenVariableList},
	{call: "variables_all", file: "variables_list.json", want: goldenVariableList},
	{call: "variables_get", file: "variables_get.json", want: goldenVariable, except: []string{"Hidden", "Masked"}},
	{call: "lint_validate", file: "lint_validate.json", want: goldenLint, except: []string{"Valid"}},
	{call: "lint_validate_project", file: "lint_validate_project.json", want: goldenLintProject, except: goldenUnfilled(goldenLintProject)},
}

var goldenVariableList = []*gitlabci.CIVariable{
	{
		Key: "DEPLOY_TOKEN", VariableType: gitlabci.VariableTypeEnvVar, Protected: true, Masked: true, Hidden: true, Raw: true,
		EnvironmentScope: "review/*", Description: "Rotated each month",
	},
	{Key: "FLOOR_PLAN", Value: "rooms:\n  - 3b\n", VariableType: gitlabci.VariableTypeFile, EnvironmentScope: "*"},
}

var goldenVariable = &gitlabci.CIVariable{
	Key: "REGION", Value: `{"room": "3b"}`, VariableType: gitlabci.VariableTypeFile, Protected: true, Raw: true,
	EnvironmentScope: "*", Description: "Opens the door of the server room",
}

var goldenLint = &gitlabci.LintResult{
	Errors:     []string{`jobs:measure:needs job "survey" is not defined in current or prior stages`},
	Warnings:   []string{"jobs:paint may allow multiple pipelines to run for a single action due to `rules:when` clause with no `workflow:rules`"},
	MergedYAML: "---\nstages:\n- build\n- measure\npaint:\n  stage: build\n  script: paint --all\n",
	Includes: []gitlabci.LintInclude{
		{
			Type: "file", Location: "/rooms/paint.yml",
			Blob:  "https://gitlab.example.com/house/shared/-/blob/5a1f3c77d0e94b2a8c6d1e0f9b8a7c6d5e4f3a21/rooms/paint.yml",
			Raw:   "https://gitlab.example.com/house/shared/-/raw/5a1f3c77d0e94b2a8c6d1e0f9b8a7c6d5e4f3a21/rooms/paint.yml",
			Extra: map[string]any{"project": "house/shared", "ref": "v3"}, ContextProject: "house/plan", ContextSHA: testkit.SHA,
		},
		{
			Type: "remote", Location: "https://templates.example.com/measure.yml", Raw: "https://templates.example.com/measure.yml",
			Extra: map[string]any{}, ContextProject: "house/plan", ContextSHA: testkit.SHA,
		},
	},
	Jobs: []*gitlabci.LintJob{
		{
			Name: "paint", Stage: "build", BeforeScript: []string{"open-windows"}, Script: []string{"paint --all"}, AfterScript: []string{"close-windows"},
			TagList:     []string{"brush"},
			Only:        &gitlabci.LintPolicy{Refs: []string{"branches"}, Variables: []string{"$COLOR"}, Changes: []string{"rooms/**/*"}},
			Except:      &gitlabci.LintPolicy{Refs: []string{"tags"}, Variables: []string{"$DRY"}, Changes: []string{"docs/*"}},
			Environment: "house/upstairs", When: "manual", AllowFailure: true, Needs: []gitlabci.LintNeed{{Name: "survey", Artifacts: true, Optional: true}},
		},
		{
			Name: "measure", Stage: "measure", BeforeScript: []string{}, Script: []string{"measure"}, AfterScript: []string{}, TagList: []string{},
			When: "on_success", Needs: []gitlabci.LintNeed{}, // it waits for nothing
		},
		{
			Name: "sweep", Stage: "measure", BeforeScript: []string{}, Script: []string{"sweep"}, AfterScript: []string{}, TagList: []string{},
			When: "always", // it waits for the stage before
		},
	},
}

var goldenLintProject = &gitlabci.LintResult{
	Valid: true, Errors: []string{}, Warnings: []string{}, MergedYAML: "---\nmeasure:\n  script: measure\n", Includes: []gitlabci.LintInclude{},
}
