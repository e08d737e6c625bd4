package main

import (
	"testing/fstest"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

func fakeGitLab() *gitlabcitest.Server {
	srv := gitlabcitest.NewServer()
	srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "feature/login", Status: gitlabci.StatusFailed})
	srv.OnCreate("group/app", gitlabcitest.Pipeline{TestReport: &gitlabci.TestReport{TestSuites: []gitlabci.TestSuite{
		{Name: "unit", TestCases: []gitlabci.TestCase{{Name: "greets by name", ExecutionTime: 0.25}}},
	}}}, gitlabcitest.Job{Name: "unit", Log: "$ go test ./...\nok\n", Artifacts: fstest.MapFS{"coverage.txt": {Data: []byte("98%\n")}}})
	return srv
}
