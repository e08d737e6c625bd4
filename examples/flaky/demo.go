package main

import (
	"fmt"
	"strings"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

// fakeGitLab is one with a dozen pipelines, where some tests fail now and then, one broke and
// one was repaired.
func fakeGitLab() *gitlabcitest.Server {
	srv := gitlabcitest.NewServer()
	const pipelines = 12
	for i := range pipelines {
		p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{
			ID: gitlabci.PipelineID(2_100_481_000 + 17*i), SHA: fmt.Sprintf("%040x", 0xabc123+i*0x1357),
			CreatedAt: time.Now().Add(time.Duration(i-pipelines) * time.Hour),
		})
		retried := i%4 == 1
		if retried { // and passed then
			addTests(p, "unit", true, "TestCheckout", i > 2, "TestUpload", true, "TestSignIn", true, "TestOldRepaired", i > 4, "TestBroken", i < 9)
		}
		addTests(p, "unit", false, "TestCheckout", true, "TestUpload", i != 7, "TestSignIn", true, "TestOldRepaired", i > 4, "TestBroken", i < 9)
		if i == 6 {
			addTests(p, "browser", true, "opens the cart", false, "pays by card", false, "changes the language of the page", true)
		}
		addTests(p, "browser", false, "opens the cart", i != 3 && i != 8, "pays by card", i != 10, "changes the language of the page", true)
	}
	return srv
}

// addTests adds a job with tests, by their names and whether they passed.
func addTests(p *gitlabcitest.Pipeline, job string, retried bool, tests ...any) {
	var report strings.Builder
	for i := 0; i < len(tests); i += 2 {
		outcome := `<failure message="got 503, want 200"/>`
		if tests[i+1] == true {
			outcome = ""
		}
		fmt.Fprintf(&report, `<testcase classname="shop" name="%s">%s</testcase>`, tests[i], outcome)
	}
	status := gitlabci.StatusSuccess
	if strings.Contains(report.String(), "<failure") {
		status = gitlabci.StatusFailed
	}
	p.AddJob(gitlabcitest.Job{Name: job, Retried: retried, Status: status, Reports: map[gitlabci.ArtifactType][]byte{
		gitlabci.ArtifactTypeJUnit: []byte("<testsuites><testsuite>" + report.String() + "</testsuite></testsuites>"),
	}})
}
