package served

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

const (
	// PerPage is how many items a page has, at most.
	PerPage        = 100
	jobsOfPipeline = 10

	// NewestJob is the ID of the first job of a list; the others count down from it.
	NewestJob      int64 = 98_765_432_100
	newestPipeline int64 = 2_345_678_900
	firstCommit    int64 = 0x2f9e6b1d4c7a
)

// A template is one page of a list, with room for the numbers in which the
// pages differ. Filling them in costs little more than a copy, so that the
// server is not what is measured.
type template struct {
	text  []byte
	holes []hole
	ends  []int // of the items in text
}

// A hole is room for a number, which counts down from newest, by one for so
// many items.
type hole struct {
	at, item, items int
	newest          int64
}

// newTemplate is a page of the items that item returns.
func newTemplate(itemsOfPipeline int, item func(i int) string) *template {
	// Eleven signs are for a job's number, ten for a pipeline's.
	t, marks := &template{text: []byte("[")}, regexp.MustCompile(`#{10,11}`)
	for i := range PerPage {
		text := item(i)
		for _, mark := range marks.FindAllStringIndex(text, -1) {
			h := hole{at: len(t.text) + mark[0], item: i, items: 1, newest: NewestJob}
			if mark[1]-mark[0] == 10 {
				h.newest, h.items = newestPipeline, itemsOfPipeline
			}
			t.holes = append(t.holes, h)
		}
		t.text = append(t.text, text...)
		t.ends = append(t.ends, len(t.text))
		t.text = append(t.text, ',')
	}
	t.text[len(t.text)-1] = ']'
	return t
}

// page is the page that begins with the first of some items, and has n of them.
func (t *template) page(first, n int) []byte {
	if n == 0 {
		return []byte("[]")
	}
	page := bytes.Clone(t.text[:t.ends[n-1]+1])
	page[len(page)-1] = ']'
	for _, h := range t.holes {
		if h.item == n {
			break
		}
		strconv.AppendInt(page[h.at:h.at], h.newest-int64((first+h.item)/h.items), 10)
	}
	return page
}

// PipelinesPage is a page of pipelines with the fields that GitLab's list has. It
// begins with the item of that index, and has n of them.
func PipelinesPage(first, n int) []byte { return pipelinesPage().page(first, n) }

var pipelinesPage = sync.OnceValue(func() *template { return newTemplate(1, pipelineText) })

func pipelineText(i int) string {
	return fmt.Sprintf(`{"id":##########,"iid":%d,"project_id":57,"sha":"%040x","ref":"%s","status":"%s","source":"push",`+
		`"created_at":"2026-04-09T05:%02d:59.801Z","updated_at":"2026-04-09T06:%02[5]d:02.333Z",`+
		`"web_url":"https://gitlab.example.com/group/app/-/pipelines/##########","name":null}`,
		5100-i, firstCommit+int64(i), []string{"main", "feature/valves"}[i%2], []string{"success", "failed", "running"}[i%3], 59-i/2)
}

const jobPeople = `"user":{"id":%d,"username":"user.%[1]d","name":"User %[1]d","state":"active","locked":false,"public_email":"",` +
	`"avatar_url":"https://gitlab.example.com/uploads/-/system/user/avatar/%[1]d/a.png","web_url":"https://gitlab.example.com/user.%[1]d",` +
	`"created_at":"2021-08-17T10:45:30.625Z","bio":"","location":null,"linkedin":"","twitter":"","discord":"","website_url":"",` +
	`"organization":null,"job_title":"","pronouns":null,"bot":false,"work_information":null,"followers":0,"following":0,"local_time":null}`

const jobCommit = `"commit":{"id":"%s","short_id":"%.8[1]s","created_at":"2026-04-09T05:28:59.000+02:00","parent_ids":["%040x"],` +
	`"title":"Check every valve twice","message":"Check every valve twice\n\nThe second look found the leak.\n",` +
	`"author_name":"Noor Haddad","author_email":"noor@example.org","authored_date":"2026-04-09T05:27:11.000+02:00",` +
	`"committer_name":"Noor Haddad","committer_email":"noor@example.org","committed_date":"2026-04-09T05:28:58.000+02:00",` +
	`"trailers":{},"extended_trailers":{},"web_url":"https://gitlab.example.com/group/app/-/commit/%[1]s"}`

const jobPipeline = `"pipeline":{"id":##########,"iid":%d,"project_id":57,"sha":"%s","ref":"main","status":"running","source":"push",` +
	`"created_at":"2026-04-09T05:29:59.801Z","updated_at":"2026-04-09T05:34:02.333Z",` +
	`"web_url":"https://gitlab.example.com/group/app/-/pipelines/##########"}`

const jobFiles = `"artifacts_file":{"filename":"artifacts.zip","size":%d},"artifacts":[` +
	`{"file_type":"archive","size":%[1]d,"filename":"artifacts.zip","file_format":"zip"},` +
	`{"file_type":"trace","size":%[2]d,"filename":"job.log","file_format":null}],"artifacts_expire_at":"2026-05-09T05:30:00.000Z"`

const jobRunner = `"runner":{"id":%d,"description":"shed-7","ip_address":null,"active":true,"paused":false,"is_shared":true,` +
	`"runner_type":"instance_type","name":"gitlab-runner","online":true,"created_at":"2025-12-01T04:05:06.070Z","status":"online",` +
	`"job_execution_status":"active"},"runner_manager":{"id":%[1]d,"system_id":"r_9b3a77e0c114","version":"19.0.2","revision":"41f0be9c",` +
	`"platform":"linux","architecture":"amd64","created_at":"2025-12-02T13:14:15.160Z","contacted_at":"2026-04-09T05:31:00.000Z",` +
	`"ip_address":"192.0.2.61","status":"online"}`

// JobsPage is a full page of whole jobs: those of ten pipelines, by three users, on
// two runners. It begins with the item of that index.
func JobsPage(first int) []byte { return jobsPage().page(first, PerPage) }

var jobsPage = sync.OnceValue(func() *template { return newTemplate(jobsOfPipeline, jobText) })

func jobText(i int) string {
	sha := fmt.Sprintf("%040x", firstCommit+int64(i/jobsOfPipeline))
	at := fmt.Sprintf("2026-04-09T05:%02d:%02d.%03dZ", 59-i/jobsOfPipeline, 59-i%jobsOfPipeline, i)
	return `{"id":###########,` + strings.Join([]string{
		fmt.Sprintf(`"status":"%s","stage":"%s","name":"rspec %d/10"`, []string{"success", "failed", "running"}[i%3], []string{"build", "test", "deploy"}[i%3], i%10+1),
		fmt.Sprintf(`"ref":"main","tag":false,"coverage":null,"allow_failure":false,"created_at":"%s","started_at":"%[1]s","finished_at":"%[1]s","erased_at":null`, at),
		fmt.Sprintf(`"duration":%d.5,"queued_duration":%d.125`, 12+i, i%7),
		fmt.Sprintf(jobPeople, 101+i/jobsOfPipeline%3),
		fmt.Sprintf(jobCommit, sha, 0xabcdef+i/jobsOfPipeline),
		fmt.Sprintf(jobPipeline, 5100-i/jobsOfPipeline, sha),
		`"web_url":"https://gitlab.example.com/group/app/-/jobs/###########","project":{"ci_job_token_scope_enabled":false},"archived":false`,
		fmt.Sprintf(jobFiles, 1_400_000+i, 4000+i),
		fmt.Sprintf(jobRunner, 22+i%2),
		`"tag_list":["docker","linux"]`,
	}, ",") + "}"
}
