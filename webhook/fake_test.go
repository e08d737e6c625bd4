package webhook_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/webhook"
)

// The events of the fake are verified, and typed as its API says.
func TestEventsOfTheFake(t *testing.T) {
	for name, hook := range map[string]gitlabcitest.Hook{
		"signing token": {SigningToken: vectorToken},
		"secret token":  {Token: secret},
		"both":          {SigningToken: vectorToken, Token: secret},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				last := map[string]gitlabci.Status{}
				r := receive(t, webhook.HandlerOptions{}, func(_ context.Context, e *webhook.Event) error {
					mu.Lock()
					defer mu.Unlock()
					if e.Signed != (hook.SigningToken != "") || e.Project.PathWithNamespace != "group/app" {
						return fmt.Errorf("signed %v, of %q", e.Signed, e.Project.PathWithNamespace)
					}
					switch {
					case e.Pipeline != nil && !last["pipeline"].Finished():
						last["pipeline"] = e.Pipeline.Status
					case e.Job != nil && !last[e.Job.Name].Finished():
						last[e.Job.Name] = e.Job.Status
						if e.Job.FailureReason != "" && e.Job.Status != gitlabci.StatusFailed {
							return fmt.Errorf("a reason of %s", e.Job.Status)
						}
					}
					return nil
				})
				srv := gitlabcitest.NewServer()
				defer srv.Close()
				hook.Handler = r
				p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "main"})
				srv.AddHook("group/app", hook)
				p.AddJob(gitlabcitest.Job{Name: "build", Script: gitlabcitest.Script{Runs: time.Minute}})
				p.AddJob(gitlabcitest.Job{Name: "test", Script: gitlabcitest.Script{Runs: time.Minute, Result: gitlabci.StatusFailed}})
				time.Sleep(time.Hour)
				require.NoError(t, r.Shutdown(t.Context()))
				require.Empty(t, r.reported())
				require.Equal(t, map[string]gitlabci.Status{"pipeline": "failed", "build": "success", "test": "failed"}, last)
			})
		})
	}
}
