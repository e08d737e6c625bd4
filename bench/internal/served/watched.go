package served

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
)

// JobsWatched is how many jobs WatchedPage has.
const JobsWatched = 50

// FirstWatched is the ID of a pipeline for WatchedPage; more of them follow it.
const FirstWatched int64 = 1_000_000_000

// WatchedPage is the page of all jobs of a pipeline that runs.
func WatchedPage(pipeline int64) []byte {
	return bytes.ReplaceAll(watchedPage(), []byte("##########"), fmt.Append(nil, pipeline))
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
