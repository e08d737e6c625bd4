package main

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/examples/internal/console"
	"example.com/gitlabci/gitlabcitest"
)

// A log that changes while a section is folded does not stay in it.
func TestRewritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := gitlabcitest.NewServer()
		job := srv.AddPipeline("group/app", gitlabcitest.Pipeline{}).AddJob(gitlabcitest.Job{Status: gitlabci.StatusRunning, Log: demoLog[:200]})
		time.AfterFunc(3*time.Second, func() {
			srv.SetLog(job.ID, strings.Repeat("another\n", 2*lastLines)+demoLog)
			srv.SetJobStatus(job.ID, gitlabci.StatusSuccess)
		})
		var out strings.Builder
		s := &settings{project: "group/app", printer: printer{out: &out}}
		if _, err := s.show(t.Context(), srv.Client(), job.ID, console.NewNotes(t.Output())); err != nil {
			t.Fatal(err)
		}
		want := "[log rewritten by the server; continuing from byte 0]\n" + strings.Repeat("another\n", 2*lastLines) + folded
		if !strings.HasSuffix(out.String(), want) {
			t.Errorf("the log is:\n%s", &out)
		}
	})
}
