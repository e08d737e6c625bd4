package served

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// A Variety is how many different things the jobs of a page belong to. The fewer they
// are, the more of the page repeats.
type Variety struct{ Pipelines, Users, Runners int }

// What pages of jobs are like.
var (
	OnePipeline = Variety{Pipelines: 1, Users: 1, Runners: 4}
	OneProject  = Variety{Pipelines: 10, Users: 4, Runners: 6}
	AllDistinct = Variety{Pipelines: PerPage, Users: PerPage, Runners: PerPage}
)

// VariedJobs is a full page of whole jobs with values that do not deflate to nothing:
// hashes, times and texts that nobody could guess.
func VariedJobs(v Variety) []byte {
	w := writer{rand.New(rand.NewPCG(uint64(v.Pipelines), 19))}
	pipelines, users, runners := make([][2]string, v.Pipelines), make([]string, v.Users), make([]string, v.Runners)
	for i := range pipelines {
		pipelines[i] = w.pipeline(i)
	}
	for i := range users {
		users[i] = w.user()
	}
	for i := range runners {
		runners[i] = w.runner()
	}
	jobs := make([]string, PerPage)
	for i := range jobs {
		of := i * v.Pipelines / PerPage
		jobs[i] = w.job(i, users[of%v.Users], pipelines[of], runners[w.IntN(v.Runners)])
	}
	return []byte("[" + strings.Join(jobs, ",") + "]")
}

// VariedPipelines is a full page of pipelines of this kind.
func VariedPipelines() []byte {
	w := writer{rand.New(rand.NewPCG(7, 19))}
	pipelines := make([]string, PerPage)
	for i := range pipelines {
		pipelines[i] = w.summary(i, w.hex(40), w.branch(), `,"name":null`)
	}
	return []byte("[" + strings.Join(pipelines, ",") + "]")
}

// A writer writes JSON of invented values.
type writer struct{ *rand.Rand }

const site = "https://gitlab.example.com/"

func (w writer) hex(n int) string {
	text := make([]byte, n)
	for i := range text {
		text[i] = "0123456789abcdef"[w.IntN(16)]
	}
	return string(text)
}

// time is one at most a day before the page was made.
func (w writer) time() string {
	at := time.Date(2026, 4, 9, 5, 30, 0, 0, time.UTC).Add(-time.Duration(w.IntN(86_400_000)) * time.Millisecond)
	return at.Format("2006-01-02T15:04:05.000Z")
}

func (w writer) zoned() string { return strings.Replace(w.time(), "Z", "+02:00", 1) }

var vocabulary = strings.Fields(`adjust allow avoid before between build cache change check clean close collect config
	connect count default delay deploy detect document drop each empty error event every extend fail file filter find
	first fix flow follow from group handle header inside into keep larger limit list load lock login long make merge
	message missing move name never nightly older open order page parse path pressure print queue read remove rename
	repeat report request reset retry return review route runner schema search send session setting shard show skip
	sort split start state stop store strict sync table test through timeout token trace twice unused update upload
	user valid value valve wait warn when while without worker write`)

// words are n words of a sentence.
func (w writer) words(n int) string {
	words := make([]string, n)
	for i := range words {
		words[i] = vocabulary[w.IntN(len(vocabulary))]
	}
	return strings.Join(words, " ")
}

func (w writer) branch() string {
	if w.IntN(3) == 0 {
		return "main"
	}
	return fmt.Sprintf("%d-%s", 1000+w.IntN(9000), strings.ReplaceAll(w.words(4), " ", "-"))
}

func (w writer) user() string {
	id, name := 1000+w.IntN(30_000_000), w.words(2)
	login := strings.ReplaceAll(name, " ", ".")
	return fmt.Sprintf(`{"id":%d,"username":"%s","name":"%s","state":"active","locked":false,"avatar_url":"%suploads/-/system/user/avatar/%[1]d/avatar.png",`+
		`"web_url":"%[4]s%[2]s","created_at":"%[5]s","bio":"%[6]s","location":null,"public_email":"","linkedin":"","twitter":"","discord":"",`+
		`"website_url":"","github":"","organization":null,"job_title":"%[7]s","pronouns":null,"bot":false,"work_information":null,"followers":%[8]d,"following":0,"local_time":null}`,
		id, login, name, site, w.time(), w.words(w.IntN(6)), w.words(2), w.IntN(9))
}

