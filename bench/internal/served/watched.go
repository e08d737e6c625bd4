package served

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"time"
)

// JobsWatched is how many jobs WatchedPage has.
const JobsWatched = 50

// FirstWatched is the ID of a pipeline for WatchedPage; more of them follow it.
const FirstWatched int64 = 1_000_000_000

// WatchedPage is the page of all jobs of a pipeline that runs. One of them may have ended.
func WatchedPage(pipeline int64, ended bool) []byte {
	page := bytes.ReplaceAll(watchedPage(), []byte("##########"), fmt.Append(nil, pipeline))
	if ended {
		page = bytes.Replace(page, []byte(`"status":"running"`), []byte(`"status":"success"`), 1)
	}
	return page
}

// ChangedPipeline is a pipeline in a list of those that have changed.
func ChangedPipeline(pipeline int64, status string, changed time.Time) string {
	return fmt.Sprintf(`{"id":%d,"iid":5100,"project_id":57,"sha":"%040x","ref":"main","status":%q,"source":"push",`+
		`"created_at":"2026-04-09T05:29:59.801Z","updated_at":%q,"web_url":"https://gitlab.example.com/group/app/-/pipelines/%[1]d","name":null}`,
		pipeline, firstCommit, status, changed.UTC().Format("2006-01-02T15:04:05.000Z"))
}

var watchedPage = sync.OnceValue(func() []byte {
	jobs := make([]string, JobsWatched)
	for i := range jobs {
		jobs[i] = watchedText(i)
	}
	return []byte("[" + strings.Join(jobs, ",") + "]")
})

func watchedText(i int) string {
	sha := fmt.Sprintf("%040x", firstCommit)
	return fmt.Sprintf(`{"id":%d,`, NewestJob-int64(i)) + strings.Join([]string{
		fmt.Sprintf(`"status":"running","stage":"test","name":"rspec %d/%d"`, i+1, JobsWatched),
		`"ref":"main","tag":false,"coverage":null,"allow_failure":false,"created_at":"2026-04-09T05:00:00.000Z"`,
		`"started_at":"2026-04-09T05:00:09.000Z","finished_at":null,"erased_at":null,"duration":12.5,"queued_duration":9.0`,
		fmt.Sprintf(jobPeople, 101),
		fmt.Sprintf(jobCommit, sha, 0xabcdef),
		fmt.Sprintf(jobPipeline, 5100, sha),
		fmt.Sprintf(`"web_url":"https://gitlab.example.com/group/app/-/jobs/%d","archived":false,"artifacts":[],"artifacts_expire_at":null`, NewestJob-int64(i)),
		fmt.Sprintf(jobRunner, 22+i%2),
		`"tag_list":["docker","linux"]`,
	}, ",") + "}"
}
