package gitlabcitest_test

import (
	"fmt"
	"net/http"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
)

// A receiver of webhooks gets events, and some of them twice.
func ExampleServer_AddHook() {
	srv := gitlabcitest.NewServer()
	defer srv.Close()
	receiver := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		fmt.Println(r.Header.Get("X-Gitlab-Event"), r.Header.Get("Webhook-Signature") != "")
	})
	srv.AddHook("group/app", gitlabcitest.Hook{
		Handler: receiver, SigningToken: "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
		Events: []gitlabcitest.HookEvent{gitlabcitest.HookEventPipeline, gitlabcitest.HookEventJob},
	})
	srv.Fault(gitlabcitest.Fault{Route: gitlabcitest.HookRoute, Break: gitlabcitest.BreakRepeat, Nth: 2, Times: 1})

	pipeline := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusRunning})
	job := pipeline.AddJob(gitlabcitest.Job{Status: gitlabci.StatusRunning})
	srv.SetJobStatus(job.ID, gitlabci.StatusSuccess)
	srv.Wait()
	// Output:
	// Job Hook true
	// Pipeline Hook true
	// Pipeline Hook true
}