// pipeline is a commit, and the pipeline that runs on it.
func (w writer) pipeline(i int) [2]string {
	sha, title, author := w.hex(40), w.words(5+w.IntN(4)), w.words(2)
	mail, at := strings.ReplaceAll(author, " ", ".")+"@example.org", w.zoned()
	commit := fmt.Sprintf(`{"id":"%s","short_id":"%.8[1]s","created_at":"%[2]s","parent_ids":["%[3]s"],"title":"%[4]s","message":"%[4]s\n\n%[5]s\n%[6]s\n",`+
		`"author_name":"%[7]s","author_email":"%[8]s","authored_date":"%[9]s","committer_name":"%[7]s","committer_email":"%[8]s","committed_date":"%[2]s",`+
		`"trailers":{},"extended_trailers":{},"web_url":"%[10]sgroup/app/-/commit/%[1]s"}`,
		sha, at, w.hex(40), title, w.words(9), w.words(7), author, mail, w.zoned(), site)
	return [2]string{commit, w.summary(i, sha, w.branch(), "")}
}

// summary is a pipeline as lists and jobs have it.
func (w writer) summary(i int, sha, ref, more string) string {
	id := newestPipeline - int64(i*17+w.IntN(17))
	return fmt.Sprintf(`{"id":%d,"iid":%d,"project_id":57,"sha":"%s","ref":"%s","status":"%s","source":"%s","created_at":"%s","updated_at":"%s","web_url":"%sgroup/app/-/pipelines/%[1]d"%[10]s}`,
		id, 5100-i, sha, ref, w.status(), []string{"push", "merge_request_event", "schedule"}[w.IntN(3)], w.time(), w.time(), site, more)
}

func (w writer) status() string {
	return []string{"success", "success", "failed", "running", "canceled"}[w.IntN(5)]
}

func (w writer) runner() string {
	id, name := 20_000_000+w.IntN(9_000_000), strings.ReplaceAll(w.words(2), " ", "-")
	return fmt.Sprintf(`"runner":{"id":%d,"description":"%s","ip_address":null,"active":true,"paused":false,"is_shared":true,"runner_type":"instance_type","name":"gitlab-runner",`+
		`"online":true,"created_at":"%s","status":"online","job_execution_status":"active"},`+
		`"runner_manager":{"id":%d,"system_id":"r_%s","version":"19.0.2","revision":"%s","platform":"linux","architecture":"amd64","created_at":"%s","contacted_at":"%s","ip_address":"192.0.2.%d","status":"online"}`,
		id, name, w.time(), id+w.IntN(1000), w.hex(12), w.hex(8), w.time(), w.time(), w.IntN(256))
}

func (w writer) job(i int, user string, pipeline [2]string, runner string) string {
	id, kind := NewestJob-int64(i*5+w.IntN(5)), w.IntN(8)
	name := []string{"rspec unit pg16", "rspec system pg16", "jest", "lint", "build image", "eslint-changed-files", "review-deploy", "compile-assets"}[kind]
	coverage := "null"
	if kind < 2 {
		coverage = fmt.Sprintf("%.2f", 60+30*w.Float64())
	}
	size := 100_000 + w.IntN(9_000_000)
	return fmt.Sprintf(`{"id":%d,"status":"%s","stage":"%s","name":"%s %d/24","ref":"main","tag":false,"coverage":%s,"allow_failure":%t,`+
		`"created_at":"%s","started_at":"%s","finished_at":"%s","erased_at":null,"duration":%.6f,"queued_duration":%.6f,"user":%s,"commit":%s,"pipeline":%s,`+
		`"web_url":"%sgroup/app/-/jobs/%[1]d","project":{"ci_job_token_scope_enabled":false},"artifacts_file":{"filename":"artifacts.zip","size":%[17]d},"artifacts":[`+
		`{"file_type":"archive","size":%[17]d,"filename":"artifacts.zip","file_format":"zip"},{"file_type":"metadata","size":%[18]d,"filename":"metadata.gz","file_format":"gzip"},`+
		`{"file_type":"trace","size":%[19]d,"filename":"job.log","file_format":null}],%[20]s,"artifacts_expire_at":"%[21]s","archived":false,"tag_list":["docker","linux"]}`,
		id, w.status(), []string{"build", "test", "review"}[kind/3], name, 1+w.IntN(24), coverage, kind == 3, w.time(), w.time(), w.time(), 900*w.Float64(), 20*w.Float64(),
		user, pipeline[0], pipeline[1], site, size, size/90, 4000+w.IntN(90_000), runner, w.time())
}
